"""``slipway freeze``, the API server's routes with Airflow's auth manager, and what becomes of turns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from airflow import settings
from airflow.api_fastapi.app import create_auth_manager, purge_cached_app
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session, sessionmaker
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from slipway.apiserver import client as asking
from slipway.apiserver.client import ask_turn
from slipway.apiserver.questions import TurnQuestion
from slipway.apiserver.routes import create_app
from slipway.cli import NOT_ASKED, NOT_PERMITTED, OK, main
from slipway.flow.apps import Apps
from slipway.flow.record import SlipwayError
from slipway.flow.turns import Contender, TurnPlace
from slipway.webhook.reception import Reception
from tests.served import served

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
ENVIRONMENTS = {
    "production": {"refs": [], "namespace": "demo"},
    "closed": {
        "refs": [],
        "namespace": "demo",
        "freezes": [{"from": "2020-01-01 UTC", "to": "2100-01-01 00:00 UTC", "reason": "migration"}],
    },
}
APPS = Apps.from_json(
    {
        "version": 1,
        "applications": {
            name: {"tenant": "demo", "environments": ENVIRONMENTS} for name in ("Octo/Hello", "octo/other")
        },
    }
)
Freeze = Callable[..., int]


def question(
    number: int, *, repository: str = "octo/hello", environment: str = "production", run_id: str = ""
) -> TurnQuestion:
    return TurnQuestion(
        place=TurnPlace(repository=repository, application="shop", environment=environment),
        mine=Contender(
            dag_id="deploy",
            run_id=run_id or f"run-{number}",
            commit=f"{number:040x}",
            at=NOON + timedelta(minutes=number),
        ),
    )


def add_run(engine: Engine, run_id: str, note: str | None = None, dag_id: str = "deploy") -> None:
    with Session(engine) as session, session.begin():
        session.add(
            DagRun(
                dag_id=dag_id, run_id=run_id, run_type="manual", state="running", run_after=NOON, note=note
            )
        )


@pytest.fixture
def runs(engine: Engine) -> Engine:
    with engine.begin() as connection:
        for table in (
            "dag_run_note",
            "xcom",
            "task_instance",
            "dag_run",
            "slipway_turn",
            "slipway_freeze",
            "log",
        ):
            connection.execute(text(f"DELETE FROM {table}"))
    for number in range(4):
        add_run(engine, f"run-{number}", "octo/hello to production")
    return engine


@pytest.fixture
def reception(reception: Reception) -> Reception:
    return replace(reception, apps=lambda: APPS)


@pytest.fixture
def web(reception: Reception, engine: Engine, monkeypatch: pytest.MonkeyPatch, key: None) -> Iterator[str]:
    """The API server, with Airflow's simple auth manager: a user's name begins with the role."""
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "k" * 64)
    monkeypatch.setattr(settings, "Session", sessionmaker(engine))  # where Airflow looks for revoked tokens
    purge_cached_app()
    manager = create_auth_manager()

    async def login(request: Request) -> JSONResponse:
        name = (await request.json())["username"]
        user = SimpleAuthManagerUser(username=name, role=name.partition("-")[0])
        return JSONResponse({"access_token": manager.generate_jwt(user)})

    routes = [Route("/auth/token", login, methods=["POST"]), Mount("/slipway", create_app(reception))]
    with served(Starlette(routes=routes)) as url:
        for name, value in {"URL": url, "USER": "user-alice", "PASSWORD": "x"}.items():
            monkeypatch.setenv(f"AIRFLOW_{name}", value)
        monkeypatch.setenv("SLIPWAY_URL", url)
        yield url
    purge_cached_app()


@pytest.fixture
def freeze(web: str, runs: Engine) -> Freeze:
    return lambda *words: main(["freeze", *words])


def note(engine: Engine, run_id: str) -> str:
    query = "SELECT content FROM dag_run_note n JOIN dag_run r ON r.id = n.dag_run_id WHERE r.run_id = :id"
    with engine.connect() as connection:
        return str(connection.scalar(text(query), {"id": run_id}))


def audit(engine: Engine) -> list[tuple[str, str, str | None]]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT event, owner, run_id FROM log ORDER BY id"))
        return [(row[0], row[1], row[2]) for row in found]


def test_a_release_waits_while_its_environment_is_frozen_and_says_for_what(
    freeze: Freeze, runs: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert freeze("production", "--until", "+2h", "--reason", "incident 42") == OK
    until = capsys.readouterr().out
    assert "production: frozen until" in until
    assert "(incident 42; by user-alice" in until
    first = ask_turn(question(1))
    assert first.state == "waits"
    assert first.hold is not None
    assert first.hold.why.startswith("production is frozen until 20")
    assert note(runs, "run-1") == f"waits: {first.hold.why}\nocto/hello to production"
    assert ask_turn(question(2)).state == "waits"
    assert ask_turn(question(1)).state == "superseded"
    assert note(runs, "run-1") == "octo/hello to production"
    assert freeze("production", "--end") == OK
    assert "production: frozen no more (incident 42" in capsys.readouterr().out
    assert ask_turn(question(2)).state == "given"
    assert note(runs, "run-2") == "octo/hello to production"
    assert audit(runs) == [
        ("slipway freeze", "user-alice", None),
        ("slipway freeze --end", "user-alice", None),
    ]


def test_an_application_alone_is_frozen_whatever_its_spelling(freeze: Freeze, runs: Engine) -> None:
    assert freeze("production", "--app", "octo/HELLO", "--until", "+1h", "--reason", "x") == OK
    assert ask_turn(question(1, repository="Octo/Hello")).state == "waits"
    assert ask_turn(question(2, repository="octo/other")).state == "given"
    assert freeze("production", "--end") == NOT_ASKED  # it is not of every application
    assert freeze("production", "--end", "--app", "Octo/Hello") == OK
    assert ask_turn(question(1, repository="Octo/Hello")).state == "given"


def test_a_commit_is_let_through_and_who_did_it_why_is_on_record(
    freeze: Freeze, runs: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = question(1).mine.commit
    assert ask_turn(question(1, environment="closed")).state == "waits"
    assert ask_turn(question(2, environment="closed", run_id="run-2")).state == "waits"
    assert freeze("closed", "--let", commit, "--reason", "hotfix") == OK
    turn = ask_turn(question(1, environment="closed"))
    assert turn.state == "given"
    assert turn.let is not None
    assert (turn.let.by, turn.let.reason) == ("user-alice", "hotfix")
    said = f"let through by user-alice at {turn.let.at:%Y-%m-%d %H:%M} UTC: hotfix"
    assert said in turn.told(question(1).mine)
    assert note(runs, "run-1") == f"{said}\nocto/hello to production"
    assert ask_turn(question(1, environment="closed")).let == turn.let
    assert audit(runs) == [
        ("slipway freeze --let", "user-alice", None),
        ("slipway freeze: let through", "user-alice", "run-1"),
    ]
    assert ask_turn(question(2, environment="closed")).state == "waits"
    capsys.readouterr()
    assert freeze() == OK
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"closed: {commit[:12]} is let through until")
    assert shown[1:] == [
        f"{name}: closed is frozen until 2100-01-01 00:00 UTC (migration) (apps.yaml)"
        for name in ("Octo/Hello", "octo/other")
    ]


def test_freezes_of_two_people_add_up(
    freeze: Freeze, runs: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [("production", "--until", f"+{hours}h", "--reason", f"r{hours}") for hours in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda one: freeze(*one), words)) == [OK] * 4
    capsys.readouterr()
    assert freeze("--json") == OK
    found = json.loads(capsys.readouterr().out)["freezes"]
    assert {one["reason"] for one in found} == {"r1", "r2", "r3", "r4"}
    assert "(r4; by user-alice)" in str(ask_turn(question(1)).hold)
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda _: freeze("production", "--end"), range(2)))
    assert OK in codes
    assert ask_turn(question(1)).state == "given"


def test_what_is_over_holds_nothing(freeze: Freeze, runs: Engine) -> None:
    assert freeze("production", "--until", "+1h", "--reason", "x") == OK
    with runs.begin() as connection:
        connection.execute(text("UPDATE slipway_freeze SET until = :t"), {"t": "2020-01-01 00:00:00"})
    assert ask_turn(question(1)).state == "given"
    assert freeze("production", "--end") == NOT_ASKED


@pytest.mark.parametrize("words", [("--until", "+1h"), ("--end",), ("--let", "a" * 40)])
def test_who_may_only_look_changes_nothing(
    freeze: Freeze,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("AIRFLOW_USER", "viewer-bob")
    reason = () if words == ("--end",) else ("--reason", "x")
    assert freeze("production", *words, *reason) == NOT_PERMITTED
    assert "this user may not do that" in capsys.readouterr().err
    assert freeze() == OK


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("production", "--until", "+1h"), "--reason: String should have at least 1 character"),
        (("production", "--reason", "x"), "give --until TIME"),
        (("production", "--until", "18:00", "--reason", "x"), "must be a date, a time and a time zone"),
        (("production", "--until", "2020-01-01 UTC", "--reason", "x"), "is over: give an end in the future"),
        (("production", "--let", "abc1234", "--reason", "x"), "--let: must be a full commit id"),
        (("--until", "+1h"), "name an environment"),
        (("--end",), "--end needs an environment"),
        (("production", "--end", "--reason", "x"), "leave --end out"),
        (("Prod", "--until", "+1h", "--reason", "x"), "ENVIRONMENT: must be a name"),
        (("staging", "--until", "+1h", "--reason", "x"), "no application has an environment 'staging'"),
        (("staging", "--end"), "it has closed, production"),
        (
            ("production", "--app", "a/b", "--until", "+1h", "--reason", "x"),
            "repository 'a/b' may not build",
        ),
        (("production", "--end"), "no freeze of production was begun for every application"),
    ],
)
def test_what_cannot_be_names_the_rule(
    freeze: Freeze, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert freeze(*words) == NOT_ASKED
    assert said in capsys.readouterr().err


def rolled_back(
    engine: Engine, number: int, *, ran_before: object = True, environment: str = "closed"
) -> str:
    """Have DAG `rollback` choose a release; returns the id of the run of `deploy` that it starts."""
    run_id = f"manual-{number}"
    add_run(engine, run_id, dag_id="rollback")
    chosen = {"repository": "Octo/Hello", "environment": environment, "commit": question(number).mine.commit}
    task = {"dag_id": "rollback", "run_id": run_id, "task_id": "choose", "map_index": -1}
    about = {"pool": "default_pool", "pool_slots": 1, "state": "success"}
    with Session(engine) as session, session.begin():
        session.execute(insert(TaskInstance.__table__).values(**task, **about, id=uuid4()))
        for key, value in {"return_value": chosen, "ran_before": ran_before}.items():
            XComModel.set(
                key=key, value=value, dag_id="rollback", task_id="choose", run_id=run_id, session=session
            )
    add_run(engine, f"rollback__{run_id}")
    return f"rollback__{run_id}"


def test_a_rollback_is_held_only_by_a_freeze_that_says_so(freeze: Freeze, runs: Engine) -> None:
    run_id = rolled_back(runs, 5)
    back = question(5, environment="closed", run_id=run_id)
    assert freeze("closed", "--until", "+1h", "--reason", "x", "--also-rollbacks") == OK
    assert ask_turn(back).state == "waits"
    assert freeze("closed", "--end") == OK
    assert ask_turn(back).state == "given"


def test_a_run_that_only_calls_itself_a_rollback_waits(freeze: Freeze, runs: Engine) -> None:
    add_run(runs, "rollback__mine")
    new, other = rolled_back(runs, 6, ran_before=False), rolled_back(runs, 7, environment="production")
    claims = question(8, environment="closed", run_id="rollback__mine")
    claims = claims.model_copy(update={"mine": claims.mine.model_copy(update={"rolls_back": True})})
    asked = [
        question(6, environment="closed", run_id=new),
        question(7, environment="closed", run_id=other),
        claims,
        question(9, environment="closed", run_id=rolled_back(runs, 5)),  # another commit than was chosen
    ]
    assert [ask_turn(one).state for one in asked] == ["waits"] * 4


def test_nothing_goes_while_apps_yaml_cannot_be_read(
    reception: Reception, runs: Engine, monkeypatch: pytest.MonkeyPatch, key: None
) -> None:
    def broken() -> Apps:
        raise SlipwayError("apps.yaml:3: version: must be 1.")

    app = create_app(replace(reception, apps=broken))
    monkeypatch.setattr(asking._ask.retry, "stop", asking.stop_after_attempt(1))
    with served(Starlette(routes=[Mount("/slipway", app)])) as url:
        monkeypatch.setenv("SLIPWAY_URL", url)
        assert "waits: apps.yaml:3: version" in ask_turn(question(1)).told(question(1).mine)
