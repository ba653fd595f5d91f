"""Two installations: one on its first day, and one that is a year old."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from slipway.webhook import transport
from tests.aged.installation import PUSHES, Installation, create_copy, installed
from tests.server.airflow_database import AirflowDatabase, create_empty, drop, make
from tests.server.conftest import question_connection
from tests.server.sender import KEY


@pytest.fixture(scope="session")
def patience() -> Iterator[pytest.MonkeyPatch]:
    """Nothing here judges how fast the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "STORE_SECONDS", 300)
        patch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection(KEY))
        yield patch


@pytest.fixture(scope="session")
def installations(
    tmp_path_factory: pytest.TempPathFactory, lab: Any, patience: pytest.MonkeyPatch
) -> Iterator[tuple[Installation, Installation]]:
    """The young one, and the aged one."""
    names = [f"slipway_{age}_{secrets.token_hex(4)}" for age in ("young", "aged")]
    with ExitStack() as stack:
        young = make(tmp_path_factory.mktemp("airflow"), create_empty(lab.database, names[0]))
        stack.callback(drop, lab.database, names[0])
        aged = AirflowDatabase(young.home, create_copy(lab.database, *names))
        stack.callback(drop, lab.database, names[1])
        yield (
            stack.enter_context(installed(young, 0)),
            stack.enter_context(installed(aged, PUSHES)),
        )


@pytest.fixture
def aged(tmp_path: Path, lab: Any, patience: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An aged one, of a tenth of the pushes: `db clean` takes minutes."""
    name = f"slipway_cleaned_{secrets.token_hex(4)}"
    with ExitStack() as stack:
        database = make(tmp_path, create_empty(lab.database, name))
        stack.callback(drop, lab.database, name)
        yield stack.enter_context(installed(database, PUSHES // 10))
