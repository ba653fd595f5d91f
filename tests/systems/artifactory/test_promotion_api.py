"""Promotion of builds: what Slipway asks for, what dohq-artifactory does, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from artifactory import ArtifactoryBuildManager

from lab.access import Lab
from slipway.artifactory.catalogue import Catalogue
from slipway.artifactory.errors import ArtifactoryError
from slipway.artifactory.promotion import Promotion, promote

pytestmark = pytest.mark.lab
PROMOTION = Promotion("production", "promoted from staging by run r", "alice")


def publish(api: httpx.Client, build: str, number: str = "7") -> None:
    document = {
        "version": "1.0.1",
        "name": build,
        "number": number,
        "started": "2030-01-02T03:04:05.678+0000",
    }
    api.put("/api/build", json=document).raise_for_status()


def path(build: str, number: str = "7", what: str = "build") -> str:
    return f"/api/{what}/{quote(build, safe='')}/{quote(number, safe='')}"


def statuses(api: httpx.Client, build: str, number: str = "7") -> list[dict[str, Any]]:
    return list(api.get(path(build, number)).raise_for_status().json()["buildInfo"].get("statuses", []))


def catalogue(lab: Lab) -> Catalogue:
    return Catalogue(lab.artifactory.url, lab.artifactory.user, lab.artifactory.password)


def test_a_promotion_is_recorded_once_however_often_it_is_tried(
    lab: Lab, api: httpx.Client, build: str
) -> None:
    publish(api, build, "7+night")
    for _ in range(2):
        assert promote(catalogue(lab), build, "7+night", PROMOTION)
    [status] = statuses(api, build, "7+night")
    assert (status["status"], status["comment"]) == ("production", PROMOTION.comment)
    assert (status["ciUser"], status["user"]) == ("alice", lab.artifactory.user)


def test_a_build_that_is_gone_is_no_error(lab: Lab, build: str) -> None:
    assert not promote(catalogue(lab), build, "7", PROMOTION)


def test_login_that_may_only_read_names_the_connection(lab: Lab, api: httpx.Client, build: str) -> None:
    publish(api, build)
    login = lab.artifactory_reader
    with pytest.raises(ArtifactoryError, match=r"403 .*connection slipway_artifactory"):
        promote(Catalogue(login.url, login.user, login.password), build, "7", PROMOTION)
    assert statuses(api, build) == []


def test_a_client_of_others_promotes_and_annotates_what_was_built(
    lab: Lab, api: httpx.Client, build: str, put: Callable[..., str]
) -> None:
    build = build.replace("/", ".")  # this client encodes a slash twice
    publish(api, build)
    made = {"build.name": build, "build.number": "7"}
    own, other = put("own", **made), put("other", **(made | {"build.number": "8"}))
    builds = ArtifactoryBuildManager(lab.artifactory.url, auth=lab.artifactory.auth)
    builds.session.trust_env = False
    given: dict[str, Any] = {"ci_user": "bob", "properties": {"stage": ["one", "two"]}, "status": "staged"}
    builds.promote_build(build, "7", **given, dry_run=True)
    assert statuses(api, build) == []
    builds.promote_build(build, "7", **given, comment="tested")

    [status] = statuses(api, build)
    assert (status["status"], status["comment"], status["ciUser"]) == ("staged", "tested", "bob")
    shown = api.get(f"/api/storage/{own}", params={"properties": ""}).json()["properties"]
    assert shown["stage"] == ["one", "two"]
    assert "stage" not in api.get(f"/api/storage/{other}", params={"properties": ""}).json()["properties"]
    api.post("/api/build/delete", json={"buildName": build, "deleteAll": True}).raise_for_status()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": None}, "'status'"),
        ({"targetRepo": "other-local"}, "neither copied nor moved"),
        ({"timestamp": "yesterday"}, "'timestamp'"),
        ({"copy": "no"}, "'copy' must be a JSON bool"),
        ({"properties": {"a": "b"}}, "'properties'"),
    ],
)
def test_what_it_does_not_do_is_refused(
    api: httpx.Client, build: str, change: dict[str, Any], said: str
) -> None:
    publish(api, build)
    answer = api.post(path(build, what="build/promote"), json={"status": "staged"} | change)
    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]["message"]
    assert statuses(api, build) == []


def test_promotion_of_a_build_that_is_not_there(api: httpx.Client, build: str) -> None:
    assert api.post(path(build, what="build/promote"), json={"status": "staged"}).status_code == 404
