"""Users of Airflow's with one of Slipway's roles each, and an application that is built and deployed."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
import pytest

from lab.access import Lab
from slipway.cli import main
from slipway.cli.roles import ROLES
from slipway.cli.settings import Login
from slipway.flow.push import PushEvent
from tests.dags.pushing import PAUSE_SECONDS, TRIES, Pushed, application

USERS = "/auth/fab/v1/users"


@pytest.fixture(scope="session")
def people(lab: Lab, airflow_api: httpx.Client) -> Iterator[Mapping[str, Login]]:
    """A user for each role of Slipway's, by the role's name; and `Public`, who may do nothing."""
    web = lab.airflow
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("URL", web.url), ("USER", web.user), ("PASSWORD", web.password)):
            patch.setenv(f"AIRFLOW_{name}", value)
        for _ in range(TRIES):  # a lab that has just come up has not read all DAGs
            if (code := main(["roles", "--apply"])) == 0:
                break
            time.sleep(PAUSE_SECONDS)
        assert code == 0
    found = {role: _user(airflow_api, role, web.url) for role in (*ROLES, "Public")}
    yield found
    for login in found.values():
        airflow_api.delete(f"{USERS}/{login.user}").raise_for_status()


def _user(api: httpx.Client, role: str, url: str) -> Login:
    name, password = f"{role.lower()}-{secrets.token_hex(4)}", secrets.token_urlsafe(24)
    body = {
        "username": name,
        "email": f"{name}@example.invalid",
        "first_name": "A",
        "last_name": role,
        "roles": [{"name": role}],
        "password": password,
    }
    api.post(USERS, json=body).raise_for_status()
    return Login(url, name, password)


@dataclass(frozen=True)
class Built:
    """A commit whose image is there, and runs."""

    app: Pushed
    push: PushEvent

    @property
    def digest(self) -> str:
        return self.app.digest(self.push.commit)


@pytest.fixture(scope="session")
def shop(lab: Lab, airflow_api: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    with application(lab, airflow_api, tmp_path_factory.mktemp("shop") / "work") as app:
        push = app.push({"slipway.yaml": app.spec, "Dockerfile": "FROM scratch\nCOPY slipway.yaml /\n"})
        assert app.deployed(push).state == "success"
        yield Built(app, push)


def environment(login: Login) -> dict[str, str]:
    """The environment of a command that logs in as somebody."""
    named = {"AIRFLOW_URL": login.url, "AIRFLOW_USER": login.user, "AIRFLOW_PASSWORD": login.password}
    return os.environ | named
