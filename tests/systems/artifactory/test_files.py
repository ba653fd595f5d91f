"""Files in the lab's Artifactory: found, streamed, known by their checksums."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import httpx
import pytest

from lab.access import Lab
from slipway.artifactory import transfer
from slipway.artifactory.catalogue import Catalogue
from slipway.artifactory.errors import ArtifactoryError, TransientArtifactoryError
from slipway.artifactory.files import Files
from slipway.artifactory.transfer import FileUpload
from slipway.streams.hashes import Hashes
from slipway.streams.tee import Source, tee
from tests.broken_server import serving

pytestmark = pytest.mark.lab

Put = Callable[..., str]
CONTENT = b"an image" * 100_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def files(lab: Lab) -> Files:
    login = lab.artifactory
    return Files(Catalogue(login.url, login.user, login.password))


def stream(content: bytes = CONTENT, size: int | None = len(CONTENT)) -> Source:
    parts = (content[start : start + 50_000] for start in range(0, len(content), 50_000))
    return Source("a file", parts, size)


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_stream_becomes_a_file(files: Files, folder: str, size: int | None) -> None:
    sink = FileUpload(files, f"{folder}/a+b@c.raw", size)
    hashes = tee(stream(size=size), sink, also=("sha1", "md5"))
    file = sink.verify(hashes)
    assert file == files.find(f"{folder}/a+b@c.raw") == files.get(f"{folder}/a+b@c.raw")
    assert (file.digest, file.size) == (hashes.digest, len(CONTENT))
    assert (file.checksums.sha1, file.checksums.md5) == (hashes.find("sha1"), hashes.find("md5"))
    assert tee(transfer.source(files, file.path, file.digest)).digest == file.digest
    assert transfer.head(files, file.path, 9) == CONTENT[:9]
    files.annotate(file.path, {"mark": folder})
    assert files.properties(file.path) == {"mark": folder}
    assert files.find_by({"mark": folder}) == [file]
    files.delete(file.path)
    assert files.find(file.path) is None


def test_artifactory_that_got_other_bytes_loses_them_again(files: Files, folder: str) -> None:
    sink = FileUpload(files, f"{folder}/a.raw", None)
    sink([b"truncated"])
    sent = Hashes(sha256=SHA256, sha512="0" * 128, size=len(CONTENT))
    with pytest.raises(TransientArtifactoryError, match=r"received other bytes of .*a\.raw than were sent"):
        sink.verify(sent)
    assert files.find(f"{folder}/a.raw") is None


def test_known_bytes_are_deployed_by_their_checksum(files: Files, folder: str, put: Put) -> None:
    assert files.deploy_known(f"{folder}/b", SHA256) is None
    put("a", CONTENT)
    known = files.deploy_known(f"{folder}/b", SHA256)
    assert known is not None
    assert (known.path, known.checksums.sha256) == (f"{folder}/b", SHA256)


def test_another_digest_than_the_one_wanted(files: Files, put: Put) -> None:
    path = put("a", CONTENT)
    with pytest.raises(ArtifactoryError, match=f"is sha256:{SHA256}, no longer sha256:0+"):
        tee(transfer.source(files, path, f"sha256:{'0' * 64}"))


def test_what_is_not_there(files: Files, folder: str, put: Put) -> None:
    put("folder/file")
    assert files.find(f"{folder}/never") is None
    assert files.find_json(f"{folder}/never") is None
    files.delete(f"{folder}/never")
    for work in (files.get, lambda path: transfer.source(files, path)):
        with pytest.raises(ArtifactoryError, match=r"has no .*never\. Correct the path"):
            work(f"{folder}/never")
    with pytest.raises(ArtifactoryError, match="is a folder"):
        files.find(f"{folder}/folder")


def test_files_are_found_by_their_properties(files: Files, put: Put) -> None:
    mine = put("a", mark="one", other="x")
    put("b", mark="two")
    assert [file.path for file in files.find_by({"mark": "one", "other": "x"})] == [mine]
    assert files.find_by({"mark": "one", "other": "y"}) == []
    assert files.find_by({"mark": "one"}, "docker-local") == []
    assert files.find_by({"mark": 'no"quote\\'}) == []
    files.annotate(mine, {"mark": "a;b=c,d|e"})
    assert files.properties(mine)["mark"] == "a;b=c,d|e"
    files.annotate(mine, {})


def test_a_small_document_is_replaced_whole(files: Files, folder: str, put: Put) -> None:
    path = f"{folder}/commits/{'a' * 40}.json"
    for value in ({"image": 1}, {"image": 2, "ü": None}):
        files.put_json(path, value)
        assert files.find_json(path) == value
    with pytest.raises(ArtifactoryError, match="not a JSON document"):
        files.find_json(put("a", b"\0not"))
    with pytest.raises(ArtifactoryError, match="not a JSON document"):
        files.find_json(put("b", b"[" + b"1," * 600_000 + b"1]"))


def test_a_signed_url_is_for_anybody(files: Files, lab: Lab, put: Put) -> None:
    path = put("a", CONTENT)
    url = files.find_signed_url(path, 60)
    assert url is not None
    assert httpx.get(url, timeout=30, trust_env=False).content == CONTENT
    reader = lab.artifactory_reader
    assert Files(Catalogue(reader.url, reader.user, reader.password)).find_signed_url(path, 60) is None


def test_a_login_that_may_only_read(lab: Lab, folder: str) -> None:
    reader = lab.artifactory_reader
    files = Files(Catalogue(reader.url, reader.user, reader.password))
    with pytest.raises(
        ArtifactoryError, match=r"403 .*connection slipway_artifactory, and that this user may deploy"
    ):
        tee(stream(), FileUpload(files, f"{folder}/a", len(CONTENT)))


@pytest.mark.parametrize("status", [413, 507])
def test_artifactory_that_is_full_says_so_and_is_not_asked_again(status: int) -> None:
    with serving(lambda _asked, _handler: (status, {}, b'{"errors": []}')) as full:
        files = Files(Catalogue(f"http://{full.host}/artifactory", "a", "b"))
        with pytest.raises(ArtifactoryError, match=rf"{status} .*delete unused files"):
            tee(stream(), FileUpload(files, "generic-local/a", len(CONTENT)))
        assert len(full.asked) == 1


@pytest.mark.parametrize(("status", "error"), [(500, TransientArtifactoryError), (302, ArtifactoryError)])
def test_an_upload_is_sent_once(status: int, error: type[Exception]) -> None:
    headers = {"Location": "https://artifactory.example.org/"} if status == 302 else {}
    with serving(lambda _asked, _handler: (status, headers, b"")) as broken:
        files = Files(Catalogue(f"http://{broken.host}/artifactory", "a", "top-secret"))
        with pytest.raises(error) as raised:
            tee(stream(), FileUpload(files, "generic-local/a", len(CONTENT)))
        assert len(broken.asked) == 1
    assert "top-secret" not in str(raised.value)


def test_a_download_that_ends_early_or_lies() -> None:
    def answer(asked, handler):  # type: ignore[no-untyped-def]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.send_header("X-Checksum-Sha256", SHA256)
        handler.end_headers()
        handler.wfile.write(CONTENT[:1000] if "short" in asked.path else b"x" * len(CONTENT))

    with serving(answer) as broken:
        files = Files(Catalogue(f"http://{broken.host}/artifactory", "a", "b"))
        with pytest.raises(TransientArtifactoryError, match="does not answer on generic-local/short"):
            tee(transfer.source(files, "generic-local/short"))
        with pytest.raises(TransientArtifactoryError, match=f"but Artifactory records sha256:{SHA256}"):
            tee(transfer.source(files, "generic-local/lies"))
