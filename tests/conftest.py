"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from lab import environment
from lab.paths import this_checkout


@dataclass(frozen=True)
class Login:
    """A server's address and login."""

    url: str
    user: str
    password: str = field(repr=False)

    @property
    def auth(self) -> tuple[str, str]:
        return self.user, self.password


@dataclass(frozen=True)
class Lab:
    """The lab's servers, as ``.lab/env`` names them."""

    state: Path
    variables: dict[str, str] = field(repr=False)

    def __getitem__(self, name: str) -> str:
        """The value of a variable of ``.lab/env``."""
        if name not in self.variables:
            pytest.fail(f"the lab's server that exports {name} is not up; run: make lab-up", pytrace=False)
        return self.variables[name]

    @property
    def airflow(self) -> Login:
        return Login(self["AIRFLOW_URL"], self["AIRFLOW_USER"], self["AIRFLOW_PASSWORD"])

    @property
    def git(self) -> Login:
        return self._login("SLIPWAY_GIT", self["SLIPWAY_GIT_URL"])

    @property
    def artifactory(self) -> Login:
        return self._login("SLIPWAY_ARTIFACTORY", self["SLIPWAY_ARTIFACTORY_URL"])

    @property
    def registry(self) -> Login:
        return self._login("SLIPWAY_REGISTRY", f"http://{self['SLIPWAY_REGISTRY']}")

    @property
    def dockerhub(self) -> Login:
        return self._login("SLIPWAY_DOCKERHUB", f"http://{self['SLIPWAY_DOCKERHUB']}")

    @property
    def kubeconfig(self) -> Path:
        """The administrator's login."""
        return Path(self["KUBECONFIG"])

    @property
    def product_kubeconfig(self) -> Path:
        """The login Slipway deploys with."""
        return Path(self["SLIPWAY_KUBECONFIG"])

    @property
    def docker_host(self) -> str:
        return self["DOCKER_HOST"]

    @property
    def database(self) -> str:
        """SQLAlchemy URL of Airflow's metadata."""
        return self["SLIPWAY_DATABASE"]

    @property
    def webhook_secret(self) -> str:
        return self["SLIPWAY_WEBHOOK_SECRET"]

    def _login(self, prefix: str, url: str) -> Login:
        return Login(url, self[f"{prefix}_USER"], self[f"{prefix}_PASSWORD"])


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The lab of this checkout; the test fails with one line when it is not up."""
    paths = this_checkout()
    variables = environment.read(paths.environment)
    if not variables:
        pytest.fail("the lab is not up; run: make lab-up", pytrace=False)
    return Lab(paths.state, variables)


@pytest.fixture(scope="session")
def airflow_api(lab: Lab) -> Iterator[httpx.Client]:
    """A client of Airflow's REST API (``/api/v2/...``), logged in as the lab's administrator."""
    login = lab.airflow
    with httpx.Client(base_url=login.url, timeout=30, trust_env=False) as client:
        answer = client.post("/auth/token", json={"username": login.user, "password": login.password})
        client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        yield client
