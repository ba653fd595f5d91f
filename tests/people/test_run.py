"""``slipway run`` against the lab's Airflow, as users with the least role that is enough."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from slipway.cli.result import RunResult
from slipway.cli.settings import Login
from slipway.cli.starting import run_id_of
from tests.people.conftest import Built, environment

pytestmark = pytest.mark.lab

COMMAND = [sys.executable, "-m", "slipway.cli", "run"]
SECONDS = 240


@dataclass(frozen=True)
class Ended:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> RunResult:
        return RunResult.from_json(json.loads(self.out))


def run(login: Login, *arguments: str) -> Ended:
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment(login), capture_output=True, text=True, timeout=SECONDS
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def named(shop: Built, **other: str) -> list[str]:
    told = {"app": shop.push.repository, "commit": shop.push.commit, "ref": shop.push.ref} | other
    return [word for name, value in told.items() for word in (f"--{name.replace('_', '-')}", value)]


def test_a_builder_gets_the_image_that_is_there_and_the_same_run_again(
    people: Mapping[str, Login], shop: Built
) -> None:
    key = secrets.token_hex(8)
    asked = ["container_image", *named(shop, idempotency_key=key), "--wait", "--json"]
    first = run(people["SlipwayBuilder"], *asked)
    assert first.code == 0, first.err
    image = first.result.images["container"]
    assert image is not None
    assert (image.digest, image.reused) == (shop.digest, True)
    assert first.result.runs[0].run_id == run_id_of(key)
    # Progress is for people, and never among the JSON.
    assert "container_image / publish" in first.err
    again = run(people["SlipwayBuilder"], *asked)
    assert (again.code, again.result) == (0, first.result)
    assert "already started with this key" in again.err
    other = run(people["SlipwayBuilder"], "container_image", *named(shop, idempotency_key=key, ref="other"))
    assert other.code == 2
    assert "this idempotency key was already used for other input" in other.err


def test_a_starter_pushes_and_is_told_what_runs(people: Mapping[str, Login], shop: Built) -> None:
    ended = run(people["SlipwayStarter"], "push", *named(shop), "--wait", "--json")
    assert ended.code == 0, ended.err
    result = ended.result
    assert {platform: bool(image) for platform, image in result.images.items()} == {
        "container": True,
        "vm": False,
        "bare_metal": False,
    }
    [deployed] = result.deployments
    assert (deployed.environment, deployed.digest) == ("staging", shop.digest)
    assert "deploy / container.rollout" in ended.err


def test_an_image_is_deployed_when_it_is_built(people: Mapping[str, Login], shop: Built) -> None:
    ended = run(people["SlipwayStarter"], "container_image", *named(shop), "--deploy", "--wait", "--json")
    assert ended.code == 0, ended.err
    assert [one.dag_id for one in ended.result.runs] == ["container_image", "deploy"]
    assert [one.digest for one in ended.result.deployments] == [shop.digest]


@pytest.mark.parametrize(
    ("role", "pipeline"),
    [("SlipwayViewer", "container_image"), ("SlipwayBuilder", "push"), ("SlipwayBuilder", "deploy")],
)
def test_what_is_not_permitted_is_3(
    people: Mapping[str, Login], shop: Built, role: str, pipeline: str
) -> None:
    ended = run(people[role], pipeline, *named(shop), "--wait")
    assert ended.code == 3
    assert "docs/permissions.md says which role may" in ended.err


def test_a_wrong_password_is_3(people: Mapping[str, Login], shop: Built) -> None:
    ended = run(replace(people["SlipwayStarter"], password="wrong"), "push", *named(shop))
    assert ended.code == 3
    assert "Airflow refuses this login" in ended.err


def test_a_run_that_fails_is_1_and_says_why_and_what_to_do(people: Mapping[str, Login], shop: Built) -> None:
    nowhere = named(shop, ref="refs/heads/no-such-branch", commit="0" * 40)
    ended = run(people["SlipwayBuilder"], "container_image", *nowhere, "--wait", "--json")
    assert ended.code == 1
    assert ended.result.runs[0].state == "failed"
    [failed] = ended.result.failed
    assert (failed.dag_id, failed.task_id) == ("container_image", "plan")
    for told in (failed.log, ended.err):
        assert "0000000000" in told
        assert "The whole log: http" in told


@pytest.mark.parametrize(("role", "code"), [("SlipwayBuilder", 1), ("SlipwayStarter", 0)])
def test_the_box_to_deploy_is_for_those_who_may(
    people: Mapping[str, Login], shop: Built, role: str, code: int
) -> None:
    asked = ["container_image", *named(shop, param="deploy=true"), "--wait"]
    ended = run(people[role], *asked)
    assert ended.code == code, ended.err
    assert (f"{people[role].user} may build, but not deploy" in ended.err) == (code == 1)


def test_an_interrupted_command_leaves_the_run(people: Mapping[str, Login], shop: Built) -> None:
    key = secrets.token_hex(8)
    asked = ["container_image", *named(shop, idempotency_key=key), "--wait"]
    # Whoever runs the tests in the background has them ignore it.
    heeding = ["env", "--default-signal=INT"]
    with subprocess.Popen(
        [*heeding, *COMMAND, *asked],
        env=environment(people["SlipwayBuilder"]),
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stderr is not None
        assert "container_image started" in command.stderr.readline()
        command.send_signal(signal.SIGINT)
        rest = command.stderr.read()
    assert command.returncode == 130
    assert "the run continues" in rest
    assert run(people["SlipwayBuilder"], *asked).code == 0


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"app": "shop"}, "give OWNER/NAME"),
        ({"commit": "abc"}, "give its 40 digits"),
        ({"param": "environment"}, "write it as NAME=VALUE"),
        ({"param": "repository=../x"}, "Airflow refuses this input"),
    ],
)
def test_refused_input_is_2_and_names_the_rule(
    people: Mapping[str, Login], shop: Built, change: dict[str, Any], rule: str
) -> None:
    ended = run(people["SlipwayStarter"], "deploy", *named(shop, **change))
    assert ended.code == 2
    assert rule in ended.err
