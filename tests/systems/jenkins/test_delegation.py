"""The task and its trigger, against a Jenkins: from the request to every end that it can have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from slipway.delegation import triggers
from slipway.delegation.operators import JenkinsBuildOperator
from slipway.delegation.triggers import JenkinsTrigger
from slipway.flow.jenkins import FinishedBuild
from slipway.flow.record import TransientError
from slipway.jenkins.builds import OWN, find, get_build
from slipway.jenkins.server import JenkinsServer
from slipway.jenkins.watch import JenkinsOutcome
from tests.broken_server import serving
from tests.systems.jenkins.clients import PythonJenkins
from tests.systems.jenkins.conftest import PAUSE_SECONDS, TOKEN, TRIES, USER, Served
from tests.systems.jenkins.jobs import OURS, project
from tests.systems.jenkins.product import PUSH, connected, connection, made, until

SCRIPT = "echo for $SLIPWAY_COMMIT; mkdir out; echo built > out/app.txt"


@pytest.fixture(autouse=True)
def login(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_JENKINS", json.dumps(connection(served.url)))
    monkeypatch.setattr(triggers, "POLL_SECONDS", 0.1)


@pytest.fixture
def server(served: Served) -> JenkinsServer:
    return connected(served.url)


def operator(job: str, **fields: Any) -> JenkinsBuildOperator:
    spec = {
        "version": 1,
        "name": "app",
        "container": {},
        "build": {"jenkins": {"job": job, "artifacts": ["out/app.txt"], **fields}},
    }
    plan = {"push": PUSH.to_json(), "place": "docker-local/demo/app", "spec": spec}
    digest = f"sha256:{'0' * 64}"
    inputs = {"dockerfile": digest, "context": digest, "arguments": {}, "target": None}
    with DAG("delegates"):
        return JenkinsBuildOperator(
            task_id="jenkins", resolved={"plan": plan, "inputs": inputs, "image": None}
        )


def context(run: str = "run-1", max_tries: int = 2) -> Any:
    url = f"http://airflow:8080/dags/container_image/runs/{run}/tasks/jenkins"
    kept: dict[str, Any] = {}
    ti = SimpleNamespace(
        log_url=url,
        max_tries=max_tries,
        task=SimpleNamespace(retries=2),
        kept=kept,
        xcom_push=lambda key, value: kept.update({key: value}),
    )
    return {"run_id": run, "ti": ti}


def asked(task: JenkinsBuildOperator, of: Any | None = None) -> TaskDeferred:
    """Ask for the build, as the task does until it waits."""
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(of or context())
    return deferred.value


async def waited(deferred: TaskDeferred, **fields: Any) -> JenkinsOutcome:
    """Wait as the triggerer does."""
    path, plain = deferred.trigger.serialize()
    assert path == "slipway.delegation.triggers.JenkinsTrigger"
    trigger = JenkinsTrigger(**json.loads(json.dumps(plain)), **fields)
    async with asyncio.timeout(120):
        return JenkinsOutcome.from_json((await anext(trigger.run())).payload)


def resumed(
    task: JenkinsBuildOperator, deferred: TaskDeferred, outcome: JenkinsOutcome, of: Any | None = None
) -> Any:
    """Go on as the worker does."""
    assert (deferred.method_name, deferred.kwargs) == ("resume", None)
    return task.resume(of or context(), outcome.to_json())


def own(deferred: TaskDeferred) -> str:
    return str(deferred.trigger.watch["own"])


async def test_a_build_from_request_to_result(
    served: Served, server: JenkinsServer, caplog: pytest.LogCaptureFixture
) -> None:
    job = made(served, SCRIPT, artifacts="out/*")
    task, of = operator(job), context()
    deferred = asked(task, of)
    found = FinishedBuild.from_json(resumed(task, deferred, await waited(deferred), of))
    assert (found.job, found.number) == (job, 1)
    assert of["ti"].kept == {"jenkins_page": found.url}
    told = PythonJenkins(served.url, USER, TOKEN).ended(job, 1).parameters
    assert told == {
        OWN: own(deferred),
        "SLIPWAY_COMMIT": PUSH.commit,
        "SLIPWAY_REPOSITORY": "tests/app",
        "SLIPWAY_REF": "refs/heads/main",
    }
    said = [record.getMessage() for record in caplog.records]
    assert f"  for {PUSH.commit}" in said
    assert f"build 1 of {job} has ended: SUCCESS" in said


async def test_a_retry_goes_on_with_its_own_build_and_never_with_anothers(
    served: Served, server: JenkinsServer
) -> None:
    job = made(served, "sleep 600")
    first = asked(operator(job))
    number = until(lambda: (find(server, job, own(first)) or first.trigger).number)
    again = asked(operator(job))
    assert own(again) == own(first)
    assert again.trigger.watch["place"]["number"] == number

    for other in (context("run-2"), context(max_tries=5)):  # another run, and this one cleared by a person
        theirs = asked(operator(job), other)
        assert own(theirs) != own(first)
        assert theirs.trigger.watch["place"]["number"] is None
    until(lambda: len(server.read(_path(job), "job", tree="builds[number]")["builds"]) == 3)
    for build in server.read(_path(job), "job", tree="builds[number]")["builds"]:
        server.post(f"{_path(job)}{build['number']}/stop", "the end")


def _path(job: str) -> str:
    return f"job/{job.replace('/', '/job/')}/"


ENDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "unstable": ("echo 2 tests failed; exit 3", {"unstable": 3}, r"is UNSTABLE: .*\n.*\n  2 tests failed"),
    "failure": ("echo broken; exit 1", {}, "is FAILURE: repair"),
    "without artifact": ("true", {}, "has not archived out/app.txt"),
    "without fingerprint": (SCRIPT, {"artifacts": "out/*", "fingerprint": False}, "has no fingerprints"),
}


@pytest.mark.parametrize("case", ENDS)
async def test_a_build_that_is_not_good(served: Served, case: str) -> None:
    script, options, said = ENDS[case]
    task = operator(made(served, script, **options))
    deferred = asked(task)
    outcome = await waited(deferred)
    with pytest.raises(AirflowFailException, match=f"(?s){said}"):
        resumed(task, deferred, outcome)


async def test_a_build_that_somebody_aborts(served: Served, server: JenkinsServer) -> None:
    task = operator(job := made(served, "sleep 600"))
    deferred = asked(task)
    waiting = asyncio.create_task(waited(deferred))
    await asyncio.to_thread(_begun, server, job, own(deferred))
    server.post(f"{_path(job)}1/stop", "the end")
    with pytest.raises(AirflowFailException, match=r"was ABORTED: Aborted by slipway. Start the run again"):
        resumed(task, deferred, await waiting)


def _begun(server: JenkinsServer, job: str, own: str) -> int:
    def number() -> int | None:
        place = find(server, job, own)
        return place and place.number

    return int(until(number))


async def test_a_request_that_somebody_cancels(served: Served, server: JenkinsServer) -> None:
    task = operator(made(served, quiet=600))
    deferred = asked(task)
    waiting = asyncio.create_task(waited(deferred))
    item = deferred.trigger.watch["place"]["item"]
    server.post(f"queue/cancelItem?id={item}", "the item")
    with pytest.raises(AirflowFailException, match="was cancelled in Jenkins' queue before it started"):
        resumed(task, deferred, await waiting)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"disabled": True}, "is disabled in Jenkins"),
        ({"asks": True}, "needs KEYSTORE, which has no default"),
        ({"parameters": ()}, "has no parameter SLIPWAY_BUILD"),
    ],
)
def test_a_job_that_cannot_be_built_so(
    served: Served, server: JenkinsServer, options: dict[str, Any], said: str
) -> None:
    job = made(served, **options)
    with pytest.raises(AirflowFailException, match=said):
        operator(job).execute(context())
    assert server.read(_path(job), "job")["builds"] == []


async def test_a_build_that_takes_too_long_is_aborted(served: Served, server: JenkinsServer) -> None:
    task = operator(job := made(served, "sleep 600"))
    deferred = asked(task)
    await asyncio.to_thread(_begun, server, job, own(deferred))
    late = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    deferred.trigger.watch["deadline"] = late
    outcome = await waited(deferred)
    with pytest.raises(AirflowFailException, match=r"took longer than build.jenkins.build_seconds.*3600"):
        resumed(task, deferred, outcome)
    until(lambda: get_build(server, job, 1).result == "ABORTED")


async def test_to_end_the_task_aborts_the_build_wherever_the_task_is(
    served: Served, server: JenkinsServer
) -> None:
    job = made(served, "sleep 600")
    task = operator(job)
    deferred = asked(task)
    _begun(server, job, own(deferred))
    await JenkinsTrigger(**deferred.trigger.serialize()[1]).on_kill()
    until(lambda: get_build(server, job, 1).result == "ABORTED")

    of = context("run-2")
    deferred = asked(task, of)
    number = _begun(server, job, own(deferred))
    task.on_kill()
    until(lambda: get_build(server, job, number).result == "ABORTED")
    operator(job).on_kill()  # before it asked for anything there is nothing to abort


def restart(moved: Served) -> None:
    """Have Jenkins restart; its answer leads to a page that is away already."""
    httpx.post(f"{moved.url}restart", auth=(USER, TOKEN), timeout=30, trust_env=False)


@pytest.mark.parametrize("status", [503, 401])
async def test_news_that_cannot_be_heard_only_costs_time(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """A build that tells of its end is looked after, too; at once when the API server refuses to be asked."""
    monkeypatch.setattr(triggers, "NOTIFIED_SECONDS", 0.2 if status == 503 else 3600.0)
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_JENKINS", json.dumps(connection(served.url, notifies=True)))
    questions = {"conn_type": "generic", "password": "signs-what-triggers-ask"}
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_QUESTIONS", json.dumps(questions))
    with serving(lambda asked, _: (status, {}, b"no")) as api:
        monkeypatch.setenv("SLIPWAY_URL", f"http://{api.host}")
        task = operator(made(served, f"sleep 1; {SCRIPT}", artifacts="out/*"))
        deferred = asked(task)
        assert resumed(task, deferred, await waited(deferred))["number"] == 1
        assert api.asked[0].path == "/slipway/deliveries/search"
        assert api.asked[0].headers["x-slipway-signature"]
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert ("build notification unavailable" in said) == (status == 401)


@asynccontextmanager
async def away(restarted: Served) -> AsyncIterator[None]:
    await asyncio.to_thread(restarted.stop)
    yield
    await asyncio.to_thread(restarted.start)


@pytest.fixture
def moved(restarted: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A Jenkins that may go away, which the connection names."""
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_JENKINS", json.dumps(connection(restarted.url)))
    return restarted


