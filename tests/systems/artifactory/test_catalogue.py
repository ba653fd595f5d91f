"""What Slipway itself writes into Artifactory, and how it fails."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from lab.access import Lab
from slipway.artifactory.build_info import document
from slipway.artifactory.catalogue import Catalogue
from slipway.artifactory.errors import ArtifactoryError, TransientArtifactoryError
from tests.broken_server import serving
from tests.flow.builders import image, push
from tests.systems.artifactory.pushed_images import Images

pytestmark = pytest.mark.lab


@pytest.fixture
def catalogue(lab: Lab) -> Catalogue:
    login = lab.artifactory
    return Catalogue(login.url, login.user, login.password)


def test_properties_and_build_info_of_an_image(
    catalogue: Catalogue, images: Images, api: httpx.Client, build: str
) -> None:
    digest = images.push("a" * 40)
    built = image(digest=digest, reference=f"registry:5000/{images.name}@{digest}")
    path = catalogue.manifest_path(built, "a" * 40)
    assert path == f"{images.name}/{'a' * 40}/manifest.json"

    sums = catalogue.checksums(path)
    assert f"sha256:{sums.sha256}" == digest
    for commit in ("b", "c"):
        catalogue.annotate(path, {"slipway.commit": commit, "slipway.ref": "refs/heads/a;b=c,d|e"})
    shown = api.get(f"/api/storage/{path}", params={"properties": ""}).json()["properties"]
    assert (shown["slipway.commit"], shown["slipway.ref"]) == (["c"], ["refs/heads/a;b=c,d|e"])
    assert shown["docker.manifest.digest"] == [digest]

    info = document(push(), built, sums, datetime.now(UTC), "http://run", "http://source") | {"name": build}
    catalogue.publish_build(info)
    kept = api.get(f"/api/build/{build.replace('/', '%2F')}/aaaaaaaaaaaa").json()["buildInfo"]
    assert kept["vcs"][0]["revision"] == "a" * 40
    assert kept["modules"][0]["artifacts"][0]["sha256"] == sums.sha256


def test_image_that_is_not_there(catalogue: Catalogue) -> None:
    for work in (catalogue.checksums, lambda path: catalogue.annotate(path, {"a": "b"})):
        with pytest.raises(ArtifactoryError, match="never/1/manifest"):
            work("docker-local/tests/never/1/manifest.json")


def test_login_that_may_only_read_names_the_connection(lab: Lab, images: Images) -> None:
    images.push("1")
    login = lab.artifactory_reader
    reader = Catalogue(login.url, login.user, login.password)
    with pytest.raises(ArtifactoryError, match=r"403 .*connection slipway_artifactory"):
        reader.annotate(f"{images.name}/1/manifest.json", {"a": "b"})


def test_wrong_password_is_told_without_the_password(lab: Lab) -> None:
    login = lab.artifactory
    with pytest.raises(ArtifactoryError, match="401") as error:
        Catalogue(login.url, login.user, "not-the-password").version()
    assert "not-the-password" not in str(error.value)
    assert "not-the-password" not in repr(Catalogue(login.url, login.user, "not-the-password"))


def test_server_that_fails_is_asked_again_and_is_worth_another_try() -> None:
    with serving(lambda _asked, _handler: (503, {}, b"")) as broken:
        with pytest.raises(TransientArtifactoryError, match="503"):
            Catalogue(f"http://{broken.host}/artifactory", "a", "b").publish_build({"name": "a"})
        assert len(broken.paths) == 4


def test_server_that_is_away_is_worth_another_try() -> None:
    with pytest.raises(TransientArtifactoryError, match="does not answer"):
        Catalogue("http://127.0.0.1:9/artifactory", "a", "b").version()
