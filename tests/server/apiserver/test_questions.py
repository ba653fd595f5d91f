"""What tasks ask the API server of runs and pushes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from airflow.models.dagrun import DagRun
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from slipway.apiserver.client import (
    ask_push,
    ask_pushes,
    ask_runs,
    ask_under_way,
    report_built,
    report_looked,
    report_push,
    report_superseded,
    settle_pushes,
)
from slipway.apiserver.questions import AT_ONCE, PUSHES_ROUTE, RUNS_ROUTE
from slipway.flow.image import Built, Image
from slipway.flow.orphans import RunState
from slipway.flow.platforms import PLATFORMS, Platform
from slipway.flow.push import PushEvent
from slipway.flow.push_progress import PlatformProgress
from slipway.flow.record import SlipwayError, TransientError
from slipway.flow.recorded import Received, RecordedPush
from slipway.flow.ref_order import Reported
from slipway.pushes import settling
from slipway.pushes.reporting import run_ended
from slipway.webhook.signature import sign_search
from tests.served import client
from tests.server.conftest import Recorded, question_connection, session_of
from tests.server.sender import COMMIT, SECRET, Sender, push
from tests.server.sender import KEY as SIGNS

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
KEY = f"Octo/Hello@{COMMIT}"
Queued = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def store(engine: Engine) -> Iterator[Session]:
    """What Airflow itself would write."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM dag_run"))
    with Session(engine) as session:
        yield session


def add_run(store: Session, dag_id: str, run_id: str, state: str, key: str | None = None) -> None:
    run = DagRun(
        dag_id=dag_id, run_id=run_id, run_type="manual", state=state, run_after=NOON, partition_key=key
    )
    if state in ("success", "failed"):
        run.end_date = NOON
    store.add(run)
    store.commit()


def test_runs_that_live_and_runs_that_are_over(server: str, store: Session) -> None:
    for run_id, state in (("a", "queued"), ("b", "running"), ("c", "success"), ("d", "failed")):
        add_run(store, "push", run_id, state)
    add_run(store, "deploy", "c", "running")
    assert ask_runs(["a", "b", "c", "d", "e", "d"]) == {
        "a": RunState(lives=True),
        "b": RunState(lives=True),
        "c": RunState(lives=True, ended=NOON),
        "d": RunState(lives=False, ended=NOON),
    }


def test_more_runs_than_one_question_takes(server: str, store: Session) -> None:
    names = [f"run-{number}" for number in range(AT_ONCE + 5)]
    for name in (names[0], names[-1]):
        add_run(store, "push", name, "success")
    assert sorted(ask_runs(names)) == sorted((names[0], names[-1]))


def test_runs_that_live_are_told_unasked(server: str, store: Session) -> None:
    for run_id, state in (("a", "queued"), ("b", "running"), ("c", "success")):
        add_run(store, "push", run_id, state)
    assert sorted(ask_runs([])) == ["a", "b"]


def test_a_push_on_record_is_known_with_its_refs(
    server: str, store: Session, sender: Sender, recorded: Recorded
) -> None:
    assert ask_pushes([KEY]) == {}
    sender.deliver(push())
    sender.deliver(push(ref="refs/tags/v1"))
    sender.deliver(push(ref="refs/heads/nobody-takes-it"))
    found = ask_pushes([KEY, "octo/other@1"])
    assert found.keys() == {KEY}
    assert sorted(found[KEY].refs) == ["refs/heads/main", "refs/tags/v1"]
    assert {run.run_id for run in found[KEY].runs} == {one.id for one in recorded()}
    assert [(run.dag_id, run.state) for run in found[KEY].runs] == [("push", "queued")] * 2


