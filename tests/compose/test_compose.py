"""docker-compose.yaml, its examples of settings and Dockerfile, held to each other and to what they name.

What a parser of Compose would accept and a machine would not run: services that wait for what is never
healthy, settings that Airflow does not know, variables that nobody is told to set.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
AIRFLOW = {name: service for name, service in SERVICES.items() if "env_file" in service}
ENV = (ROOT / ".env.example").read_text()
SLIPWAY_ENV = (ROOT / "slipway.env.example").read_text()


def test_every_part_of_airflow_runs() -> None:
    assert {service["command"][0] for service in AIRFLOW.values() if "command" in service} == {
        *("api-server", "scheduler", "dag-processor", "triggerer", "celery"),
    }


def test_every_queue_that_pipelines_name_has_a_worker() -> None:
    settings = AIRFLOW["dag-processor"]["environment"]
    named = {value for name, value in settings.items() if re.fullmatch(r"SLIPWAY_\w+_QUEUE", name)}
    served = [service["command"] for service in AIRFLOW.values() if "--queues" in service.get("command", ())]
    assert named == {command[command.index("--queues") + 1] for command in served} == {"packer", "dib"}


def test_who_waits_waits_for_what_can_come_true() -> None:
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            other = SERVICES[name]
            if wanted["condition"] == "service_healthy":
                assert other["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
            else:
                assert (wanted["condition"], other["restart"]) == ("service_completed_successfully", "no")


def test_what_keeps_running_has_a_healthcheck() -> None:
    assert [
        name
        for name, service in SERVICES.items()
        if service["restart"] != "no" and "healthcheck" not in service
    ] == []


def test_every_variable_is_explained_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)(:?.)", TEXT))
    names = {name for name, _ in asked} - {"PYTHON_IMAGE", "POSTGRES_IMAGE", "REDIS_IMAGE", "SLIPWAY_TAG"}
    assert "POSTGRES_PASSWORD" in names
    assert names <= set(re.findall(r"^(\w+)=", ENV, re.MULTILINE))


def test_variables_without_default_are_the_ones_that_compose_env_makes(tmp_path: Path) -> None:
    required = dict(re.findall(r"\$\{(\w+):\?([^}]*)\}", TEXT))
    assert {name for name, said in required.items() if "make compose-env writes it" not in said} == set()
    settings = made(tmp_path)
    assert {name for name in required if not settings.get(name)} == set()


def test_compose_env_keeps_what_is_there_and_adds_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=mine\nREDIS_PASSWORD=\nOTHER=x\n")
    (tmp_path / "slipway.env").write_text("AIRFLOW_CONN_SLIPWAY_GITHUB='{}'\n")
    first, second = made(tmp_path), made(tmp_path)
    assert first == second
    assert (first["POSTGRES_PASSWORD"], first["OTHER"]) == ("mine", "x")
    assert re.fullmatch("[0-9a-f]{64}", first["REDIS_PASSWORD"])
    assert set(re.findall(r"^(\w+)=", ENV, re.MULTILINE)) <= first.keys()
    assert (tmp_path / "slipway.env").read_text() == "AIRFLOW_CONN_SLIPWAY_GITHUB='{}'\n"


def test_what_compose_env_writes_is_for_its_owner_only_and_never_the_same_twice(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = made(tmp_path / "a"), made(tmp_path / "b")
    for name in (".env", "slipway.env"):
        assert (tmp_path / "a" / name).stat().st_mode & 0o777 == 0o600
    secret = [name for name in one if re.search("PASSWORD|SECRET|KEY", name)]
    assert len(secret) == 7
    assert [name for name in secret if one[name] == other[name]] == []
    assert len(base64.urlsafe_b64decode(one["AIRFLOW_FERNET_KEY"])) == 32


def made(folder: Path) -> dict[str, str]:
    """Have a folder's `.env` and `slipway.env` written, as `make compose-env` does; returns the former's."""
    for name in (".env.example", "slipway.env.example"):
        shutil.copy(ROOT / name, folder)
    program = ROOT / "compose" / "environment.py"
    subprocess.run([sys.executable, "-I", str(program), str(folder)], check=True, capture_output=True)
    return dict(re.findall(r"^(\w+)=(.*)$", (folder / ".env").read_text(), re.MULTILINE))


def test_no_secret_has_a_value_in_version_control() -> None:
    for name, value in re.findall(r"^(\w*(?:PASSWORD|SECRET|KEY)\w*)=(.*)$", ENV, re.MULTILINE):
        assert value == "", f"{name} has a value in .env.example"
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|KEY", name):
                assert value.startswith("${"), f"{name} has a value in docker-compose.yaml"
    assert re.findall(r"^(\w+)=", SLIPWAY_ENV, re.MULTILINE) == []
    assert {".env", "slipway.env"} <= set((ROOT / ".gitignore").read_text().splitlines())


def test_secrets_of_the_database_are_where_the_database_is_used() -> None:
    for name, service in AIRFLOW.items():
        named = {"AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
        has = named & service["environment"].keys()
        assert len(has) == (2 if "data" in service["networks"] else 0), name
    signing = [name for name, one in AIRFLOW.items() if "AIRFLOW__API_AUTH__JWT_SECRET" in one["environment"]]
    assert signing == ["api-server", "scheduler"]
    receiving = [name for name, one in AIRFLOW.items() if "SLIPWAY_WEBHOOK_SECRET" in one["environment"]]
    assert receiving == ["api-server"]


def test_what_builds_cannot_reach_the_database() -> None:
    assert SERVICES["postgres"]["networks"] == ["data"]
    workers = [service for service in AIRFLOW.values() if service.get("command", [""])[0] == "celery"]
    assert [service["networks"] for service in workers] == [["work"]] * 3


def test_the_callers_docker_host_is_not_the_workers() -> None:
    assert "DOCKER_HOST" not in re.findall(r"\$\{(\w+)", TEXT)
    assert AIRFLOW["worker"]["environment"]["DOCKER_HOST"].startswith("${SLIPWAY_DOCKER_HOST:-unix://")


def test_only_the_worker_for_bare_metal_has_rights_beyond_a_user() -> None:
    assert [name for name, service in SERVICES.items() if service.get("privileged")] == ["worker-bare-metal"]
    assert [name for name, service in SERVICES.items() if service["cap_drop"] != ["ALL"]] == []
    limited = [name for name, one in SERVICES.items() if "no-new-privileges:true" in one["security_opt"]]
    assert limited == list(SERVICES)


def test_nothing_is_published_beyond_this_machine_by_default() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["${AIRFLOW_BIND:-127.0.0.1:8080}:8080"]


def test_only_the_worker_reaches_the_engine() -> None:
    with_socket = [name for name, service in SERVICES.items() if "docker.sock" in str(service.get("volumes"))]
    assert with_socket == ["worker"]


def test_named_volumes_and_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith("${") or source in COMPOSE["volumes"] or (ROOT / source).exists()


@pytest.mark.slow
def test_settings_are_ones_that_airflow_knows() -> None:
    named = [name for name in AIRFLOW["scheduler"]["environment"] if name.startswith("AIRFLOW__")]
    settings = [name.lower().split("__")[1:] for name in named]
    assert {section for section, _ in settings} >= {
        "api",
        "api_auth",
        "core",
        "database",
        "scheduler",
        "workers",
    }
    program = (
        "import json, sys\nfrom airflow.configuration import conf\nknown = conf.configuration_description\n"
        "asked = json.loads(sys.argv[1])\n"
        "print([one for one in asked if one[1] not in known.get(one[0], {'options': ()})['options']])"
    )
    asked = [sys.executable, "-c", program, json.dumps(settings)]
    said = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    assert said.splitlines()[-1] == "[]"


def test_the_image_copies_only_what_its_ignore_file_lets_through() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(" ".join(copied).split()) == sorted(allowed)
    assert [name for name in allowed if not (ROOT / name).exists()] == []


def test_the_image_does_not_run_as_root() -> None:
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    built = {stage.splitlines()[0].split()[-1]: stage for stage in stages}
    targets = {service["build"]["target"] for service in AIRFLOW.values() if "build" in service}
    assert targets == {"slipway", "machine-images"}
    for target in targets:
        assert re.findall(r"(?m)^USER .*$", built[target]) == ["USER airflow"]
