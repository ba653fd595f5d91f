"""An application of a test's own, gone after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import pytest

from lab.access import Lab
from tests.dags.pushing import Pushed, application


@pytest.fixture
def app(lab: Lab, airflow_api: httpx.Client, tmp_path: Path) -> Iterator[Pushed]:
    with application(lab, airflow_api, tmp_path / "work") as found:
        yield found


@pytest.fixture
def engine(lab: Lab) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=lab.docker_host, timeout=60)
    yield client
    client.close()
