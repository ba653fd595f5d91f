"""The demo's working copy, pushed with real Git to a repository on disk."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from slipway.cli.repository import WorkingCopy
from slipway.cli.settings import Login
from slipway.flow.record import SlipwayError


def _git(*arguments: str, cwd: Path) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def server(tmp_path: Path) -> Path:
    bare = tmp_path / "server" / "examples" / "hello.git"
    bare.mkdir(parents=True)
    _git("init", "--bare", "--quiet", "--initial-branch=main", cwd=bare)
    return bare


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "slipway.yaml").write_text("version: 1\nname: hello\n")
    return folder


def _copy(tmp_path: Path, name: str) -> WorkingCopy:
    folder = tmp_path / name
    folder.mkdir()
    login = Login((tmp_path / "server").as_uri(), "pusher", "secret")
    return WorkingCopy(folder, login, "examples/hello")


def test_the_first_push_makes_the_branch_and_the_next_demo_continues_it(
    tmp_path: Path, server: Path, files: Path
) -> None:
    first = _copy(tmp_path, "first")
    first.create(files)
    (first.folder / "left-over.txt").write_text("of an older version of the example")
    one = first.commit("one")
    first.push()
    second = _copy(tmp_path, "second")
    second.create(files)
    two = second.commit("two")
    second.push()
    assert _git("rev-parse", "main", "main~1", cwd=server).split() == [two, one]
    assert _git("ls-tree", "--name-only", "main", cwd=server) == "slipway.yaml"


def test_what_the_server_says_is_handed_back(tmp_path: Path, server: Path, files: Path) -> None:
    hook = server / "hooks" / "post-receive"
    hook.write_text("#!/bin/sh\necho 'slipway: 202 accepted' >&2\n")
    hook.chmod(0o755)
    copy = _copy(tmp_path, "copy")
    copy.create(files)
    copy.commit("one")
    assert copy.push() == ["slipway: 202 accepted"]


def test_a_refused_push_says_what_git_said(tmp_path: Path, server: Path, files: Path) -> None:
    hook = server / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'no room left' >&2\nexit 1\n")
    hook.chmod(0o755)
    copy = _copy(tmp_path, "copy")
    copy.create(files)
    copy.commit("one")
    with pytest.raises(SlipwayError, match=r"git push failed[\s\S]*no room left[\s\S]*lab-status"):
        copy.push()


def test_the_login_is_in_no_file_and_no_argument(tmp_path: Path, server: Path, files: Path) -> None:
    copy = _copy(tmp_path, "copy")
    copy.create(files)
    assert b"secret" not in b"".join(f.read_bytes() for f in copy.folder.rglob("*") if f.is_file())
    assert "secret" not in _git("config", "--list", cwd=copy.folder)
