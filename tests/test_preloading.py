"""What the processes of tasks find imported already."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.paths import this_checkout

pytestmark = pytest.mark.slow

CHECKOUT = this_checkout().checkout
HEAVY = ("slipway", "openstack", "kubernetes_asyncio", "docker", "pydantic", "airflow.providers")
PROGRAM = f"""
import runpy, sys
from pathlib import Path
from slipway.preloading import preload

preload()
before = set(sys.modules)
for file in Path("dags").glob("*.py"):
    runpy.run_path(str(file))
late = [name for name in set(sys.modules) - before if name.startswith({HEAVY!r})]
print(sorted(late), "slipway.cli.main" in before, "slipway.pipelines.release.deploy" in before)
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, timeout=500, check=True
    )


def test_a_dag_file_imports_nothing_that_is_not_there_already() -> None:
    assert run(PROGRAM).stdout.splitlines()[-1] == "[] False True"


def test_what_cannot_be_imported_is_named_and_left_to_the_task_that_needs_it() -> None:
    program = "from slipway import preloading\npreloading.OTHERS = ('no.such', 'openstack.connection')\n"
    done = run(program + "preloading.preload()\nimport sys\nassert 'openstack.connection' in sys.modules")
    assert "no.such cannot be imported, so it is not preloaded" in done.stdout
    assert "No module named 'no'" in done.stdout
