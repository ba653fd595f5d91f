"""What a build leaves in the engine is found, and goes; what was pulled or is in use stays."""

from __future__ import annotations

import io
import secrets
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime

import docker
import pytest

from lab.access import Lab
from slipway.docker.inputs import INPUT_LABEL, REVISION_LABEL
from slipway.docker.traces import EngineTraces

pytestmark = pytest.mark.lab
COMMIT = "5" * 40


@pytest.fixture
def traces(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> EngineTraces:
    monkeypatch.setenv("DOCKER_HOST", lab.docker_host)
    return EngineTraces()


@pytest.fixture
def tag(docker_api: docker.DockerClient) -> Iterator[str]:
    """A tag of the test's own, as a build gives it."""
    made = f"127.0.0.1:1/docker-local/test-{secrets.token_hex(4)}:{COMMIT}"
    yield made
    for image in docker_api.images.list(filters={"reference": made.rpartition(":")[0]}):
        for name in image.tags:
            docker_api.images.remove(name, force=True)


def build(api: docker.DockerClient, lab: Lab, tag: str, **labels: str) -> None:
    host = lab.dockerhub.url.removeprefix("http://")
    login = {"username": lab.dockerhub.user, "password": lab.dockerhub.password}
    api.api.pull(f"{host}/library/busybox", tag="1.36", auth_config=login)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member, content = tarfile.TarInfo("Dockerfile"), f"FROM {host}/library/busybox:1.36\nENV A={tag}\n"
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content.encode()))
    archive.seek(0)
    marks = {INPUT_LABEL: "sha256:1", REVISION_LABEL: COMMIT} | labels
    api.images.build(fileobj=archive, custom_context=True, tag=tag, labels=marks, rm=True)


def test_a_tag_that_a_build_left_is_found_and_removed(
    traces: EngineTraces, docker_api: docker.DockerClient, lab: Lab, tag: str
) -> None:
    build(docker_api, lab, tag)
    [trace] = [one for one in traces.find() if one.name == tag]
    assert abs((datetime.now(UTC) - trace.made).total_seconds()) < 60
    assert not trace.used_by
    assert traces.remove(trace)
    assert traces.remove(trace)
    assert docker_api.images.list(name=tag) == []


def test_what_a_container_uses_stays(
    traces: EngineTraces, docker_api: docker.DockerClient, lab: Lab, tag: str
) -> None:
    build(docker_api, lab, tag)
    [free] = [one for one in traces.find() if one.name == tag]
    container = docker_api.containers.create(tag, "true")
    try:
        [trace] = [one for one in traces.find() if one.name == tag]
        assert trace.used_by == f"container {container.name}"
        assert not traces.remove(free)
    finally:
        container.remove()


@pytest.mark.parametrize("labels", [{REVISION_LABEL: "6" * 40}, {REVISION_LABEL: ""}])
def test_what_no_build_tagged_is_not_looked_at(
    traces: EngineTraces, docker_api: docker.DockerClient, lab: Lab, tag: str, labels: dict[str, str]
) -> None:
    build(docker_api, lab, tag, **labels)
    assert [one for one in traces.find() if one.name == tag] == []


def test_a_tag_that_was_given_anew_stays(
    traces: EngineTraces, docker_api: docker.DockerClient, lab: Lab, tag: str
) -> None:
    build(docker_api, lab, tag)
    [trace] = [one for one in traces.find() if one.name == tag]
    build(docker_api, lab, tag, another="label")
    assert not traces.remove(trace)
