"""Images pushed to the registry, as Artifactory shows them in its Docker repositories."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.systems.artifactory.pushed_images import Images

pytestmark = pytest.mark.lab


def found(api: httpx.Client, **criteria: str) -> list[tuple[str, str]]:
    text = f'items.find({json.dumps(criteria)}).include("path", "name")'
    results = api.post("/api/search/aql", content=text).raise_for_status().json()["results"]
    return [(one["path"], one["name"]) for one in results]


def test_a_pushed_image_is_a_folder_with_its_manifest(api: httpx.Client, images: Images) -> None:
    digest = images.push("1.0")

    children = api.get(f"/api/storage/{images.name}/1.0").json()["children"]
    assert children == [{"uri": "/manifest.json", "folder": False}]
    manifest = f"{images.name}/1.0/manifest.json"
    assert api.get(f"/api/storage/{manifest}").json()["checksums"]["sha256"] == digest.partition(":")[2]
    assert api.get(f"/{manifest}").json()["schemaVersion"] == 2
    properties = api.get(f"/api/storage/{manifest}?properties").json()["properties"]
    assert properties["docker.manifest.digest"] == [digest]
    assert properties["docker.manifest"] == ["1.0"]
    assert properties["docker.repoName"] == [images.name.partition("/")[2]]
    by_digest = api.get(f"/api/storage/{images.name}/{digest}/manifest.json")
    assert by_digest.json()["checksums"]["sha256"] == digest.partition(":")[2]


def test_an_image_is_annotated_found_and_deleted(api: httpx.Client, images: Images) -> None:
    images.push("1.0", b"one")
    images.push("2.0", b"two")
    path = images.name.partition("/")[2]
    own = {"repo": "docker-local", "@commit": path}
    for tag in ("1.0", "2.0"):
        at = f"/api/storage/{images.name}/{tag}/manifest.json"
        assert api.put(at, params={"properties": f"commit={path};tag={tag}"}).status_code == 204

    assert found(api, **own) == [(f"{path}/1.0", "manifest.json"), (f"{path}/2.0", "manifest.json")]
    assert found(api, **own, **{"@tag": "2.0"}) == [(f"{path}/2.0", "manifest.json")]
    assert api.delete(f"/{images.name}/1.0").status_code == 204
    assert found(api, **own) == [(f"{path}/2.0", "manifest.json")]
    assert (images.find_digest("1.0"), images.find_digest("2.0") is None) == (None, False)


def test_deleting_a_tag_keeps_the_others_of_that_manifest(api: httpx.Client, images: Images) -> None:
    digest = images.push("1.0")
    images.push("latest")

    assert api.delete(f"/{images.name}/1.0").status_code == 204
    assert (images.find_digest("1.0"), images.find_digest("latest")) == (None, digest)


def test_a_tag_that_moved_is_another_file_without_the_former_properties(
    api: httpx.Client, images: Images
) -> None:
    images.push("main", b"first")
    at = f"/api/storage/{images.name}/main/manifest.json"
    api.put(at, params={"properties": "commit=first"}).raise_for_status()
    digest = images.push("main", b"second").partition(":")[2]

    path = f"{images.name.partition('/')[2]}/main"
    assert found(api, repo="docker-local", sha256=digest) == [(path, "manifest.json")]
    assert "commit" not in api.get(f"{at}?properties").json()["properties"]


def test_an_image_deleted_in_the_registry_is_gone(api: httpx.Client, images: Images) -> None:
    digest = images.push("1.0")
    api.get(f"/api/storage/{images.name}/1.0/manifest.json").raise_for_status()
    images.registry.delete(f"/v2/{images.name}/manifests/{digest}").raise_for_status()

    assert api.get(f"/api/storage/{images.name}/1.0/manifest.json").status_code == 404
    assert found(api, repo="docker-local", sha256=digest.partition(":")[2]) == []


def test_images_are_not_copied_as_files(api: httpx.Client, images: Images) -> None:
    images.push("1.0")
    answer = api.post(f"/api/copy/{images.name}/1.0", params={"to": f"/{images.name}/2.0"})

    assert answer.status_code == 400
    assert "Docker client" in answer.json()["messages"][0]["message"]
