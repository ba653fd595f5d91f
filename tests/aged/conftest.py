"""Two installations: one on its first day, and one that is a year old."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
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
def aged(installations: tuple[Installation, Installation]) -> Installation:
    """The aged one alone."""
    return installations[1]
