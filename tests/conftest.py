"""What every test may ask for."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import httpx
import pytest

from lab.access import Lab, access
from lab.paths import this_checkout
from lab.server import LabError
from tests import examples
from tests.needs import require_lab_in, require_root

pytest_plugins = ("tests.needs", "tests.groups")

examples.load()
# What is imported stays: nobody need look whether it is garbage, while it is read or later.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage from here on."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def root() -> None:
    """Say that a test does what only root may do; it fails with one line otherwise."""
    require_root()


@pytest.fixture(scope="session")
def lab(pytestconfig: pytest.Config) -> Lab:
    """The lab of this checkout; the test fails with one line when it is not up."""
    require_lab_in(pytestconfig)
    try:
        return access(this_checkout())
    except LabError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def airflow_api(lab: Lab) -> Iterator[httpx.Client]:
    """A client of Airflow's REST API (``/api/v2/...``), logged in as the lab's administrator."""
    login = lab.airflow
    with httpx.Client(base_url=login.url, timeout=30, trust_env=False) as client:
        answer = client.post("/auth/token", json={"username": login.user, "password": login.password})
        client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        yield client
