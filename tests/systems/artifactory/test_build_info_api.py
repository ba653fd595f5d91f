"""Build-info: what is refused, and what deleting a build takes with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

pytestmark = pytest.mark.lab
STARTED = "2030-01-02T03:04:05.678+0100"


def document(name: str, number: str = "1", **other: Any) -> dict[str, Any]:
    return {"version": "1.0.1", "name": name, "number": number, "started": STARTED, "modules": []} | other


def path(name: str, number: str | None = None) -> str:
    return f"/api/build/{quote(name, safe='')}" + (f"/{quote(number, safe='')}" if number else "")


def test_a_document_comes_back_as_it_was(api: httpx.Client, build: str) -> None:
    given = document(
        build, "1/ü", properties={"buildInfo.env.A": "b"}, modules=[{"id": "image", "artifacts": []}]
    )
    assert api.put("/api/build", json=given).status_code == 204

    shown = api.get(path(build, "1/ü")).json()
    assert shown == {"uri": f"{api.base_url}{path(build, '1/ü')[1:]}", "buildInfo": given}
    assert api.get(path(build)).json()["buildsNumbers"] == [{"uri": "/1%2F%C3%BC", "started": STARTED}]


def test_fields_that_are_null_are_as_good_as_absent(api: httpx.Client, build: str) -> None:
    modules = [{"id": "image", "type": None}]
    api.put("/api/build", json=document(build, agent=None, modules=modules)).raise_for_status()

    assert api.get(path(build, "1")).json()["buildInfo"] == document(build, modules=[{"id": "image"}])


def test_a_number_that_is_published_again_is_another_run(api: httpx.Client, build: str) -> None:
    later = STARTED.replace("+0100", "+0000")
    for started in (STARTED, later, STARTED):
        api.put("/api/build", json=document(build, started=started, url=started)).raise_for_status()

    assert [run["started"] for run in api.get(path(build)).json()["buildsNumbers"]] == [later, STARTED]
    assert api.get(path(build, "1")).json()["buildInfo"]["url"] == later
    first = api.get(path(build, "1"), params={"started": STARTED}).json()
    assert first["buildInfo"]["url"] == STARTED
    assert api.get(path(build, "1"), params={"started": "2001-01-01T00:00:00.000Z"}).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in ("version", "name", "number", "started")),
        {"number": 1},
        {"name": ""},
        *(
            {"started": started}
            for started in (
                "2030-01-02",
                "2030-01-02T03:04:05+0000",
                "2030-13-02T03:04:05.678Z",
                STARTED[:-2] + ":00",
            )
        ),
    ],
)
def test_documents_that_lack_something_are_refused(
    api: httpx.Client, build: str, change: dict[str, Any]
) -> None:
    answer = api.put("/api/build", json=document(build) | change)

    assert answer.status_code == 400
    assert next(iter(change)) in answer.json()["errors"][0]["message"]
    assert api.get(path(build)).status_code == 404


@pytest.mark.parametrize("depth", [2_000, 50_000])
def test_what_is_nested_too_deeply_is_refused(api: httpx.Client, build: str, depth: int) -> None:
    start = json.dumps(document(build)).rstrip("}")
    body = f'{start}, "modules": {"[" * depth}{"]" * depth}}}'

    assert api.put("/api/build", content=body).status_code == 400
    assert api.get(path(build)).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_document_is_refused(api: httpx.Client, body: bytes) -> None:
    assert api.put("/api/build", content=body).status_code == 400


def test_deletes_runs_and_says_which(api: httpx.Client, build: str) -> None:
    for number in ("1", "2", "3"):
        api.put("/api/build", json=document(build, number)).raise_for_status()

    assert api.delete(path(build)).status_code == 400
    assert api.delete(path(build), params={"buildNumbers": "1,9"}).status_code == 404
    deleted = api.delete(path(build), params={"buildNumbers": "1,2"})
    assert deleted.text.endswith(f"deleted successfully: '{build}#1', '{build}#2'.")
    assert [run["uri"] for run in api.get(path(build)).json()["buildsNumbers"]] == ["/3"]
    assert api.delete(path(build), params={"deleteAll": "1"}).status_code == 200
    assert api.get(path(build)).status_code == 404
    assert api.delete(path(build), params={"deleteAll": "1"}).status_code == 404


@pytest.mark.parametrize("artifacts", [0, 1])
def test_artifacts_of_a_deleted_build_go_when_asked(
    api: httpx.Client, build: str, put: Callable[..., str], artifacts: int
) -> None:
    made = {"build.name": quote(build, safe=""), "build.number": "1"}
    own, other = put("own", **made), put("other", **(made | {"build.number": "2"}))
    api.put("/api/build", json=document(build)).raise_for_status()

    api.delete(path(build), params={"buildNumbers": "1", "artifacts": artifacts}).raise_for_status()

    assert api.head(f"/{own}").status_code == (404 if artifacts else 200)
    assert api.head(f"/{other}").status_code == 200


def test_builds_are_not_compared(api: httpx.Client, build: str) -> None:
    api.put("/api/build", json=document(build)).raise_for_status()
    assert api.get(path(build, "1"), params={"diff": "0"}).status_code == 400
