"""What the product's tests ask of a Jenkins: the login as Airflow has it, and a push to build."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from airflow.sdk import Connection

from slipway.flow.jenkins import JenkinsJob
from slipway.flow.push import PushEvent
from slipway.jenkins.hook import JenkinsHook
from slipway.jenkins.server import JenkinsServer
from tests.systems.jenkins.clients import PythonJenkins
from tests.systems.jenkins.conftest import PAUSE_SECONDS, TOKEN, TRIES, USER, Served
from tests.systems.jenkins.jobs import OURS, project

PUSH = PushEvent(repository="tests/app", ref="refs/heads/main", commit="c" * 40)


def until(ready: Callable[[], Any]) -> Any:
    """Return what ``ready`` returns once it is true."""
    for _ in range(TRIES):
        if found := ready():
            return found
        time.sleep(PAUSE_SECONDS)
    raise AssertionError("it did not come to that")


def connection(url: str, secret: str = TOKEN, **extra: Any) -> dict[str, Any]:
    return {"conn_type": "slipway_jenkins", "host": url, "login": USER, "password": secret, "extra": extra}


def connected(url: str, secret: str = TOKEN, **extra: Any) -> JenkinsServer:
    fields = connection(url, secret, **extra)
    fields["extra"] = json.dumps(fields["extra"])
    return JenkinsHook().connect(Connection(conn_id="slipway_jenkins", **fields))


def made(served: Served, script: str = "true", **options: Any) -> str:
    """Make a job that Slipway can use, in a folder; returns its full name."""
    job = f"tests-{secrets.token_hex(4)}/app"
    options.setdefault("parameters", OURS)
    PythonJenkins(served.url, USER, TOKEN).make(job, project(script, **options))
    return job


def wanted(job: str, *artifacts: str, **fields: Any) -> JenkinsJob:
    return JenkinsJob(job=job, artifacts=artifacts or ("out/app.txt",), **fields)
