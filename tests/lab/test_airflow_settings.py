"""Airflow's settings are ones Airflow knows, and its connections say what the servers say."""

from __future__ import annotations

import json
from pathlib import Path

import airflow
import pytest
import yaml
from airflow.providers.fab.get_provider_info import get_provider_info
from cryptography.fernet import Fernet

from lab.airflow.connections import connections
from lab.airflow.settings import settings
from lab.ground import Ground

KNOWN = {
    "SLIPWAY_GIT_URL": "http://127.0.0.1:8083/git",
    "SLIPWAY_GIT_USER": "git",
    "SLIPWAY_GIT_PASSWORD": 'a "quoted" word',
    "SLIPWAY_REGISTRY": "127.0.0.1:5001",
    "SLIPWAY_REGISTRY_USER": "slipway",
    "SLIPWAY_REGISTRY_PASSWORD": "secret",
    "SLIPWAY_KUBECONFIG": "/work/.lab/kubeconfig-slipway",
    "SLIPWAY_OPENSTACK_URL": "http://127.0.0.1:5000/v3",
    "SLIPWAY_OPENSTACK_REGION": "RegionOne",
    "SLIPWAY_OPENSTACK_CREDENTIAL_ID": "21dced0fd20347869b93710d2b98aae0",
    "SLIPWAY_OPENSTACK_CREDENTIAL_SECRET": "secret",
    "DOCKER_HOST": "unix:///x",
}


def test_every_setting_is_one_of_airflows(ground: Ground) -> None:
    described = yaml.safe_load(
        (Path(airflow.__file__).parent / "config_templates" / "config.yml").read_text()
    )
    described |= get_provider_info()["config"]
    names = {
        f"AIRFLOW__{section}__{option}".upper()
        for section, content in described.items()
        for option in content["options"]
    }
    variables = settings(ground, "postgresql+psycopg2://u:p@127.0.0.1:5433/airflow")
    assert set(variables) - names == {"AIRFLOW_HOME"}


def test_settings_stay_the_same_from_start_to_start(ground: Ground) -> None:
    first = settings(ground, "postgresql://x")
    assert settings(ground, "postgresql://x") == first
    Fernet(first["AIRFLOW__CORE__FERNET_KEY"])


def test_a_connection_carries_address_and_login() -> None:
    found = {name: json.loads(value) for name, value in connections(KNOWN).items()}
    assert found["AIRFLOW_CONN_SLIPWAY_GITHUB"] == {
        "conn_type": "slipway_github",
        "host": "http://127.0.0.1:8083/git",
        "login": "git",
        "password": 'a "quoted" word',
    }
    registry = found["AIRFLOW_CONN_SLIPWAY_REGISTRY"]
    assert (registry["conn_type"], registry["host"], registry["port"]) == ("docker", "127.0.0.1", 5001)
    assert found["AIRFLOW_CONN_SLIPWAY_KUBERNETES"]["extra"] == {
        "kube_config_path": "/work/.lab/kubeconfig-slipway"
    }
    assert found["AIRFLOW_CONN_SLIPWAY_OPENSTACK"] == {
        "conn_type": "slipway_openstack",
        "host": "http://127.0.0.1:5000/v3",
        "login": "21dced0fd20347869b93710d2b98aae0",
        "password": "secret",
        "extra": {"region": "RegionOne"},
    }


@pytest.mark.parametrize(
    "absent", ["SLIPWAY_GIT_URL", "SLIPWAY_REGISTRY", "SLIPWAY_KUBECONFIG", "SLIPWAY_OPENSTACK_URL"]
)
def test_an_absent_server_has_no_connection(absent: str) -> None:
    known = {name: value for name, value in KNOWN.items() if name != absent}
    assert len(connections(known)) == len(connections(KNOWN)) - 1
    assert "AIRFLOW_CONN_SLIPWAY_DOCKERHUB" not in connections(known)
