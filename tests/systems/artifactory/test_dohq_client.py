"""The stand-in, held to Artifactory's API by dohq-artifactory: https://github.com/devopshq/artifactory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from artifactory import ArtifactoryBuildManager, ArtifactoryPath
from dohq_artifactory.exception import ArtifactoryException

from lab.access import Lab

pytestmark = pytest.mark.lab
CONTENT = b"an image\n" * 1000


@pytest.fixture
def top(lab: Lab, folder: str) -> ArtifactoryPath:
    login = lab.artifactory
    path = ArtifactoryPath(f"{login.url}/{folder}", auth=login.auth)
    path.session.trust_env = False
    return path


@pytest.fixture
def file(top: ArtifactoryPath, tmp_path: Path) -> ArtifactoryPath:
    local = tmp_path / "disk.qcow2"
    local.write_bytes(CONTENT)
    path = top / "one" / "disk.qcow2"
    path.deploy_file(local, parameters={"commit": "abc", "platform": ["nova", "ironic"]})
    return path


def test_deploys_and_describes(file: ArtifactoryPath) -> None:
    stat = file.stat()

    assert (stat.size, stat.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert stat.sha1 == hashlib.sha1(CONTENT).hexdigest()
    assert stat.created_by == "slipway"
    assert file.read_bytes() == CONTENT
    assert file.download_stats().download_count == 1


def test_makes_lists_and_removes_folders(top: ArtifactoryPath, file: ArtifactoryPath) -> None:
    (top / "two" / "deep").mkdir()

    assert sorted(path.name for path in top) == ["one", "two"]
    assert sorted(path.name for path in top.glob("**/*.qcow2")) == ["disk.qcow2"]
    (top / "two").rmdir()
    assert [path.name for path in top] == ["one"]
    assert not (top / "two" / "deep").exists()


def test_refuses_content_that_is_not_what_was_claimed(top: ArtifactoryPath, tmp_path: Path) -> None:
    local = tmp_path / "file"
    local.write_bytes(CONTENT)
    with local.open("rb") as stream, pytest.raises(ArtifactoryException, match="Checksum error"):
        (top / "file").deploy(stream, sha256="0" * 64)
    assert not (top / "file").exists()


def test_deploys_by_checksum_what_is_there_already(top: ArtifactoryPath, file: ArtifactoryPath) -> None:
    again = top / "again"
    again.deploy_by_checksum(sha256=hashlib.sha256(CONTENT).hexdigest())

    assert again.read_bytes() == CONTENT
    with pytest.raises(ArtifactoryException, match="Checksum deploy failed"):
        (top / "unknown").deploy_by_checksum(sha1="1" * 40)


def test_sets_changes_and_deletes_properties(file: ArtifactoryPath) -> None:
    assert file.properties == {"commit": ["abc"], "platform": ["ironic", "nova"]}

    file.set_properties({"note": ["a,b|c=d"], "commit": "def"})
    assert file.properties == {"commit": ["def"], "note": ["a,b|c=d"], "platform": ["ironic", "nova"]}
    file.update_properties({"note": None, "platform": "nova"})
    assert file.properties == {"commit": ["def"], "platform": ["nova"]}
    file.del_properties(["commit", "platform"])
    assert file.properties == {}


def test_properties_of_a_folder_reach_what_is_in_it(top: ArtifactoryPath, file: ArtifactoryPath) -> None:
    top.set_properties({"kept": "yes"}, recursive=True)
    assert file.properties["kept"] == ["yes"]
    top.set_properties({"kept": "no"}, recursive=False)
    assert (top.properties["kept"], file.properties["kept"]) == (["no"], ["yes"])
    top.del_properties(["kept"], recursive=True)
    assert "kept" not in file.properties


def test_copies_and_moves(top: ArtifactoryPath, file: ArtifactoryPath) -> None:
    copy, moved = top / "copy.qcow2", top / "moved" / "disk"

    file.copy(copy, dry_run=True)
    assert not copy.exists()
    file.copy(copy)
    copy.move(moved)
    assert moved.read_bytes() == CONTENT
    assert moved.properties["commit"] == ["abc"]
    assert (file.exists(), copy.exists()) == (True, False)


def test_finds_by_aql(top: ArtifactoryPath, file: ArtifactoryPath, put: Callable[..., str]) -> None:
    put("other.qcow2", commit="xyz")
    path = f"{top.path_in_repo.strip('/')}*"

    found = top.aql(
        "items.find",
        {"path": {"$match": path}, "@commit": "abc"},
        ".include",
        ["repo", "path", "name", "type"],
    )

    assert [top.from_aql(one) for one in found] == [file]


def test_deletes(file: ArtifactoryPath) -> None:
    file.unlink()

    assert not file.exists()
    with pytest.raises(FileNotFoundError):
        file.unlink()


def test_reads_builds(lab: Lab, api: httpx.Client, build: str) -> None:
    document = {"version": "1.0.1", "name": build, "number": "7", "started": "2030-01-02T03:04:05.678+0000"}
    api.put("/api/build", json=document).raise_for_status()
    builds = ArtifactoryBuildManager(lab.artifactory.url, auth=lab.artifactory.auth)
    builds.session.trust_env = False

    assert build in [one.name for one in builds.builds]
    (run,) = builds.get_build_runs(build)
    assert run.run_number == "7"
    assert run.info["buildInfo"] == document
