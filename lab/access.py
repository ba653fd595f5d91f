"""The running lab, as ``.lab/env`` names its servers: for tests and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lab import environment
from lab.paths import Paths
from lab.server import LabError


@dataclass(frozen=True)
class Login:
    """A server's address and login."""

    url: str
    user: str
    password: str = field(repr=False)

    @property
    def auth(self) -> tuple[str, str]:
        """User and password, as HTTP clients take them."""
        return self.user, self.password


@dataclass(frozen=True)
class Lab:
    """The lab's servers; one that is not up is an error when it is asked for."""

    state: Path
    variables: dict[str, str] = field(repr=False)

    def __getitem__(self, name: str) -> str:
        """Return a variable of ``.lab/env``.

        :raises LabError: when the server that exports it is not up.
        """
        if name not in self.variables:
            raise LabError(f"the lab's server that exports {name} is not up; run: make lab-up")
        return self.variables[name]

    @property
    def airflow(self) -> Login:
        """The UI and REST API."""
        return Login(self["AIRFLOW_URL"], self["AIRFLOW_USER"], self["AIRFLOW_PASSWORD"])

    @property
    def git(self) -> Login:
        """Where repositories are pushed to: ``<url>/<owner>/<name>.git``."""
        return self._login("SLIPWAY_GIT", self["SLIPWAY_GIT_URL"])

    @property
    def artifactory(self) -> Login:
        """The stand-in of Artifactory."""
        return self._login("SLIPWAY_ARTIFACTORY", self["SLIPWAY_ARTIFACTORY_URL"])

    @property
    def artifactory_reader(self) -> Login:
        """The same, for a user who may read only."""
        return self._login("SLIPWAY_ARTIFACTORY_READER", self["SLIPWAY_ARTIFACTORY_URL"])

    @property
    def jira(self) -> Login:
        """The stand-in of Jira."""
        return Login(self["SLIPWAY_JIRA_URL"], self["SLIPWAY_JIRA_USER"], self["SLIPWAY_JIRA_TOKEN"])

    @property
    def jenkins(self) -> Login:
        """The stand-in of Jenkins; the password is the API token."""
        return Login(self["SLIPWAY_JENKINS_URL"], self["SLIPWAY_JENKINS_USER"], self["SLIPWAY_JENKINS_TOKEN"])

    @property
    def registry(self) -> Login:
        """The registry of Artifactory's docker repositories."""
        return self._login("SLIPWAY_REGISTRY", f"http://{self['SLIPWAY_REGISTRY']}")

    @property
    def dockerhub(self) -> Login:
        """The registry that stands for Docker Hub."""
        return self._login("SLIPWAY_DOCKERHUB", f"http://{self['SLIPWAY_DOCKERHUB']}")

    @property
    def kubeconfig(self) -> Path:
        """The cluster's administrator."""
        return Path(self["KUBECONFIG"])

    @property
    def product_kubeconfig(self) -> Path:
        """The login Slipway deploys with."""
        return Path(self["SLIPWAY_KUBECONFIG"])

    @property
    def docker_host(self) -> str:
        """The docker engine's address."""
        return self["DOCKER_HOST"]

    @property
    def database(self) -> str:
        """SQLAlchemy URL of Airflow's metadata."""
        return self["SLIPWAY_DATABASE"]

    @property
    def webhook_secret(self) -> str:
        """The secret that signs deliveries."""
        return self["SLIPWAY_WEBHOOK_SECRET"]

    @property
    def questions_key(self) -> str:
        """The key that signs what tasks ask the API server."""
        return self["SLIPWAY_QUESTIONS_KEY"]

    def _login(self, prefix: str, url: str) -> Login:
        return Login(url, self[f"{prefix}_USER"], self[f"{prefix}_PASSWORD"])


def access(paths: Paths) -> Lab:
    """Return the lab in ``paths``.

    :raises LabError: when it is not up.
    """
    variables = environment.read(paths.environment)
    if not variables:
        raise LabError("the lab is not up; run: make lab-up")
    return Lab(paths.state, variables)
