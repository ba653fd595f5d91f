"""An application of a test's own, gone after it."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import pytest

from lab.access import Lab
from slipway.cli.api import Airflow
from slipway.cli.settings import Login
from tests.dags.pushing import Pushed, run_of, source
from tests.registry_images import remove


@pytest.fixture
def app(lab: Lab, airflow_api: httpx.Client, tmp_path: Path) -> Iterator[Pushed]:
    git, web = lab.git, lab.airflow
    with Airflow(Login(web.url, web.user, web.password)) as airflow:
        code = source(tmp_path / "work", Login(git.url, git.user, git.password))
        found = Pushed(lab, code, airflow, airflow_api, f"t-{secrets.token_hex(4)}")
        yield found
        if found.branches:
            code.delete(*dict.fromkeys(found.branches))
        for push in found.handed_on:
            run_of(airflow, push, "deploy")
    remove(lab.registry, found.place)
    kubectl = ["kubectl", f"--kubeconfig={lab.kubeconfig}", "--namespace=demo", "delete"]
    objects = ["deployment,service,configmap", f"--selector=slipway.io/application={found.name}"]
    subprocess.run([*kubectl, *objects], check=True, capture_output=True, timeout=60)


@pytest.fixture
def engine(lab: Lab) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=lab.docker_host, timeout=60)
    yield client
    client.close()
