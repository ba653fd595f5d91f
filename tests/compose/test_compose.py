"""docker-compose.yaml, .env.example and Dockerfile, held to each other and to what they name.

What a parser of Compose would accept and a machine would not run: services that wait for what is never
healthy, settings that Airflow does not know, variables that nobody is told to set.
"""

from __future__ import annotations

import re
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
AIRFLOW = {name: service for name, service in SERVICES.items() if service.get("build")}
ENV = (ROOT / ".env.example").read_text()


def test_every_part_of_airflow_runs() -> None:
    assert {service["command"][0] for service in AIRFLOW.values()} == {
        "db",
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
    }


def test_who_waits_waits_for_what_can_come_true() -> None:
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            other = SERVICES[name]
            if wanted["condition"] == "service_healthy":
                assert other["healthcheck"]["test"][0] == "CMD"
            else:
                assert (wanted["condition"], other["restart"]) == ("service_completed_successfully", "no")


def test_what_keeps_running_has_a_healthcheck() -> None:
    assert [
        name
        for name, service in SERVICES.items()
        if service["restart"] != "no" and "healthcheck" not in service
    ] == []


def test_every_variable_without_default_is_explained_in_the_example() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert "POSTGRES_PASSWORD" in required
    assert required <= set(re.findall(r"^(\w+)=", ENV, re.MULTILINE))


def test_no_secret_has_a_value_in_version_control() -> None:
    for name, value in re.findall(r"^(\w*(?:PASSWORD|SECRET|KEY)\w*)=(.*)$", ENV, re.MULTILINE):
        assert value == "", f"{name} has a value in .env.example"
    for name, value in SERVICES["api-server"]["environment"].items():
        if re.search("PASSWORD|SECRET|KEY", name):
            assert value.startswith("${"), f"{name} has a value in docker-compose.yaml"
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_nothing_is_published_beyond_this_machine_by_default() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["${AIRFLOW_BIND:-127.0.0.1:8080}:8080"]


def test_only_the_scheduler_reaches_the_engine() -> None:
    with_socket = [name for name, service in SERVICES.items() if "docker.sock" in str(service.get("volumes"))]
    assert with_socket == ["scheduler"]


def test_named_volumes_and_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith("${") or source in COMPOSE["volumes"] or (ROOT / source).exists()


@pytest.mark.slow
@pytest.mark.parametrize("section", ["api", "api_auth", "core", "database", "scheduler"])
def test_settings_are_ones_that_airflow_knows(section: str) -> None:
    settings = [
        name.split("__")[1:] for name in AIRFLOW["scheduler"]["environment"] if name.startswith("AIRFLOW__")
    ]
    options = [option.lower() for of, option in settings if of.lower() == section]
    assert options
    program = (
        "import sys\nfrom airflow.configuration import conf\n"
        "known = conf.configuration_description[sys.argv[1]]['options']\n"
        "print([option for option in sys.argv[2:] if option not in known])"
    )
    asked = [sys.executable, "-c", program, section, *options]
    said = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    assert said.splitlines()[-1] == "[]"


def test_the_image_copies_only_what_its_ignore_file_lets_through() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(" ".join(copied).split()) == sorted(allowed)
    assert [name for name in allowed if not (ROOT / name).exists()] == []


def test_the_image_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")][-1] == "USER airflow"
