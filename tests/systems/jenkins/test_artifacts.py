"""Artifacts come as they were archived, into places that are free, and no more of them than allowed."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from slipway.flow.jenkins import FinishedBuild
from slipway.jenkins.artifacts import bring, check_free
from slipway.jenkins.builds import OWN, RequestPlace, get_build, get_item, start
from slipway.jenkins.errors import JenkinsError, TransientJenkinsError
from slipway.jenkins.server import JenkinsServer
from slipway.jenkins.verdict import finished
from tests.broken_server import Asked, serving
from tests.systems.jenkins.conftest import Served
from tests.systems.jenkins.product import connected, made, until, wanted

SCRIPT = "mkdir -p out/deep; printf one > out/app.txt; head -c 700000 /dev/zero > 'out/deep/big file'"
SCRIPT += "; cp out/deep/big* 'out/big too'"


@pytest.fixture(scope="module")
def built(served: Served) -> tuple[JenkinsServer, FinishedBuild]:
    job = made(served, SCRIPT, artifacts="out/**/*,out/*")
    server = connected(served.url)
    item = start(server, job, {OWN: "mine"})
    number = until(lambda: (get_item(server, item) or RequestPlace()).number)
    until(lambda: not get_build(server, job, number).building)
    return server, finished(get_build(server, job, number), wanted(job), "")


def test_they_come_under_their_own_paths(built: tuple[JenkinsServer, FinishedBuild], tmp_path: Path) -> None:
    server, build = built
    bring(server, build, wanted(build.job, "out/app.txt", "out/deep/big file", into="vendor/x"), tmp_path)
    assert (tmp_path / "vendor/x/out/app.txt").read_text() == "one"
    assert (tmp_path / "vendor/x/out/deep/big file").read_bytes() == bytes(700_000)


def test_together_they_are_limited(built: tuple[JenkinsServer, FinishedBuild], tmp_path: Path) -> None:
    server, build = built
    big = wanted(build.job, "out/deep/big file", "out/big too", size_mib=2)
    bring(server, build, big, tmp_path / "enough")
    with pytest.raises(JenkinsError, match=r"out/big too exceeds build\.jenkins\.size_mib"):
        bring(server, build, big.model_copy(update={"size_mib": 1}), tmp_path / "too little")


def test_changed_bytes_are_refused(built: tuple[JenkinsServer, FinishedBuild], tmp_path: Path) -> None:
    server, build = built
    other = build.model_copy(update={"fingerprints": ("0" * 32,)})
    with pytest.raises(JenkinsError, match=r"out/app.txt .* has MD5 f97c5d29941bfb1b2fdab0874906ab82"):
        bring(server, other, wanted(build.job), tmp_path)


def test_what_is_not_there_any_more(built: tuple[JenkinsServer, FinishedBuild], tmp_path: Path) -> None:
    server, build = built
    with pytest.raises(JenkinsError, match="answered 404 to artifact gone of build"):
        bring(server, build, wanted(build.job, "gone"), tmp_path)


def link(root: Path) -> None:
    (root / "out").symlink_to("/tmp")


def file(root: Path) -> None:
    (root / "out").write_text("a file")


def same(root: Path) -> None:
    (root / "out").mkdir()
    (root / "out/app.txt").write_text("committed")


def dangling(root: Path) -> None:
    (root / "out").mkdir()
    (root / "out/app.txt").symlink_to("nowhere")


@pytest.mark.parametrize("occupy", [link, file, same, dangling])
def test_nothing_of_the_commit_is_written_over_or_followed(
    tmp_path: Path, occupy: Callable[[Path], None]
) -> None:
    occupy(tmp_path)
    with pytest.raises(JenkinsError, match=r"cannot be placed at out/app\.txt in the build context"):
        check_free(tmp_path, wanted("team/app"))


def test_a_folder_of_the_commit_takes_them_in(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    check_free(tmp_path, wanted("team/app"))


BUILD = FinishedBuild(job="app", number=1, url="", fingerprints=("0" * 32,))


def test_an_announced_size_is_believed_before_anything_is_read(tmp_path: Path) -> None:
    def answer(asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()

    with serving(answer) as huge, pytest.raises(JenkinsError, match="size_mib"):
        bring(connected(f"http://{huge.host}/"), BUILD, wanted("app"), tmp_path)


def test_a_transfer_that_breaks_off_is_tried_again(tmp_path: Path) -> None:
    def answer(asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    with serving(answer) as broken, pytest.raises(TransientJenkinsError):
        bring(connected(f"http://{broken.host}/"), BUILD, wanted("app"), tmp_path)
