"""A push that is followed, in a terminal, in one that cannot be redrawn, and in a file."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from slipway.cli.api import Airflow
from slipway.cli.watch import follow, get_stages
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import look, push, run, task
from tests.cli.test_demo import build_everywhere

REDRAWN = re.compile(r"\x1b\[(\?25|\d*[AK])")
"""The cursor is hidden or moved up, or a line erased."""


@pytest.fixture
def followed(api: AirflowApi) -> AirflowApi:
    """A push that is through, with more tasks than a terminal has lines."""
    build_everywhere(api, push())
    api.add_run(run("vm_image", "success", push()))
    for name in api.tasks:
        api.tasks[name] = [task(f"task-{number:02}", "success", number, 20) for number in range(10)]
    return api


def shown(api: AirflowApi, out: Console) -> str:
    with Airflow(api.login) as airflow:
        assert [stage.state for stage in follow(airflow, push().partition_key, 5, out)] == ["success"] * 4
    return str(out.file.getvalue())  # type: ignore[attr-defined]


def test_a_terminal_is_redrawn_and_has_every_task_at_the_end(followed: AirflowApi) -> None:
    text = shown(followed, Console(file=io.StringIO(), force_terminal=True, width=80, height=24))
    assert REDRAWN.search(text)
    last = text.rpartition("pipeline")[2]
    assert [name for name in ("container_image", "deploy") if name not in last] == []
    assert last.count("task-09") == 4


@pytest.mark.parametrize("terminal", ["dumb", None])
def test_anything_else_gets_a_line_for_each_change(
    followed: AirflowApi, terminal: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", terminal or "xterm")
    out = Console(file=io.StringIO(), force_terminal=terminal is not None, width=400, soft_wrap=True)
    text = shown(followed, out)
    assert not REDRAWN.search(text)
    assert len(text.splitlines()) == 4 + 4 * 10
    assert max(len(line) for line in text.splitlines()) <= 100


def test_a_push_shows_the_runs_that_it_has_and_the_deployment_that_is_to_come(api: AirflowApi) -> None:
    def states() -> list[tuple[str, str]]:
        with Airflow(api.login) as airflow:
            return [(one.name, one.state) for one in get_stages(airflow, push().partition_key)]

    assert states() == [("push", "waiting")]
    looked = api.add_run(look(push(), "running"))
    assert states() == [("push", "running"), ("deploy", "waiting")]
    looked |= {"state": "success"}
    build = api.add_run(run("vm_image", "running", push()))
    assert states() == [("push", "success"), ("vm_image", "running"), ("deploy", "waiting")]
    build |= {"state": "success"}
    assert states() == [("push", "success"), ("vm_image", "success")]


def test_a_push_that_deploys_nothing_is_through(api: AirflowApi) -> None:
    api.add_run(look(push()))
    with Airflow(api.login) as airflow:
        stages = follow(airflow, push().partition_key, 60, Console(file=io.StringIO(), width=80))
    assert [(one.name, one.state) for one in stages] == [("push", "success")]
