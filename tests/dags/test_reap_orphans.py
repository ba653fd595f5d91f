"""Orphans of every kind, made by hand in the lab: what goes, what stays, and how it is told."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import httpx
import openstack
import pytest
from openstack.connection import Connection
from openstack.exceptions import SDKException

from lab.access import Lab
from slipway.cli.api import Airflow
from slipway.cli.settings import Login
from slipway.diskimage_builder.inputs import build_name
from slipway.diskimage_builder.loops import detach
from slipway.flow.orphans import RunState
from slipway.flow.record import TransientError
from slipway.openstack.traces import CloudTraces
from slipway.pipelines.upkeep.reap_orphans import names, reap
from slipway.worker.traces import WorkerTraces
from tests.dags.pushing import Run, run_with_id

DAG = "reap_orphans"
Start = Callable[..., Run]


@pytest.fixture(scope="module")
def cloud(lab: Lab) -> Iterator[Connection]:
    config = openstack.config.OpenStackConfig(config_files=[str(lab.state / "clouds.yaml")])
    with openstack.connection.Connection(config=config.get_one("slipway")) as found:
        yield found


@pytest.fixture(scope="module")
def airflow(lab: Lab) -> Iterator[Airflow]:
    web = lab.airflow
    with Airflow(Login(web.url, web.user, web.password)) as found:
        yield found


@pytest.fixture(scope="module")
def start(airflow: Airflow, airflow_api: httpx.Client) -> Start:
    """Starts the DAG as a person does, and waits until the run has ended."""

    def run(**conf: object) -> Run:
        answer = airflow_api.post(f"/api/v2/dags/{DAG}/dagRuns", json={"logical_date": None, "conf": conf})
        assert answer.status_code == 200, answer.text
        return run_with_id(airflow, str(answer.json()["dag_run_id"]), DAG)

    return run


@pytest.fixture(scope="module")
def over(start: Start) -> str:
    """The id of a run that is over."""
    return start(dry_run=True).id


@pytest.fixture
def living(airflow: Airflow, airflow_api: httpx.Client) -> Iterator[str]:
    """The id of a run that goes on: it waits for a DAG that is paused."""
    path = "/api/v2/dags/reconcile_pushes"
    assert airflow_api.patch(path, json={"is_paused": True}).status_code == 200
    answer = airflow_api.post(f"{path}/dagRuns", json={"logical_date": None, "conf": {}})
    assert answer.status_code == 200, answer.text
    run_id = str(answer.json()["dag_run_id"])
    yield run_id
    airflow_api.delete(f"{path}/dagRuns/{run_id}")
    airflow_api.patch(path, json={"is_paused": False})


@pytest.fixture
def application(cloud: Connection) -> Iterator[str]:
    """The name of an application of the test's own; what is left of it in the cloud goes."""
    made = f"t-{secrets.token_hex(4)}"
    yield made
    traces = CloudTraces(cloud)
    for trace in traces.find():
        if made in trace.name:
            with suppress(TransientError):
                traces.remove(trace)


def make_group(cloud: Connection, name: str, run: str = "") -> None:
    group = cloud.network.create_security_group(name=name)
    if run:
        cloud.network.set_tags(group, [f"slipway_run={run}"])


def make_image(cloud: Connection, name: str, **properties: str) -> None:
    body = {"name": name, "disk_format": "raw", "container_format": "bare", **properties}
    assert cloud.image.post("/images", json=body).status_code == 201


def left(cloud: Connection, application: str) -> set[tuple[str, str]]:
    """What is in the cloud of an application's builds."""
    found = [("group", one.name) for one in cloud.network.security_groups()]
    found += [("image", one.name) for one in cloud.image.images()]
    with suppress(SDKException):
        found += [("key pair", one.name) for one in cloud.compute.keypairs()]
    return {(kind, name) for kind, name in found if application in name}


def table_of(run: Run, task: str, application: str) -> dict[str, str]:
    """The lines of a task's table, by the name of the thing."""
    found = {}
    for line in run.log(task):
        cells = [cell for cell in line.split("  ") if cell.strip()]
        if any(application in cell for cell in cells) and ("orphan" in line or "stays" in line):
            found[f"{cells[0].strip()} {cells[2].strip()}"] = line
    return found


