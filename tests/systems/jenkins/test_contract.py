"""Two independent public clients agree about what the stand-in is."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

import httpx
import pytest

from tests.systems.jenkins.clients import Api4Jenkins, Client, PythonJenkins
from tests.systems.jenkins.conftest import PASSWORD, TOKEN, USER, Served
from tests.systems.jenkins.jobs import project
from tests.systems.jenkins.product import until

CLIENTS: dict[str, Callable[[str, str, str], Client]] = {
    "python-jenkins": PythonJenkins,
    "api4jenkins": Api4Jenkins,
}


def begun(client: Client, item: int) -> int:
    """Return the number of the build that an item becomes."""
    return int(until(lambda: client.number(item)))


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, served: Served) -> Client:
    return CLIENTS[request.param](served.url, USER, TOKEN)


@pytest.fixture
def job() -> str:
    """The full name of a job that no other test uses, in a folder of a folder."""
    return f"tests-{secrets.token_hex(4)}/a folder/job-1"


def raw(served: Served, secret: str = TOKEN) -> httpx.Client:
    return httpx.Client(base_url=served.url, auth=(USER, secret), timeout=30, trust_env=False)


def make(client: Client, served: Served, job: str, xml: str) -> None:
    """Make a job and its folders, as the client does it."""
    parents = job.split("/")[:-1]
    creator = PythonJenkins(served.url, USER, TOKEN)
    for depth in range(1, len(parents) + 1):
        folder = "/".join(parents[:depth])
        if not creator.exists(folder):
            creator.client.create_folder(folder)
    client.make(job, xml)


def test_a_build_from_request_to_artifact(client: Client, served: Served, job: str) -> None:
    script = 'echo "for $WHO"; mkdir out; printf "built for $WHO" > "out/a file.txt"'
    xml = project(script, parameters=("WHO", "UNUSED"), artifacts="out/*")
    make(client, served, job, xml)
    assert client.exists(job)
    assert client.version() == "2.504.1"
    assert client.config(job) == xml

    item = client.start(job, WHO="somebody", UNKNOWN="is left out")
    number = until(lambda: client.number(item))
    assert client.kind(item) == "LeftItem"
    until(lambda: not client.is_building(job, number))
    ended = client.ended(job, number)
    assert (ended.number, ended.result, ended.queue_id) == (1, "SUCCESS", item)
    assert ended.parameters == {"WHO": "somebody", "UNUSED": ""}
    assert ended.artifacts == ("out/a file.txt",)
    assert client.artifact(job, number, "out/a file.txt") == b"built for somebody"
    console = client.console(job, number).splitlines()
    assert "for somebody" in console
    assert console[-1] == "Finished: SUCCESS"
    with raw(served) as http:
        path = "/".join(f"job/{part}" for part in job.split("/"))
        query = {"tree": "fingerprint[fileName,hash]"}
        prints = http.get(f"{path}/{number}/api/json", params=query).json()["fingerprint"]
        assert "fingerprint" not in http.get(f"{path}/{number}/api/json").json()
    assert prints == [{"fileName": "a file.txt", "hash": hashlib.md5(b"built for somebody").hexdigest()}]
    client.remove(job)
    assert not client.exists(job)


RESULTS = {"FAILURE": "exit 1", "UNSTABLE": "exit 3", "SUCCESS": "exit 0"}


@pytest.mark.parametrize("result", RESULTS)
def test_results(client: Client, served: Served, job: str, result: str) -> None:
    make(client, served, job, project(RESULTS[result], unstable=3))
    item = client.start(job)
    number = until(lambda: client.number(item))
    until(lambda: not client.is_building(job, number))
    assert client.ended(job, number).result == result


def test_a_build_is_stopped(client: Client, served: Served, job: str) -> None:
    make(client, served, job, project("echo begun; sleep 600"))
    number = begun(client, client.start(job))
    until(lambda: "begun" in PythonJenkins(served.url, USER, TOKEN).console(job, number))
    assert [url for url in client.running() if f"/job-1/{number}" in url and job.split("/")[0] in url]
    client.stop(job, number)
    until(lambda: not client.is_building(job, number))
    assert client.ended(job, number).result == "ABORTED"
    assert f"Aborted by {USER}" in client.console(job, number)


def test_the_queue(client: Client, served: Served, job: str) -> None:
    """Waits in its quiet period, behind another build, is one with an equal request, and is cancelled."""
    xml = project("sleep 600", parameters=("N",), concurrent=False)
    make(client, served, job, xml)
    first = client.start(job, N="1")
    number = until(lambda: client.number(first))
    second = client.start(job, N="2")
    assert client.start(job, N="2") == second
    third = client.start(job, N="3")
    assert third != second
    until(lambda: client.kind(second) == "BlockedItem")
    client.cancel(second)
    assert client.kind(second) == "LeftItem"
    assert client.number(second) is None
    client.cancel(third)
    client.stop(job, number)


def test_a_quiet_period(client: Client, served: Served, job: str) -> None:
    make(client, served, job, project(quiet=600))
    item = client.start(job)
    assert client.kind(item) == "WaitingItem"
    client.cancel(item)
    assert client.kind(item) == "LeftItem"


def test_a_job_that_cannot_be_built(client: Client, served: Served, job: str) -> None:
    make(client, served, job, project(parameters=("N",)))
    with raw(served) as http:
        path = "/".join(f"job/{part}" for part in job.split("/"))
        asked = http.post(f"{path}/build")
        assert (asked.status_code, "form submission" in asked.headers["X-Error"]) == (400, True)
        client.switch(job, on=False)
        assert http.post(f"{path}/buildWithParameters").status_code == 409
        assert http.get(f"{path}/api/json").json()["buildable"] is False
        client.switch(job, on=True)
        assert http.post(f"{path}/buildWithParameters").status_code == 201
        assert http.post(f"{path}-other/build").status_code == 404


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_password_asks_for_a_crumb_and_a_token_does_not(kind: str, served: Served, job: str) -> None:
    client = CLIENTS[kind](served.url, USER, PASSWORD)
    make(client, served, job, project())
    assert client.start(job) > 0  # the client brings its crumb, and the session that it is bound to
    path = "/".join(f"job/{part}" for part in job.split("/"))
    with raw(served, PASSWORD) as http:
        assert http.post(f"{path}/build").status_code == 403
        crumb = http.get("crumbIssuer/api/json").json()
        header = {crumb["crumbRequestField"]: crumb["crumb"]}
        assert http.post(f"{path}/build", headers=header).status_code == 201
        http.cookies.clear()
        assert http.post(f"{path}/build", headers=header).status_code == 403
    with raw(served, "wrong") as http:
        assert http.get("api/json").status_code == 401


def test_a_console_is_read_as_it_grows(served: Served, job: str) -> None:
    client = PythonJenkins(served.url, USER, TOKEN)
    make(client, served, job, project("echo first; sleep 600"))
    number = begun(client, client.start(job))
    path = "/".join(f"job/{part}" for part in job.split("/")) + f"/{number}/logText/progressiveText"
    with raw(served) as http:
        until(lambda: "first\n" in http.get(path).text)
        answer = http.get(path)
        assert answer.headers["X-More-Data"] == "true"
        read = answer.headers["X-Text-Size"]
        assert int(read) == len(answer.content)
        client.stop(job, number)
        until(lambda: not client.is_building(job, number))
        rest = http.get(path, params={"start": read})
        assert rest.text.endswith("Finished: ABORTED\n")
        assert "first" not in rest.text
        assert "X-More-Data" not in rest.headers


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.slow
def test_a_restart_keeps_queue_and_builds(kind: str, restarted: Served) -> None:
    """First a restart that Jenkins itself makes, then one of its process."""
    client, job = CLIENTS[kind](restarted.url, USER, TOKEN), "kept"
    client.make(job, project("echo $N; sleep $N", parameters=("N",), concurrent=False))
    done = begun(client, client.start(job, N="0"))
    until(lambda: not client.is_building(job, done))
    cut = begun(client, client.start(job, N="600"))
    waits = client.start(job, N="0.1")
    with raw(restarted) as http:
        http.post("restart")
        away = http.get("api/json")
        assert (away.status_code, away.headers["X-Jenkins"]) == (503, "2.504.1")
        until(lambda: http.get("api/json").status_code == 200)
    assert client.ended(job, cut).result == "ABORTED"
    number = until(lambda: client.number(waits))
    until(lambda: not client.is_building(job, number))
    assert client.ended(job, number).result == "SUCCESS"

    cut = begun(client, client.start(job, N="600"))
    waits = client.start(job, N="0.2")
    restarted.stop()
    restarted.start()
    client = CLIENTS[kind](restarted.url, USER, TOKEN)
    assert client.ended(job, cut).result == "ABORTED"
    assert client.ended(job, done).result == "SUCCESS"
    assert until(lambda: client.number(waits)) == cut + 1


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.slow
def test_before_a_restart_what_runs_ends_and_nothing_begins(kind: str, restarted: Served) -> None:
    client = CLIENTS[kind](restarted.url, USER, TOKEN)
    client.make("slow", project("sleep 1", parameters=("N",)))
    number = begun(client, client.start("slow", N="1"))
    client.quiet_down()
    waits = client.start("slow", N="2")
    until(lambda: client.kind(waits) == "BlockedItem")
    with raw(restarted) as http:
        assert http.get("api/json").json()["quietingDown"] is True
        http.post("safeRestart")
        until(lambda: http.get("api/json").status_code == 503)
        until(lambda: http.get("api/json").status_code == 200)
    assert client.ended("slow", number).result == "SUCCESS"
    assert until(lambda: client.number(waits)) == number + 1
