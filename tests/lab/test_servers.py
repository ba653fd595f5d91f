"""Each of the lab's servers is what it says it is."""

from __future__ import annotations

import json
import os
import subprocess

import docker
import httpx
import psycopg2
import pytest
from sqlalchemy.engine import make_url

from lab.access import Lab, Login

pytestmark = pytest.mark.lab


@pytest.fixture
def engine(lab: Lab) -> docker.DockerClient:
    return docker.DockerClient(base_url=lab.docker_host, timeout=60)


@pytest.fixture
def pulled(engine: docker.DockerClient, lab: Lab) -> str:
    """busybox, as the stand-in of Docker Hub hands it out."""
    hub = lab.dockerhub
    repository = f"{lab['SLIPWAY_DOCKERHUB']}/library/busybox"
    image = engine.images.pull(
        repository, tag="1.36", auth_config={"username": hub.user, "password": hub.password}
    )
    return str(image.id)


def test_the_engine_runs_what_docker_hub_has(engine: docker.DockerClient, pulled: str) -> None:
    assert engine.containers.run(pulled, ["echo", "hello"], remove=True) == b"hello\n"


def test_the_engine_runs_what_must_not_be_killed(engine: docker.DockerClient, pulled: str) -> None:
    """As Kubernetes' sandboxes: with a negative OOM score, which this process may not be allowed to give."""
    printed = engine.containers.run(pulled, ["echo", "hello"], oom_score_adj=-998, remove=True)
    assert printed == b"hello\n"


def test_docker_hub_has_debian(lab: Lab) -> None:
    hub = lab.dockerhub
    answer = httpx.get(f"{hub.url}/v2/library/debian/tags/list", auth=hub.auth, timeout=10)
    assert answer.json()["tags"] == ["bookworm-slim"]


@pytest.mark.parametrize("path", ["/v2/", "/v2/_catalog", "/v2/library/busybox/manifests/1.36"])
def test_registries_refuse_strangers(lab: Lab, path: str) -> None:
    for registry, other in ((lab.registry, lab.dockerhub), (lab.dockerhub, lab.registry)):
        for auth in (None, (registry.user, "wrong"), other.auth):
            answer = httpx.get(f"{registry.url}{path}", auth=auth, timeout=10)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_registry_deletes(lab: Lab) -> None:
    registry = lab.registry
    with httpx.Client(base_url=registry.url, auth=registry.auth, timeout=10, trust_env=False) as client:
        upload = client.post("/v2/tests/deleted/blobs/uploads/").headers["Location"]
        digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        client.put(
            httpx.URL(upload).copy_merge_params({"digest": digest}), content=b"hello"
        ).raise_for_status()
        assert client.delete(f"/v2/tests/deleted/blobs/{digest}").status_code == 202
        assert client.head(f"/v2/tests/deleted/blobs/{digest}").status_code == 404


def test_the_database_wants_its_password(lab: Lab) -> None:
    url = make_url(lab.database)
    known = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    with psycopg2.connect(**known, password=url.password) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW password_encryption")
        assert cursor.fetchone() == ("scram-sha-256",)
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(**known, password="wrong")


def test_airflow_says_that_all_of_it_is_well(airflow_api: httpx.Client) -> None:
    health = airflow_api.get("/api/v2/monitor/health").json()
    assert {part["status"] for part in health.values()} == {"healthy"}


def test_airflow_has_no_import_errors(airflow_api: httpx.Client) -> None:
    assert airflow_api.get("/api/v2/importErrors").json()["import_errors"] == []


def test_airflow_refuses_strangers(lab: Lab) -> None:
    login = Login(lab.airflow.url, lab.airflow.user, "wrong")
    answer = httpx.post(
        f"{login.url}/auth/token", json={"username": login.user, "password": login.password}, timeout=30
    )
    assert answer.status_code == 401
    assert httpx.get(f"{login.url}/api/v2/dags", timeout=30).status_code == 401


def test_airflows_command_sees_the_labs_connections(lab: Lab) -> None:
    command = [lab.state / "bin" / "airflow", "connections", "get", "slipway_registry", "-o", "json"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=120)
    [connection] = json.loads(done.stdout[done.stdout.index("[{") :])
    assert connection["conn_type"] == "docker"
    assert f"{connection['host']}:{connection['port']}" == lab["SLIPWAY_REGISTRY"]


def test_everything_listens_on_loopback_only(lab: Lab) -> None:
    ports = set(json.loads((lab.state / "ports.json").read_text()).values())
    listening = subprocess.run(
        ["ss", "-Hltn"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    addresses = [line.split()[3].rsplit(":", 1) for line in listening]
    assert {address for address, port in addresses if int(port) in ports} == {"127.0.0.1"}
