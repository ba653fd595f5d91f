"""What can be started, what is sent for it, and following it over a bad line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from slipway.cli import api as api_module
from slipway.cli import following, main
from slipway.cli.answers import ServerError
from slipway.cli.api import Airflow
from slipway.cli.following import RunFollower
from slipway.cli.starting import Wish, full_ref, params_of, run_id_of
from slipway.flow.record import SlipwayError
from tests.cli.airflow_api import AirflowApi
from tests.cli.records import push, run

COMMIT = "a" * 40


@pytest.mark.parametrize(
    ("wish", "conf"),
    [
        (
            Wish("vm_image", "acme/shop", commit=COMMIT),
            {"repository": "acme/shop", "commit": COMMIT},
        ),
        (
            Wish("push", "acme/shop", ref="refs/heads/main"),
            {"repository": "acme/shop", "ref": "refs/heads/main", "deploy": True},
        ),
        (
            Wish("push", "acme/shop", commit=COMMIT, deploy=False),
            {"repository": "acme/shop", "commit": COMMIT, "deploy": False},
        ),
        (Wish("rollback", "acme/shop"), {"repository": "acme/shop"}),
        (
            Wish("deploy", "acme/shop", commit=COMMIT, params={"environment": "staging"}),
            {"repository": "acme/shop", "commit": COMMIT, "environment": "staging"},
        ),
    ],
)
def test_what_is_sent(wish: Wish, conf: dict[str, Any]) -> None:
    assert wish.conf == conf


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"repository": "shop"}, "give OWNER/NAME"),
        ({"repository": "acme/../shop"}, "give OWNER/NAME"),
        ({"commit": "abc"}, "give its 40 digits"),
        ({"commit": "", "ref": ""}, "vm_image needs a commit"),
        ({"pipeline": "rollback", "ref": "refs/heads/main"}, "leave --ref out"),
        ({"pipeline": "deploy", "deploy": True}, "leave --deploy out"),
    ],
)
def test_what_no_run_could_use_is_refused(fields: dict[str, Any], rule: str) -> None:
    given: dict[str, Any] = {"pipeline": "vm_image", "repository": "acme/shop", "commit": COMMIT}
    with pytest.raises(SlipwayError, match=rule):
        Wish(**given | fields)


def test_the_command_asks_for_the_same_again() -> None:
    wish = Wish("push", "acme/shop", ref="refs/heads/it's", deploy=False, params={"a": [1], "b": "x y"})
    assert wish.command == (
        "slipway run push --app acme/shop --ref 'refs/heads/it'\"'\"'s' --no-deploy "
        "--param 'a=[1]' --param 'b=x y'"
    )


def test_a_value_that_is_json_is_taken_as_such() -> None:
    assert params_of(["a=true", "b=3", 'c=["x"]', "d=x=y", "e="]) == {
        "a": True,
        "b": 3,
        "c": ["x"],
        "d": "x=y",
        "e": "",
    }


def test_a_short_ref_is_a_branch() -> None:
    assert [full_ref(name) for name in ("main", "refs/tags/v1", "")] == [
        "refs/heads/main",
        "refs/tags/v1",
        "",
    ]


def test_a_key_of_any_characters_is_a_run_id_of_airflows() -> None:
    assert run_id_of("jenkins-Földer/job ☃-1") == run_id_of("jenkins-Földer/job ☃-1")
    assert run_id_of("a") != run_id_of("b")
    # As the shared library of include/recipes/jenkins derives it.
    assert run_id_of("jenkins-demo-1") == "requested__8e5065dd7c91fd41d7ecad34e27333e6"


@pytest.fixture
def airflow(api: AirflowApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    monkeypatch.setattr(api_module, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(following, "POLL_SECONDS", 0.01)
    with Airflow(api.login) as client:
        yield client


def test_airflow_that_fails_for_a_while_is_asked_again(
    api: AirflowApi, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.runs.append(run("vm_image", "success", push("a")))
    answer, asked = api.answer, list[str]()

    def failing_first(path: str, query: dict[str, str]) -> tuple[int, Any]:
        asked.append(path)
        return (503, "away") if len(asked) < 8 else answer(path, query)

    monkeypatch.setattr(api, "answer", failing_first)
    follower = RunFollower(airflow, "vm_image", api.runs[0]["dag_run_id"])
    stages = follower.wait(time.monotonic() + 60, lambda _: None)
    assert stages[0].state == "success"
    assert len(asked) > 8


def test_a_run_that_is_not_through_in_time_is_4_and_can_be_followed(
    api: AirflowApi, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = {"repository": "acme/shop", "commit": COMMIT}
    api.runs.append(run("vm_image", "running", push("a")) | {"dag_run_id": run_id_of("a key"), "conf": conf})
    asked = ["run", "vm_image", "--app", "acme/shop", "--commit", COMMIT]
    assert main([*asked, "--wait", "--timeout", "0", "--idempotency-key", "a key"]) == 4
    printed = capsys.readouterr().err
    assert f"the run continues: {api.url}/dags/vm_image/runs/{run_id_of('a key')}" in printed
    assert f"slipway {' '.join(asked)} --wait --idempotency-key 'a key'" in printed


def test_airflow_that_stays_away_is_an_error(
    api: AirflowApi, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AWAY_SECONDS", 0.05)
    api.broken = (503, "away")
    with pytest.raises(ServerError, match="Airflow answered 503"):
        RunFollower(airflow, "vm_image", "a-run").wait(time.monotonic() + 60, lambda _: None)