def test_a_push_whose_ref_went_on_is_news_when_the_ref_points_to_it_again(
    server: str, store: Session, sender: Sender
) -> None:
    """The branch was forced back, and the delivery that says so was lost."""
    other = "b" * 40
    repository = {"full_name": "octo/hello", "pushed_at": 1_800_000_000}
    sender.deliver(push(repository=repository))
    later = repository | {"pushed_at": 1_800_000_009}
    sender.deliver(push(repository=later, before=COMMIT, after=other, head_commit={"id": other}))
    sender.deliver(push(ref="refs/tags/v1", repository=repository))
    assert ask_pushes([KEY])[KEY].refs == ("refs/tags/v1",)
    assert ask_pushes([f"octo/hello@{other}"])[f"octo/hello@{other}"].refs == ("refs/heads/main",)
    pushed = PushEvent(repository="octo/hello", ref="refs/heads/main", commit=COMMIT)
    assert report_push(Reported(push=pushed, source="sweep")).placed.verdict == "new"
    assert sorted(ask_pushes([KEY])[KEY].refs) == ["refs/heads/main", "refs/tags/v1"]


def test_what_a_person_deploys_meanwhile_makes_the_tip_of_its_ref_no_news(
    server: str, store: Session, sender: Sender
) -> None:
    sender.deliver(push())
    report(commit="b" * 40)  # an older one, on purpose
    assert ask_pushes([KEY])[KEY].refs == ("refs/heads/main",)


def test_what_became_of_a_push(server: str, store: Session) -> None:
    one = report().push
    report_looked(one.id, {"container": BUILDING, "vm": done(one, "vm")})
    report_built(one.id, "container", done(one, "container", image=True))
    add_run(store, "vm_image", "by-a-person", "queued", KEY)
    add_run(store, "vm_image", "over", "failed", KEY)
    add_run(store, "vm_image", "of-the-night", "queued", f"{KEY}+night")
    [known] = ask_pushes([KEY]).values()
    assert known.refs == ("refs/heads/main",)
    assert [(run.dag_id, run.run_id, run.state) for run in known.runs] == [
        ("push", one.id, "queued"),
        ("container_image", one.id, "queued"),
        ("deploy", one.id, "queued"),
        ("vm_image", "by-a-person", "queued"),
    ]
    assert known.images == {"container": "built", "vm": "nothing"}


def test_how_much_of_a_rebuild_is_under_way(server: str, store: Session) -> None:
    begun = [
        report(rebuild=night, repository=f"octo/a{number}") for number, night in enumerate(("n", "n", "m"))
    ]
    assert [ask_under_way(night) for night in ("n", "m", "n-1")] == [2, 1, 0]
    report_superseded(begun[0].push.id, "its ref went on")
    assert ask_under_way("n") == 1


def report(
    commit: str = COMMIT, ref: str = "refs/heads/main", deploy: bool = True, **fields: str
) -> Received:
    pushed = PushEvent.from_json({"repository": "Octo/Hello", "ref": ref, "commit": commit} | fields)
    return report_push(Reported(push=pushed, source="night" if pushed.rebuild else "person", deploy=deploy))


def done(one: RecordedPush, platform: Platform, *, image: bool = False) -> PlatformProgress:
    found = Image(
        platform=platform,
        application="hello",
        repository="octo/hello",
        commit=COMMIT,
        digest="sha256:" + "1" * 64,
        input_digest="sha256:" + "2" * 64,
        reference="somewhere",
    )
    built = Built(push=one.push, platform=platform, image=found if image else None)
    return PlatformProgress(state="done", built=built)


BUILDING = PlatformProgress(state="building")
FAILED = PlatformProgress(state="failed", reason="no disk left")


