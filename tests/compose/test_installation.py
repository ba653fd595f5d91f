"""An application goes from `git push` to three platforms through an installation as the README has it.

By the real Compose, on the lab's engine. The lab's own Airflow stands aside: pushes are sent to one address.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from rich.console import Console

from lab.access import access
from lab.compose.installation import Installation, client_of, packet_filter
from lab.ground import ground_of
from lab.paths import this_checkout
from lab.roster import servers
from slipway.cli.api import Airflow
from slipway.cli.failure import explain
from slipway.cli.query import get_status
from slipway.cli.repository import WorkingCopy
from slipway.cli.settings import Login
from slipway.cli.status import PushStatus
from slipway.cli.tables import print_statuses
from slipway.cli.watch import follow
from slipway.flow.push import PushEvent

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.release, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]
REPOSITORY = "examples/hello"
PLATFORMS = {"container", "vm", "bare_metal"}
PUSH_SECONDS = 1500
IDLE_SECONDS = 30
IDLE_CORES = 0.5
"""Of all services together; two thirds of it are the scheduler's and the DAG processor's loops."""
BUILDERS = ("worker", "worker-vm", "worker-bare-metal")
OF_THE_DATABASE = {"AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
WITHOUT_DATABASE = OF_THE_DATABASE | {"AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW_ADMIN_PASSWORD"}


@pytest.fixture
def installation() -> Iterator[Installation]:
    """Have an installation prepared, and the lab's own Airflow out of its way; nothing is left of it."""
    paths = this_checkout()
    [airflow] = [server for server in servers(ground_of(paths)) if server.name == "airflow"]
    was_up = airflow.is_up()
    airflow.stop()
    found = Installation(access(paths), paths, airflow.exports())
    try:
        found.prepare()
        yield found
    finally:
        found.remove()
        if was_up:
            airflow.start()


def test_a_push_goes_through_what_the_readme_installs(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    before = packet_filter()
    *commands, removal = installation.commands()
    for command in commands:
        began = time.monotonic()
        installation.client.run(command)
        say(capsys, f"{' '.join(command):<42} {time.monotonic() - began:6.1f} s")
    show_services(capsys, installation)
    assert_healthy(installation)
    assert_each_service_has_what_it_needs(installation)
    assert_idle_costs_little(capsys, installation)

    status = push(installation, capsys)
    assert {name: one.state for name, one in status.platforms.items()} == dict.fromkeys(PLATFORMS, "running")

    installation.client.run(removal)
    assert installation.traces() == {}
    assert packet_filter() == before


def test_what_is_missing_is_named_with_its_cure(tmp_path: Path) -> None:
    paths = this_checkout()
    client = client_of(access(paths), paths, tmp_path)
    client.require_compose()
    shutil.copy(ROOT / "docker-compose.yaml", tmp_path)
    said = client.refused(["docker", "compose", "up", "--detach"])
    assert re.search(r"variable [A-Z_]+ is missing a value: .*make compose-env writes it", said), said


def push(installation: Installation, capsys: pytest.CaptureFixture[str]) -> PushStatus:
    """Push a new commit of the example, and wait until it is through on all platforms."""
    settings, git = installation.settings(), installation.lab.git
    login = Login(settings["AIRFLOW_URL"], "admin", settings["AIRFLOW_ADMIN_PASSWORD"])
    with TemporaryDirectory() as folder, Airflow(login) as airflow, capsys.disabled():
        copy = WorkingCopy(Path(folder), Login(git.url, git.user, git.password), REPOSITORY)
        copy.create(ROOT / "lab" / REPOSITORY)
        (copy.folder / "message.txt").write_text(f"{time.time_ns()}\n")
        event = PushEvent(repository=REPOSITORY, ref="refs/heads/main", commit=copy.commit("a push"))
        out = Console(width=100, highlight=False)
        out.print("\n".join(["", *copy.push()]), markup=False)
        stages = follow(airflow, event.partition_key, PUSH_SECONDS, out)
        status = get_status(airflow, event.partition_key)
        print_statuses(out, [status])
        for name, platform in status.platforms.items():
            if platform.state != "running":
                pytest.fail(explain(airflow, stages, name, platform, PUSH_SECONDS), pytrace=False)
    return status


def assert_healthy(installation: Installation) -> None:
    for service in installation.services():
        if service.name == "database":
            assert service.state == "exited"
        else:
            assert (service.name, service.state, service.health) == (service.name, "running", "healthy")


def assert_each_service_has_what_it_needs(installation: Installation) -> None:
    client = installation.client
    variables = {}
    for name in (service.name for service in installation.services()):
        container = client.compose("ps", "--all", "--quiet", name).strip()
        shown = client.docker("inspect", "--format", "{{json .Config.Env}}", container)
        variables[name] = dict(line.split("=", 1) for line in json.loads(shown))
    assert client.host not in {one.get("DOCKER_HOST") for one in variables.values()}
    assert variables["worker"]["DOCKER_HOST"] == "unix:///var/run/docker.sock"
    for name in BUILDERS:
        assert WITHOUT_DATABASE & variables[name].keys() == set()


def assert_idle_costs_little(capsys: pytest.CaptureFixture[str], installation: Installation) -> None:
    """Measure the processor's time of all containers while nothing is to be done."""
    first, began = busy_seconds(installation), time.monotonic()
    [some, *_] = containers(installation)
    ticks = installation.engine().stats(some["Id"], stream=True)  # the engine sends one a second
    assert sum(1 for _ in islice(ticks, IDLE_SECONDS)) == IDLE_SECONDS
    used, elapsed = busy_seconds(installation), time.monotonic() - began
    cores = {name: (used[name] - first[name]) / elapsed for name in used}
    parts = ", ".join(f"{name} {part:.2f}" for name, part in sorted(cores.items(), key=lambda one: -one[1]))
    say(capsys, f"idle: {sum(cores.values()):.2f} of a core ({parts})")
    assert sum(cores.values()) < IDLE_CORES


def busy_seconds(installation: Installation) -> dict[str, float]:
    """Return what each service's processes have used of the processor."""
    engine = installation.engine()
    found = {}
    for container in containers(installation):
        usage = engine.stats(container["Id"], stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]
        found[container["Labels"]["com.docker.compose.service"]] = usage["total_usage"] / 1e9
    return found


def containers(installation: Installation) -> list[dict[str, Any]]:
    label = f"com.docker.compose.project={installation.project}"
    return list(installation.engine().containers(filters={"label": label}))


def show_services(capsys: pytest.CaptureFixture[str], installation: Installation) -> None:
    for service in installation.services():
        say(capsys, f"{service.name:<18} {service.state:<8} {service.health:<8} {service.image}")


def say(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        print(line, flush=True)
