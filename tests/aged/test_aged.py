"""An installation that is a year old works as on its first day: `make test-aged`."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from tests.aged.installation import Installation
from tests.aged.operations import BY_AIRFLOW, operations
from tests.aged.reading import Cost, measure

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]

SLACK = 100
"""Rows that an operation may read beside half as many again: of a ref, or a place, some of the newest."""


def test_no_operation_costs_more_than_on_the_first_day(
    installations: tuple[Installation, Installation],
    patience: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    costs: list[dict[str, Cost]] = []
    for one in installations:
        patience.setenv("SLIPWAY_URL", one.url)
        done = operations(one.engine, one.sender, one.airflow)
        costs.append({name: measure(one.engine, do) for name, do in done.items()})
    young, aged = costs
    with capsys.disabled():
        print(_table(young, aged))
    for name, cost in aged.items():
        assert cost.from_the_beginning == (), f"{name} reads tables from their beginning"
        if name in BY_AIRFLOW:
            continue
        exist = _recent(installations[1].engine) if name == "retention" else 0  # whose images are kept
        assert cost.rows <= 1.5 * young[name].rows + SLACK + exist, f"{name} reads more, the older it is"


def _recent(engine: Engine) -> int:
    """Return how many releases came in the last days: as long as their images stay."""
    query = "SELECT count(*) FROM slipway_release WHERE at > now() - interval '30 days'"
    with engine.connect() as connection:
        return int(connection.scalar(text(query)) or 0)


def _table(young: dict[str, Cost], aged: dict[str, Cost]) -> str:
    lines = [
        f"\n{'':28}{'first day':>10}{'aged':>10}{'ratio':>7}{'rows':>10}{'aged':>10}  from the beginning"
    ]
    for name, one in aged.items():
        first = young[name]
        times = f"{first.seconds:9.3f}s{one.seconds:9.3f}s{one.seconds / first.seconds:7.2f}"
        lines.append(f"{name:28}{times}{first.rows:10}{one.rows:10}  {', '.join(one.from_the_beginning)}")
    return "\n".join(lines)