@pytest.mark.lab
def test_orphans_are_shown_then_removed_and_the_rest_stays(
    start: Start, cloud: Connection, lab: Lab, application: str, over: str, living: str
) -> None:
    dead, alive, strange = (f"slipway-build-{application}-{digit * 16}" for digit in "abc")
    for name, run in ((dead, over), (alive, living), (strange, "scheduled__of-another-airflow")):
        make_group(cloud, name, run)
        make_image(cloud, name, slipway_run=run)
    make_group(cloud, f"web-{application}", over)
    make_image(cloud, f"unmarked-{application}")
    cloud.compute.create_keypair(name=dead)
    everything = left(cloud, application)
    assert len(everything) == 9

    shown = start(dry_run=True, grace_minutes=0)
    assert shown.state == "success", shown.story
    lines = table_of(shown, "outside", application)
    assert {name.split()[-1]: "orphan" in line for name, line in lines.items()} == {
        dead: True,
        alive: False,
        strange: False,
    }
    assert f"run {living} is under way" in lines[f"security group {alive}"]
    assert "is not known here" in lines[f"security group {strange}"]
    assert left(cloud, application) == everything

    graced = start(grace_minutes=60)
    assert graced.state == "success", graced.story
    assert left(cloud, application) == everything

    with left_on_worker(lab, application, living) as (gone, used):
        done = start(grace_minutes=0)
        assert done.state == "success", done.story
        assert (gone.exists(), used.exists()) == (False, True)
    said = [line for line in done.log("outside") if line.startswith("removed ") and application in line]
    kinds = ("key pair", "security group", "half-uploaded image")
    assert said == [f"removed {kind} {dead}" for kind in kinds]
    assert everything - left(cloud, application) == {("group", dead), ("image", dead), ("key pair", dead)}
    lines = table_of(done, "on_worker", application)
    assert socket.gethostname() in lines[f"build folder {gone.name}"]
    assert f"run {living} is under way" in lines[f"build folder {used.name}"]


@contextmanager
def left_on_worker(lab: Lab, application: str, living: str) -> Iterator[tuple[Path, Path]]:
    """Have a build's folder that nobody uses, and one of a run that goes on."""
    builds = lab.state / "airflow" / "slipway" / "builds"
    gone = builds / f"slipway-dib-{application}-{'a' * 16}"
    used = builds / build_name(application, living)
    for folder in (gone, used):
        (folder / "output").mkdir(parents=True)
    try:
        yield gone, used
    finally:
        (used / "output").rmdir()
        used.rmdir()
        used.with_name(f"{used.name}.lock").unlink(missing_ok=True)


@pytest.mark.lab
def test_a_run_names_what_it_could_not_remove_and_removes_the_others(
    start: Start, cloud: Connection, application: str, over: str
) -> None:
    stuck, loose = (f"slipway-build-{application}-{digit * 16}" for digit in "ab")
    make_group(cloud, stuck, over)
    make_group(cloud, loose, over)
    network = cloud.network.find_network("demo")
    group = cloud.network.find_security_group(stuck)
    port = cloud.network.create_port(
        network_id=network.id, name=f"web-{application}", security_group_ids=[group.id]
    )
    try:
        run = start(grace_minutes=0)
        assert run.state == "failed", run.story
        assert run.tries["outside"] == 3, run.story
        assert left(cloud, application) == {("group", stuck)}
        assert f"security group {stuck} ({group.id}) is not removed" in str(run.errors("outside"))
    finally:
        cloud.network.delete_port(port)


def test_a_place_that_is_away_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "builds" / f"slipway-build-shop-{'a' * 16}"
    folder.mkdir(parents=True)
    away = CloudTraces(
        openstack.connect(
            auth_type="v3applicationcredential",
            auth={
                "auth_url": "http://127.0.0.1:1/v3",
                "application_credential_id": "id",
                "application_credential_secret": "secret",
            },
            load_yaml_config=False,
        )
    )
    places = [away, WorkerTraces(tmp_path, detach)]
    with pytest.raises(
        TransientError, match="cloud could not be inspected: OpenStack does not answer on its"
    ):
        reap(places, timedelta(), dry_run=False, ask=lambda _: {})
    assert not folder.exists()


def test_a_run_that_is_started_again_meanwhile_keeps_what_it_made(tmp_path: Path) -> None:
    folder = tmp_path / "builds" / build_name("shop", "run-1")
    folder.mkdir(parents=True)
    answers = iter([{}, {"run-1": RunState(lives=True)}])
    gone = reap([WorkerTraces(tmp_path, detach)], timedelta(), dry_run=False, ask=lambda _: next(answers))
    assert gone == 0
    assert folder.exists()


def test_names_of_living_runs(tmp_path: Path) -> None:
    folder = tmp_path / "builds" / build_name("my-shop", "run-1")
    folder.mkdir(parents=True)
    found = list(WorkerTraces(tmp_path, detach).find())
    assert names(found, ["run-2", "run-1"])[folder.name] == "run-1"
    assert names([], ["run-1"]) == {}
