"""Base images: the image registry first, then Docker Hub, and who served each is said."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from lab.access import Lab
from slipway.docker.bases import Bases
from slipway.docker.errors import BaseImageError, DockerError, TransientDockerError
from slipway.docker.registry import Registry, RegistryClient
from slipway.flow.image_place import ImagePlace
from tests.broken_server import serving
from tests.registry_images import publish_image, publish_index, tags_of

pytestmark = pytest.mark.lab


@pytest.fixture
def bases(registry: RegistryClient, hub: RegistryClient) -> Bases:
    return Bases(registry, hub)


@pytest.fixture(autouse=True)
def _every_line_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_docker_hub_serves_once_and_the_image_registry_from_then_on(
    lab: Lab, bases: Bases, base: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    digest = publish_image(lab.dockerhub, base, "1", tmp_path, "one")
    place = f"{bases.registry.registry.host}/docker-remote/{base}@{digest}"

    [first] = bases.resolve([f"{base}:1"])
    assert (first.digest, first.served_by, first.reference) == (digest, "docker-hub", place)
    assert f"{base}:1: absent in the image registry, copied from Docker Hub as {digest}" in caplog.text
    assert bases.registry.find_manifest(f"docker-remote/{base}", "1") is not None

    [second] = bases.resolve([f"{base}:1"])
    assert (second.digest, second.served_by, second.reference) == (digest, "artifactory", place)
    assert f"{base}:1 is {digest}, served by artifactory" in caplog.text
    assert "moved" not in caplog.text


def test_a_name_is_resolved_once_in_the_order_given(
    lab: Lab, bases: Bases, base: str, tmp_path: Path
) -> None:
    for tag in ("a", "b"):
        publish_image(lab.dockerhub, base, tag, tmp_path, tag)
    found = bases.resolve([f"{base}:b", f"{base}:a", f"{base}:b"])
    assert [image.name for image in found] == [f"{base}:b", f"{base}:a"]
    assert found[0].digest != found[1].digest


def test_a_tag_that_moved_is_logged_and_what_is_here_is_used(
    lab: Lab, bases: Bases, base: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = publish_image(lab.dockerhub, base, "1", tmp_path, "old")
    bases.resolve([f"{base}:1"])
    new = publish_image(lab.dockerhub, base, "1", tmp_path, "new")
    [found] = bases.resolve([f"{base}:1"])
    assert (found.digest, found.served_by) == (old, "artifactory")
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert f"{base}:1 moved on Docker Hub: there {new}, here {old}" in warning


def test_a_digest_is_copied_without_a_tag(lab: Lab, bases: Bases, base: str, tmp_path: Path) -> None:
    digest = publish_image(lab.dockerhub, base, "1", tmp_path, "by digest")
    name = f"{base}@{digest}"
    assert [image.served_by for image in bases.resolve([name])] == ["docker-hub"]
    assert [image.served_by for image in bases.resolve([name])] == ["artifactory"]
    assert tags_of(lab.registry, f"docker-remote/{base}") == []
    bases.resolve([f"{base}:1"])  # tagged, so that it is removed with the test


def test_of_several_architectures_this_ones_image_is_taken(
    lab: Lab, bases: Bases, base: str, tmp_path: Path
) -> None:
    arm = publish_image(lab.dockerhub, base, "arm64", tmp_path, "arm")
    amd = publish_image(lab.dockerhub, base, "amd64", tmp_path, "amd")
    index = publish_index(lab.dockerhub, base, "all", {"arm64": arm, "amd64": amd})
    assert [image.digest for image in bases.resolve([f"{base}:all"])] == [amd]
    assert [image.digest for image in bases.resolve([f"{base}:all"])] == [amd]
    assert [image.digest for image in bases.resolve([f"{base}@{index}"])] == [amd]
    assert bases.registry.find_manifest(f"docker-remote/{base}", arm) is None

    publish_index(lab.dockerhub, base, "foreign", {"arm64": arm})
    with pytest.raises(BaseImageError, match=f"{base}:foreign has no image for linux/amd64"):
        bases.resolve([f"{base}:foreign"])


def test_an_image_of_the_image_registry_itself_needs_no_docker_hub(
    lab: Lab, registry: RegistryClient, repository: str, tmp_path: Path
) -> None:
    digest = publish_image(lab.registry, repository, "1", tmp_path, "own")
    name = f"{registry.registry.host}/{repository}:1"
    with serving(lambda *_: (500, {}, b"")) as served, Registry(served.host).client() as hub:
        [found] = Bases(registry, hub).resolve([name])
        assert served.asked == []
        with pytest.raises(BaseImageError, match=f"{name}x is not in the image registry"):
            Bases(registry, hub).resolve([f"{name}x"])
    assert (found.digest, found.served_by) == (digest, "artifactory")
    assert found.reference == f"{registry.registry.host}/{repository}@{digest}"


@pytest.mark.parametrize("name", ["never/never:1", "busybox:never", "never", "busybox@sha256:" + "0" * 64])
def test_a_base_that_is_nowhere_is_named_with_both_places(bases: Bases, name: str) -> None:
    with pytest.raises(
        BaseImageError, match=r"is neither in .* nor on Docker Hub .*Check its name"
    ) as caught:
        bases.resolve([name])
    said = str(caught.value)
    assert name in said
    assert bases.registry.registry.host in said
    assert bases.hub.registry.host in said


def test_a_base_that_docker_hub_refuses_may_not_exist(registry: RegistryClient) -> None:
    """The public Docker Hub answers 401 for what it does not have."""
    with (
        serving(lambda *_: (401, {}, b"denied")) as served,
        Registry(served.host).client() as hub,
        pytest.raises(BaseImageError, match=r"never/never:1 .* nor public on Docker Hub"),
    ):
        Bases(registry, hub).resolve(["never/never:1"])


@pytest.mark.parametrize("name", ["quay.example.org/a/b:1", "localhost:1/a", "10.0.0.1:5000/a"])
def test_a_registry_that_slipway_does_not_use_is_refused_unasked(bases: Bases, name: str) -> None:
    with pytest.raises(BaseImageError, match=r"is a registry that Slipway does not use. Copy the image to"):
        bases.resolve([name])


def test_what_is_no_name_is_refused(bases: Bases) -> None:
    with pytest.raises(DockerError, match="is not an image name"):
        bases.resolve(["${BASE}"])


def test_an_image_registry_that_cannot_say_is_not_taken_for_empty(
    lab: Lab, hub: RegistryClient, base: str, tmp_path: Path
) -> None:
    publish_image(lab.dockerhub, base, "1", tmp_path, "one")
    with serving(lambda *_: (503, {}, b"")) as served, Registry(served.host).client() as away:
        with pytest.raises(TransientDockerError, match=f"{served.host} answered 503"):
            Bases(away, hub).resolve([f"{base}:1"])
        assert {asked.method for asked in served.asked} == {"GET"}


def test_docker_hub_may_be_away_when_the_image_is_here(
    lab: Lab, bases: Bases, base: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    digest = publish_image(lab.dockerhub, base, "1", tmp_path, "one")
    bases.resolve([f"{base}:1"])
    for status in (503, 401):
        with (
            serving(lambda *_, said=status: (said, {}, b"")) as served,
            Registry(served.host).client() as away,
        ):
            [found] = Bases(bases.registry, away).resolve([f"{base}:1"])
            assert (found.digest, found.served_by) == (digest, "artifactory")
            assert "cannot check on Docker Hub whether the tag moved" in caplog.text
            if status == 503:
                with pytest.raises(TransientDockerError, match="answered 503"):
                    Bases(bases.registry, away).resolve([f"{base}:2"])
        caplog.clear()


def test_another_tenants_image_is_no_base(registry: RegistryClient, hub: RegistryClient) -> None:
    bases = Bases(registry, hub, place=ImagePlace("docker-local", "demo", "shop", "container"))
    host = registry.registry.host
    for theirs in ("docker-local/other/shop", "docker-local/demo-2/shop"):
        with pytest.raises(BaseImageError, match=f"{theirs}:1 belongs to another tenant. Ask its owner"):
            bases.resolve([f"{host}/{theirs}:1"])
    with pytest.raises(BaseImageError, match="is not in the image registry"):
        bases.resolve([f"{host}/docker-local/demo/never-built:1"])