def test_a_push_is_looked_at_built_and_deployed_by_runs_with_its_id(
    server: str, store: Session, queued: Queued
) -> None:
    one = report().push
    assert (one.state, one.deploy, queued()) == ("looking", True, [("push", KEY)])
    looked = {"container": BUILDING, "vm": BUILDING, "bare_metal": done(one, "bare_metal")}
    for _ in range(2):  # the task is tried again
        assert report_looked(one.id, looked).state == "building"
    assert queued()[1:] == [("container_image", KEY), ("vm_image", KEY)]
    for _ in range(2):
        assert report_built(one.id, "vm", done(one, "vm", image=True)).state == "building"
    for _ in range(2):
        assert report_built(one.id, "container", done(one, "container", image=True)).state == "deploying"
    assert queued()[3:] == [("deploy", KEY)]
    runs = {run.run_id for run in ask_pushes([KEY])[KEY].runs}
    assert runs == {one.id}
    assert ask_pushes([KEY])[KEY].images == {"container": "built", "vm": "built", "bare_metal": "nothing"}
    assert ask_push(one.id).progress["vm"].built == done(one, "vm", image=True).built


def test_a_push_whose_build_failed_is_over_and_leaves_nothing_pending(
    server: str, store: Session, queued: Queued
) -> None:
    one = report().push
    looked = {"container": BUILDING, "vm": BUILDING, "bare_metal": done(one, "bare_metal")}
    report_looked(one.id, looked)
    assert report_built(one.id, "vm", FAILED).state == "building"
    ended = report_built(one.id, "container", done(one, "container", image=True))
    assert (ended.state, ended.outcome, ended.reason) == ("over", "failed", "vm_image: no disk left")
    assert ended.ended_at is not None
    assert [dag for dag, _ in queued()] == ["push", "container_image", "vm_image"]
    # A person clears the failed build, and it ends well.
    assert report_built(one.id, "vm", done(one, "vm", image=True)).state == "deploying"
    assert queued()[-1] == ("deploy", KEY)


@pytest.mark.parametrize(
    ("image", "deploy", "rebuild", "outcome"),
    [
        (False, True, "", "nothing"),
        (True, False, "", "not deployed"),
        (True, True, "", ""),
    ],
)
def test_an_unchanged_push_starts_no_pipeline(
    server: str, store: Session, queued: Queued, image: bool, deploy: bool, rebuild: str, outcome: str
) -> None:
    one = report(deploy=deploy).push
    looked = {name: done(one, name, image=image and name == "container") for name in PLATFORMS}
    assert report_looked(one.id, looked).outcome == outcome
    assert [dag for dag, _ in queued()] == ["push", "deploy"] if not outcome else ["push"]


def test_a_push_that_was_superseded_or_only_built_does_not_hide_one_that_is_missing(
    server: str, store: Session
) -> None:
    one = report(deploy=False).push
    assert ask_pushes([KEY])[KEY].refs == ()
    two = report(ref="refs/tags/v1").push
    assert ask_pushes([KEY])[KEY].refs == ("refs/tags/v1",)
    report_superseded(two.id, "its ref went on")
    assert ask_pushes([KEY])[KEY].refs == ()
    assert len({one.id, two.id}) == 2


def test_what_a_night_finds_unchanged_is_not_deployed_again(
    server: str, store: Session, queued: Queued
) -> None:
    one = report(rebuild="n").push
    found = done(one, "container", image=True)
    assert found.built is not None
    reused = found.model_copy(update={"built": found.built.found(before=True)})
    ended = report_looked(one.id, {"container": reused})
    assert (ended.outcome, ended.reason) == (
        "not deployed",
        f"nothing changed since {COMMIT[:12]} was built before",
    )


def test_runs_that_report_nothing_themselves_end_their_push(
    server: str, store: Session, engine: Engine
) -> None:
    def ended(dag_id: str, one: RecordedPush, good: bool, deployed: bool = False) -> RecordedPush:
        with session_of(engine) as session:
            run_ended(session, dag_id, one.id, good=good, deployed=deployed, said="its worker was lost")
        return ask_push(one.id)

    looked_at = ended("push", report("1" * 40).push, good=False)
    assert (looked_at.outcome, looked_at.reason) == ("failed", "push: its worker was lost")
    building = report("2" * 40).push
    report_looked(building.id, {"container": BUILDING})
    assert ended("push", building, good=True).state == "building"
    assert ended("container_image", building, good=False).outcome == "failed"
    report_built(building.id, "container", done(building, "container", image=True))
    assert ended("deploy", building, good=True, deployed=True).outcome == "deployed"
    assert ended("deploy", building, good=True).outcome == "not deployed"
    assert ended("deploy", building, good=False).outcome == "failed"


