"""An application of a test's own, and its releases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lab.access import Lab
from lab.airflow.connections import connections
from tests.dags.pushing import Pushed, application
from tests.release.releases import Releases, releases_of


@pytest.fixture
def app(lab: Lab, airflow_api: httpx.Client, tmp_path: Path) -> Iterator[Pushed]:
    with application(lab, airflow_api, tmp_path / "work") as found:
        yield found


@pytest.fixture
def releases(app: Pushed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Releases]:
    for name, value in connections(app.lab.variables).items():
        monkeypatch.setenv(name, value)
    with releases_of(app) as found:
        yield found
