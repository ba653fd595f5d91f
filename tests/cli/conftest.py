"""Fixtures of the CLI's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.airflow_api import LOGIN, AirflowApi, serve


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[AirflowApi]:
    """A served Airflow API that the environment of this process names."""
    with serve(AirflowApi()) as served:
        monkeypatch.setenv("AIRFLOW_URL", served.url)
        monkeypatch.setenv("AIRFLOW_USER", LOGIN[0])
        monkeypatch.setenv("AIRFLOW_PASSWORD", LOGIN[1])
        yield served