def test_pushes_whose_reports_were_lost_go_on(
    server: str, store: Session, engine: Engine, queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settle_pushes() == {}
    one, two, three = (report(str(number) * 40).push for number in range(3))
    report_looked(two.id, {"container": BUILDING, "vm": BUILDING})
    assert settle_pushes() == {}  # they are young
    monkeypatch.setattr(settling, "AGE", timedelta(0))
    assert settle_pushes() == {}  # and wait for the scheduler
    with engine.begin() as connection:
        gone = "DELETE FROM dag_run WHERE run_id = :one OR (run_id = :two AND dag_id = 'vm_image')"
        connection.execute(text(gone), {"one": one.id, "two": two.id})
        ended = "UPDATE dag_run SET state = 'failed' WHERE run_id = :three OR dag_id = 'container_image'"
        connection.execute(text(ended), {"three": three.id})
    assert settle_pushes() == {
        one.id: "push starts",
        two.id: "container_image had ended, vm_image starts",
        three.id: "push had ended",
    }
    assert (ask_push(one.id).state, ask_push(two.id).state) == ("looking", "building")
    assert ask_push(three.id).reason == "push: its report was lost"
    report_built(two.id, "vm", done(two, "vm", image=True))
    assert ask_push(two.id).reason == "container_image: its report was lost"
    assert sorted(dag for dag, _ in queued()) == ["push", "push", "vm_image"]


def test_a_report_that_cannot_start_its_run_is_not_taken_down(
    server: str, store: Session, engine: Engine
) -> None:
    one = report().push
    with engine.begin() as connection:
        connection.execute(text("UPDATE dag SET is_stale = true WHERE dag_id = 'container_image'"))
    with pytest.raises(TransientError, match="DAG container_image is not known: Airflow's DAG processor"):
        report_looked(one.id, {"container": BUILDING})
    assert ask_push(one.id).state == "looking"


def test_a_push_that_is_not_on_record_is_refused_with_the_cure(server: str, store: Session) -> None:
    with pytest.raises(SlipwayError, match=r"no push push~x is on record\. Start the run with the form"):
        ask_push("push~x")


@pytest.mark.parametrize("route", [RUNS_ROUTE, PUSHES_ROUTE])
def test_a_question_needs_a_fresh_signature_and_its_fields(server: str, route: str) -> None:
    with client(server) as http:

        def ask(body: bytes, key: str = SIGNS, age: int = 0) -> httpx.Response:
            signature = sign_search(body, key, int(time.time()) - age)
            return http.post(f"/slipway{route}", content=body, headers={"x-slipway-signature": signature})

        assert ask(b"{}", "other").status_code == 401
        assert ask(b"{}", SECRET).status_code == 401  # who may send deliveries may not ask
        assert ask(b"{}", age=400).status_code == 401
        assert http.post(f"/slipway{route}", content=b"{}").status_code == 401
        for body in (b"", b"{}", b'{"runs": 1, "keys": 1}', b'{"sql": "1"}'):
            answer = ask(body)
            assert (answer.status_code, "the question has errors" in answer.json()["reason"]) == (400, True)


def test_a_wrong_key_is_told_with_its_cure(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", question_connection("another"))
    with pytest.raises(SlipwayError, match=r"refuses /runs/search: 401.*same connection slipway_questions"):
        ask_runs(["a"])


def test_no_answer_is_worth_another_try(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_URL", "http://127.0.0.1:1")
    with pytest.raises(TransientError, match="does not answer: ConnectError"):
        ask_pushes([KEY])