@pytest.mark.slow
async def test_a_request_outlives_a_restart_in_the_queue(
    moved: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Jenkins keeps its queue; meanwhile it answers 503, and nothing at all."""
    job = made(moved, SCRIPT, artifacts="out/*", quiet=5)
    task = operator(job)
    deferred = asked(task)
    waiting = asyncio.create_task(waited(deferred))
    async with away(moved):
        await told(caplog, "waiting until it answers again")
        assert not waiting.done()
    await told(caplog, "Jenkins answers again")
    restart(moved)
    assert resumed(task, deferred, await waiting)["number"] == 1


async def told(caplog: pytest.LogCaptureFixture, line: str) -> None:
    """Wait until it is logged."""
    for _ in range(TRIES):
        if any(line in record.getMessage() for record in caplog.records):
            return
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{line!r} is not logged")


@pytest.mark.slow
async def test_a_build_that_a_restart_ends_says_so(moved: Served) -> None:
    task = operator(job := made(moved, "sleep 600"))
    deferred = asked(task)
    await asyncio.to_thread(_begun, connected(moved.url), job, own(deferred))
    restart(moved)
    outcome = await waited(deferred)
    with pytest.raises(AirflowFailException, match=r"was ABORTED: .* because Jenkins was shut down"):
        resumed(task, deferred, outcome)


async def test_a_request_that_jenkins_lost_is_made_again(moved: Served) -> None:
    """As after a crash: neither its queue nor a build knows of it."""
    options: dict[str, Any] = {"parameters": OURS, "artifacts": "out/*"}
    task = operator(job := made(moved, SCRIPT, quiet=600, **options))
    deferred = asked(task)
    async with away(moved):
        (moved.root / "queue.json").unlink()
    PythonJenkins(moved.url, USER, TOKEN).client.reconfig_job(job, project(SCRIPT, **options))
    outcome = await waited(deferred)
    assert outcome.state == "absent"
    with pytest.raises(TaskDeferred) as again:
        resumed(task, deferred, outcome)
    assert own(again.value) == own(deferred)
    assert resumed(task, again.value, await waited(again.value))["number"] == 1

    late = outcome.model_copy(update={"deadline": datetime.now(UTC)})
    with pytest.raises(AirflowFailException, match="took longer"):
        resumed(task, deferred, late)


async def test_jenkins_is_away_when_it_is_asked(moved: Served) -> None:
    task = operator(made(moved, SCRIPT, artifacts="out/*"))
    async with away(moved):
        deferred = asked(task)
    outcome = await waited(deferred)
    assert outcome.state == "absent"
    with pytest.raises(TaskDeferred) as again:
        resumed(task, deferred, outcome)
    assert resumed(task, again.value, await waited(again.value))["number"] == 1


async def test_jenkins_that_stays_away_is_given_up(moved: Served) -> None:
    task = operator(made(moved))
    deferred = asked(task)
    fields = deferred.trigger.serialize()[1] | {"away_seconds": 0.3}
    deferred.trigger = JenkinsTrigger(**fields)
    async with away(moved):
        outcome = await waited(deferred)
    with pytest.raises(AirflowFailException, match=r"has not answered for .* Check Jenkins"):
        resumed(task, deferred, outcome)


async def test_a_login_that_is_refused_ends_the_wait(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    task = operator(made(served, "sleep 600"))
    deferred = asked(task)
    wrong = json.dumps(connection(served.url, "wrong"))
    with monkeypatch.context() as changed:
        changed.setenv("AIRFLOW_CONN_SLIPWAY_JENKINS", wrong)
        outcome = await waited(deferred)
        with pytest.raises(
            AirflowFailException, match=r"401 Invalid password/token\. Check user and API token"
        ):
            resumed(task, deferred, outcome)
    task.on_kill()


async def test_a_worker_that_cannot_reach_jenkins_afterwards_is_tried_again(moved: Served) -> None:
    task = operator(job := made(moved, "sleep 600"))
    deferred = asked(task)
    _begun(connected(moved.url), job, own(deferred))
    async with away(moved):
        with pytest.raises(TransientError):
            resumed(task, deferred, JenkinsOutcome(state="late", deadline=datetime.now(UTC)))
