"""Pushes that no webhook told of are built, once; what was told of is left alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from lab.access import Lab
from slipway.cli.api import Airflow
from slipway.cli.settings import Login
from slipway.flow.followed import PUSH
from tests.dags.in_process import as_on_worker, call
from tests.dags.pushing import run_of
from tests.dags.upkeep import REPOSITORY, Upkeep

pytestmark = pytest.mark.lab

DAG = "reconcile_pushes"
NOTHING = "version: 1\nname: upkeep\n"


@pytest.fixture
def branch() -> str:
    return f"refs/heads/lost/{secrets.token_hex(4)}"


@pytest.fixture
def upkeep(lab: Lab, airflow_api: httpx.Client, tmp_path: Path, branch: str) -> Iterator[Upkeep]:
    folder = tmp_path / "work"
    folder.mkdir()
    web = lab.airflow
    with Airflow(Login(web.url, web.user, web.password)) as airflow:
        found = Upkeep(lab, folder, airflow, airflow_api)
        found.git("init", "--quiet", "--initial-branch=main")
        # The repository is made by its first push.
        told = found.push(found.commit({"slipway.yaml": NOTHING, "salt": branch}), f"{branch}-told")
        assert run_of(airflow, told, PUSH).state == "success"
        yield found
        found.delete(branch, f"{branch}-told", f"{branch}-old", branch.replace("heads/lost/", "tags/lost-"))


def test_a_push_that_never_arrived_is_built_once_and_what_was_told_or_is_old_is_left_alone(
    upkeep: Upkeep, branch: str
) -> None:
    commit = upkeep.commit({"slipway.yaml": NOTHING, "salt": f"{branch} lost"})
    lost = upkeep.push_untold(commit, branch)
    tag = branch.replace("heads/lost/", "tags/lost-")
    upkeep.git("tag", "--annotate", "--message=a release", "release", commit)
    upkeep.git("push", "--quiet", str(upkeep.bare), f"release:{tag}")
    assert upkeep.runs(PUSH, lost.partition_key) == []
    day = datetime.now(UTC) - timedelta(days=9)
    commit = upkeep.commit(
        {"slipway.yaml": NOTHING, "salt": f"{branch} old"}, date=f"{day:%Y-%m-%dT%H:%M:%SZ}"
    )
    old = upkeep.push_untold(commit, f"{branch}-old")

    found = upkeep.start(DAG, grace_minutes=0)
    assert found.state == "success", found.story
    lines = found.log("find")
    told = "\n".join(lines)
    assert f"{REPOSITORY} {branch}: {lost.short_commit} is missing" in told
    assert f"{branch}-told" not in told
    skipped = f"{REPOSITORY} {branch}-old: {old.short_commit} is skipped, its commit is of {day:%Y-%m-%d}"
    assert skipped in lines
    states = upkeep.mapped(found, "push")
    assert {states[f"{REPOSITORY} {branch}"], states[f"{REPOSITORY} {tag}"]} == {"success"}
    assert run_of(upkeep.airflow, lost, PUSH).state == "success"
    pushed = [run["conf"]["push"] for run in upkeep.runs(PUSH, lost.partition_key)]
    assert {(one["ref"], one["pusher"]) for one in pushed} == {(branch, DAG), (tag, DAG)}

    again = upkeep.start(DAG, grace_minutes=0)
    assert again.state == "success", again.story
    assert f"{REPOSITORY} {branch}" not in upkeep.mapped(again, "push")
    assert len(upkeep.runs(PUSH, lost.partition_key)) == 2
    assert len(upkeep.runs(PUSH, upkeep.head(f"{branch}-told").partition_key)) == 1
    assert upkeep.runs(PUSH, old.partition_key) == []


def test_a_repository_that_is_not_there_is_named(lab: Lab) -> None:
    asked = [REPOSITORY, "examples/never-pushed"]
    with as_on_worker(lab):
        ended = call(DAG, only=("find",), repositories=asked, grace_minutes=0)
    assert ended.states == {"find": "failed"}
    assert "repository 'examples/never-pushed' may not build" in ended.refused
