"""The stand-in, held to Artifactory's API by pyartifactory, which checks the shape of every answer.

https://github.com/anancarv/python-artifactory
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pyartifactory import Artifactory
from pyartifactory.exception import (
    ArtifactNotFoundError,
    ArtifactoryError,
    BadPropertiesError,
    BuildNotFoundError,
    PropertyNotFoundError,
)
from pyartifactory.models.build import BuildCreateRequest, BuildDeleteRequest
from pydantic import SecretStr

from lab.access import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def client(lab: Lab) -> Artifactory:
    login = lab.artifactory
    found = Artifactory(url=login.url, auth=(login.user, SecretStr(login.password)), api_version=2)
    for part in (found.artifacts, found.builds, found.repositories):
        part.session.trust_env = False
    return found


@pytest.fixture
def local(tmp_path: Path) -> Path:
    for name, content in (("a.txt", "first"), ("deep/b.txt", "second")):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "tree"


def test_deploys_a_tree_and_fetches_it_again(
    client: Artifactory, folder: str, local: Path, tmp_path: Path
) -> None:
    client.artifacts.deploy(local, folder, properties={"commit": ["abc"]})
    (tmp_path / "back").mkdir()
    client.artifacts.download(folder, str(tmp_path / "back"))

    back = tmp_path / "back" / folder.rpartition("/")[2]
    assert (back / "a.txt").read_text() == "first"
    assert (back / "deep" / "b.txt").read_text() == "second"
    listed = client.artifacts.list(folder)
    assert {(one.uri, one.folder) for one in listed.files} == {
        ("/a.txt", False),
        ("/deep", True),
        ("/deep/b.txt", False),
    }
    flat = client.artifacts.list(folder, recursive=False, list_folders=False)
    assert [one.uri for one in flat.files] == ["/a.txt"]
    assert client.artifacts.properties(f"{folder}/deep/b.txt").properties == {"commit": ["abc"]}


def test_deploys_by_checksum(client: Artifactory, folder: str, local: Path) -> None:
    unknown = local / "unknown"
    unknown.write_text(f"nobody has {folder}")
    with pytest.raises(ArtifactNotFoundError):
        client.artifacts.deploy(unknown, f"{folder}/unknown", checksum_enabled=True)
    client.artifacts.deploy(unknown, f"{folder}/first")
    info = client.artifacts.deploy(unknown, f"{folder}/second", checksum_enabled=True)
    assert info.checksums == client.artifacts.info(f"{folder}/first").checksums
    assert info.originalChecksums.sha256 == info.checksums.sha256


def test_sets_updates_and_reads_properties(client: Artifactory, folder: str, local: Path) -> None:
    path = f"{folder}/a.txt"
    client.artifacts.deploy(local / "a.txt", path)

    with pytest.raises(PropertyNotFoundError):
        client.artifacts.properties(path)
    client.artifacts.set_properties(path, {"a": ["1", "2"], "b": ["3"]})
    assert client.artifacts.properties(path, ["a"]).properties == {"a": ["1", "2"]}
    client.artifacts.update_properties(path, {"b": ["4"]})
    assert client.artifacts.properties(path).properties == {"a": ["1", "2"], "b": ["4"]}
    with pytest.raises(BadPropertiesError):
        client.artifacts.set_properties(path, {"a b": ["1"]})
    with pytest.raises(ArtifactNotFoundError):
        client.artifacts.set_properties(f"{folder}/none", {"a": ["1"]})


def test_copies_moves_deletes_and_counts(client: Artifactory, folder: str, local: Path) -> None:
    client.artifacts.deploy(local / "a.txt", f"{folder}/a.txt")

    assert client.artifacts.copy(f"{folder}/a.txt", f"{folder}/b.txt").size == 5
    assert client.artifacts.move(f"{folder}/b.txt", f"{folder}/c.txt").size == 5
    b"".join(client.artifacts.stream(f"{folder}/c.txt"))
    assert client.artifacts.stats(f"{folder}/c.txt").downloadCount == 1
    client.artifacts.delete(f"{folder}/c.txt")
    with pytest.raises(ArtifactNotFoundError):
        client.artifacts.info(f"{folder}/c.txt")


def test_publishes_reads_and_deletes_builds(client: Artifactory, build: str) -> None:
    name = build.replace("/", "-")  # this client does not quote names
    for number in ("1", "2"):
        started = f"2030-01-0{number}T00:00:00.000+0000"
        client.builds.create_build(BuildCreateRequest(name=name, number=number, started=started))

    assert [run.uri for run in client.builds.get_build_runs(name).buildsNumbers] == ["/2", "/1"]
    assert client.builds.get_build_info(name, "1").buildInfo.started == "2030-01-01T00:00:00.000+0000"
    listed = {one.uri: one.lastStarted for one in client.builds.list().builds}
    assert listed[f"/{name}"] == "2030-01-02T00:00:00.000+0000"
    client.builds.delete(BuildDeleteRequest(buildName=name, buildNumbers=["1"]))
    with pytest.raises(BuildNotFoundError):
        client.builds.get_build_info(name, "1")
    client.builds.delete(BuildDeleteRequest(buildName=name, deleteAll=True))
    with pytest.raises(BuildNotFoundError):
        client.builds.get_build_runs(name)
    with pytest.raises(ArtifactoryError, match="started"):
        client.builds.create_build(BuildCreateRequest(name=name, number="1", started="yesterday"))


def test_lists_repositories(client: Artifactory) -> None:
    found = {one.key: one.type for one in client.repositories.list()}

    assert found == dict.fromkeys(("docker-local", "docker-remote", "generic-local", "images"), "LOCAL")
    assert client.repositories.get_repo("docker-local").packageType.value == "docker"
