"""What Airflow is told: provider info and plugin."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from airflow.utils.db_manager import BaseDBManager, RunDBManager

import slipway
from slipway.provider import get_provider_info


def test_provider_info_keeps_to_airflows_schema() -> None:
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_version_is_the_packages() -> None:
    assert get_provider_info()["versions"][0] == slipway.__version__


@pytest.mark.parametrize(
    "kind", get_provider_info()["connection-types"], ids=lambda kind: kind["connection-type"]
)
def test_hook_of_a_connection_type_says_the_same(kind: dict[str, str]) -> None:
    module, _, name = kind["hook-class-name"].rpartition(".")
    hook = getattr(importlib.import_module(module), name)
    assert hook.conn_type == kind["connection-type"]


def test_database_manager_keeps_to_airflows_rules() -> None:
    (path,) = get_provider_info()["db-managers"]
    module, _, name = path.rpartition(".")
    manager = getattr(importlib.import_module(module), name)
    assert issubclass(manager, BaseDBManager)
    RunDBManager._validate(manager)


def test_plugin_imports_neither_routes_nor_database(checkout: Path) -> None:
    code = (
        "import sys, airflow.plugins_manager, airflow.listeners; before = set(sys.modules); "
        "import slipway_plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=checkout / "plugins",
        capture_output=True,
        text=True,
        check=True,
        timeout=500,
    )
    listeners = [f"slipway.listeners.{name}" for name in ("components", "runs", "tasks")]
    assert done.stdout.splitlines()[-1] == str(["slipway.listeners", *listeners, "slipway_plugin"])
