"""The client of a registry, against the lab's two."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab.access import Lab
from slipway.docker.catalogue import find_built, verify_pushed
from slipway.docker.errors import DigestMismatchError, DockerError
from slipway.docker.inputs import input_tag
from slipway.docker.registry import IMAGE_TYPES, LIST_TYPES, Registry, RegistryClient, copy_image
from tests.registry_images import publish_image, publish_index, tags_of

pytestmark = pytest.mark.lab

HUB_IMAGE = ("library/busybox", "1.36")


def test_a_manifest_is_found_by_tag_and_by_digest(hub: RegistryClient) -> None:
    found = hub.find_manifest(*HUB_IMAGE)
    assert found is not None
    assert found.media_type in IMAGE_TYPES
    assert hub.find_manifest(HUB_IMAGE[0], found.digest) == found
    config = json.loads(hub.get_blob(HUB_IMAGE[0], found.document["config"]["digest"], 10_000))
    assert config["architecture"] == "amd64"


@pytest.mark.parametrize(
    ("repository", "identifier"),
    [
        ("library/busybox", "never"),
        ("library/busybox", "sha256:" + "0" * 64),
        ("library/never", "1.36"),
        ("never/never/never", "latest"),
    ],
)
def test_what_is_not_there_is_none(hub: RegistryClient, repository: str, identifier: str) -> None:
    assert hub.find_manifest(repository, identifier) is None


def test_a_blob_that_is_not_there_is_not_said_to_be(hub: RegistryClient) -> None:
    assert hub.has_blob("library/busybox", "sha256:" + "0" * 64) is False
    with pytest.raises(DockerError, match="answered 404 for blob"):
        hub.get_blob("library/busybox", "sha256:" + "0" * 64, 100)


@pytest.mark.parametrize("login", [("", ""), ("hub", "a wrong password"), ("nobody", "x")])
def test_a_wrong_login_is_an_error_and_not_absence(hub: RegistryClient, login: tuple[str, str]) -> None:
    with (
        Registry(hub.registry.host, *login).client() as stranger,
        pytest.raises(DockerError, match=r"answered 401.*Check the login") as caught,
    ):
        stranger.find_manifest(*HUB_IMAGE)
    assert "a wrong password" not in str(caught.value)


def test_an_image_is_copied_by_digest(
    lab: Lab, hub: RegistryClient, registry: RegistryClient, repository: str, base: str, tmp_path: Path
) -> None:
    digest = publish_image(lab.dockerhub, base, "1", tmp_path, "copied")
    image = hub.find_manifest(base, digest)
    assert image is not None
    assert registry.find_manifest(repository, digest) is None

    copy_image(hub, base, registry, repository, image)

    assert registry.find_manifest(repository, digest) == image
    for descriptor in image.blobs:
        assert registry.has_blob(repository, descriptor["digest"])
        content = registry.get_blob(repository, descriptor["digest"], descriptor["size"])
        assert content == hub.get_blob(base, descriptor["digest"], descriptor["size"])
    assert tags_of(lab.registry, repository) == []

    copy_image(hub, base, registry, repository, image)
    registry.put_manifest(repository, "kept", image)  # so that it is removed with the test
    assert tags_of(lab.registry, repository) == ["kept"]


def test_a_copy_of_other_bytes_is_refused_and_leaves_no_image(
    lab: Lab, hub: RegistryClient, registry: RegistryClient, repository: str, base: str, tmp_path: Path
) -> None:
    """The manifest promises a blob of one byte less than the source has."""
    publish_image(lab.dockerhub, base, "1", tmp_path, "whole")
    image = hub.find_manifest(base, "1")
    assert image is not None
    short = image.document
    short["layers"][0]["size"] -= 1
    with pytest.raises(DigestMismatchError, match="serves more than"):
        copy_image(hub, base, registry, repository, replace(image, body=json.dumps(short).encode()))
    assert registry.find_manifest(repository, image.digest) is None


def test_a_list_of_images_says_that_it_is_one(
    lab: Lab, hub: RegistryClient, base: str, tmp_path: Path
) -> None:
    one = publish_image(lab.dockerhub, base, "amd64", tmp_path, "one")
    index = publish_index(lab.dockerhub, base, "both", {"amd64": one})
    found = hub.find_manifest(base, "both")
    assert found is not None
    assert (found.digest, found.media_type in LIST_TYPES) == (index, True)


def test_what_a_push_reported_is_what_the_registry_holds(
    lab: Lab, registry: RegistryClient, repository: str, tmp_path: Path
) -> None:
    digest = publish_image(lab.registry, repository, "v1", tmp_path, "pushed")
    assert verify_pushed(registry, repository, "v1", digest).digest == digest
    other = publish_image(lab.registry, repository, "v1", tmp_path, "pushed by someone else")
    with pytest.raises(DigestMismatchError, match=f"holds {other}, and the push reported {digest}"):
        verify_pushed(registry, repository, "v1", digest)
    with pytest.raises(DigestMismatchError, match="holds nothing"):
        verify_pushed(registry, repository, "v2", digest)


def test_a_tag_alone_does_not_prove_what_an_image_was_made_from(
    lab: Lab,
    registry: RegistryClient,
    repository: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inputs = "sha256:" + "e" * 64
    assert find_built(registry, repository, inputs) is None
    publish_image(lab.registry, repository, input_tag(inputs), tmp_path, "without labels")
    assert find_built(registry, repository, inputs) is None
    assert "is labelled with other inputs: building it again" in caplog.text
