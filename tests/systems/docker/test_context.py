"""What of a checkout goes to the engine, and what its digest depends on."""

from __future__ import annotations

import os
import socket
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from slipway.docker.context import Context
from slipway.docker.errors import ContextError

NAME = ".slipway.Dockerfile"


def make(root: Path, *, newest_first: bool = False) -> Path:
    """A small tree; made in another order, its entries stand otherwise in the folder."""
    files = {"a.txt": b"one", "run.sh": b"#!/bin/sh\n", "sub/b.txt": b"two", "sub/deep/c": b""}
    for name, content in sorted(files.items(), reverse=newest_first):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("a.txt")
    (root / "empty").mkdir()
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "tree")


def members(context: Context, dockerfile: bytes = b"FROM scratch\n") -> dict[str, tarfile.TarInfo]:
    file = BytesIO()
    context.archive(file, dockerfile, NAME)
    file.seek(0)
    with tarfile.open(fileobj=file) as archive:
        return {member.name: member for member in archive.getmembers()}


def content_of(context: Context, name: str) -> bytes:
    file = BytesIO()
    context.archive(file, b"FROM scratch\n", NAME)
    file.seek(0)
    with tarfile.open(fileobj=file) as archive:
        found = archive.extractfile(name)
        assert found is not None
        return found.read()


def archived(context: Context) -> bytes:
    file = BytesIO()
    context.archive(file, b"FROM scratch\n", NAME)
    return file.getvalue()


def test_equal_trees_have_equal_digests_and_equal_archives(root: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other", newest_first=True)
    for path in other.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    (other / "a.txt").chmod(0o600)
    (other / "run.sh").chmod(0o700)
    (other / "sub").chmod(0o700)
    assert Context(other).digest() == Context(root).digest()
    assert archived(Context(other)) == archived(Context(root))


def write(name: str, content: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(content)


def relink(target: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        (root / "link").unlink()
        (root / "link").symlink_to(target)

    return change


def link_becomes_file(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").write_text("a.txt")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(write("a.txt", "One"), id="content"),
        pytest.param(write("sub/deep/c", "x"), id="content of an empty file"),
        pytest.param(write("new", ""), id="a new file"),
        pytest.param(lambda root: (root / "a.txt").chmod(0o755), id="a file becomes a program"),
        pytest.param(lambda root: (root / "run.sh").chmod(0o644), id="a program becomes a file"),
        pytest.param(lambda root: (root / "a.txt").rename(root / "A.txt"), id="name"),
        pytest.param(lambda root: (root / "sub").rename(root / "sub2"), id="name of a folder"),
        pytest.param(lambda root: (root / "empty").rmdir(), id="an empty folder goes"),
        pytest.param(relink("sub"), id="where a link leads"),
        pytest.param(link_becomes_file, id="a link becomes a file of the same text"),
        pytest.param(write(".dockerignore", "sub\n"), id="what is ignored"),
    ],
)
def test_what_the_image_may_hold_changes_the_digest(root: Path, change: Callable[[Path], object]) -> None:
    before = Context(root).digest(), archived(Context(root))
    change(root)
    after = Context(root).digest(), archived(Context(root))
    assert after[0] != before[0]
    assert after[1] != before[1]


def test_names_with_line_breaks_do_not_blur_two_trees(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "a").symlink_to("x\ny")
    (one / "z").write_text("")
    (two / "a").symlink_to("x")
    (two / "y\nz").write_text("")
    assert Context(one).digest() != Context(two).digest()


def test_names_that_are_no_unicode_are_taken_as_they_are(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    (tmp_path / name).write_text("x")
    (tmp_path / "link").symlink_to(name)
    assert Context(tmp_path).digest().startswith("sha256:")
    assert members(Context(tmp_path))["link"].linkname == name


def test_members_have_no_time_no_owner_and_two_modes(root: Path) -> None:
    found = members(Context(root))
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in found.values()} == {
        (0, 0, 0, "")
    }
    assert {name: oct(found[name].mode) for name in ("a.txt", "run.sh", "sub", NAME)} == {
        "a.txt": "0o644",
        "run.sh": "0o755",
        "sub": "0o755",
        NAME: "0o644",
    }


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "..", "loop"])
def test_a_link_is_sent_as_a_link_wherever_it_leads(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text("not for the engine")
    root = tmp_path / "tree"
    root.mkdir()
    (root / "loop").symlink_to("loop")
    (root / "out").symlink_to(target)
    found = members(Context(root))
    assert found["out"].issym()
    assert found["out"].linkname == target
    assert b"not for the engine" not in archived(Context(root))
    assert not [name for name in found if name.startswith("out/")]


def test_the_dockerfile_travels_apart_and_is_hidden_from_the_image(root: Path) -> None:
    (root / "Dockerfile").write_text("FROM other\n")
    context = Context(root)
    assert content_of(context, NAME) == b"FROM scratch\n"
    assert content_of(context, "Dockerfile") == b"FROM other\n"
    assert content_of(context, ".dockerignore") == f"{NAME}\n.dockerignore\n".encode()
    (root / ".dockerignore").write_text("sub")
    assert content_of(context, ".dockerignore") == f"sub\n{NAME}\n".encode()


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ("sub\n", {".dockerignore", "a.txt", "empty", "link", "run.sh"}),
        ("*\n!run.sh\n", {".dockerignore", "run.sh"}),
        (
            "**/*.txt\n# comment\n\n",
            {".dockerignore", "empty", "link", "run.sh", "sub", "sub/deep", "sub/deep/c"},
        ),
        ("*\n!sub/b.txt\n", {".dockerignore", "sub/b.txt"}),
        ("/a.txt\n  link  \nempty/\nsub/deep\n", {".dockerignore", "run.sh", "sub", "sub/b.txt"}),
        ("*\r\n!a.txt\r\n", {".dockerignore", "a.txt"}),
    ],
)
def test_dockerignore_thins_the_context(root: Path, ignore: str, left: set[str]) -> None:
    (root / ".dockerignore").write_bytes(ignore.encode())
    assert set(Context(root).paths()) == left


def test_what_is_ignored_does_not_change_the_digest(root: Path) -> None:
    (root / ".dockerignore").write_text("*.log\n")
    before = Context(root).digest()
    (root / "debug.log").write_text("noise")
    assert Context(root).digest() == before


def test_a_dockerignore_that_is_a_link_is_not_read(root: Path, tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("*\n")
    (root / ".dockerignore").symlink_to("../rules")
    assert "a.txt" in Context(root).paths()
    assert members(Context(root))[".dockerignore"].issym()


def test_gits_own_folder_never_travels(root: Path) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("secret")
    assert not [path for path in Context(root).paths() if path.startswith(".git")]


def put_pipe(root: Path) -> None:
    os.mkfifo(root / "pipe")


def put_socket(root: Path) -> None:
    here = Path.cwd()
    os.chdir(root)  # a socket's path has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("pipe")
    os.chdir(here)


@pytest.mark.parametrize("put", [put_pipe, put_socket])
def test_pipes_and_sockets_are_refused_unless_they_are_ignored(
    root: Path, put: Callable[[Path], None]
) -> None:
    before = Context(root).digest()
    put(root)
    for use in (Context(root).digest, lambda: archived(Context(root))):
        with pytest.raises(ContextError, match=r"pipe is not a file, folder or link.*\.dockerignore"):
            use()
    (root / ".dockerignore").write_text("pipe\n")
    assert Context(root).digest() != before


def test_a_context_over_its_limit_is_refused(root: Path) -> None:
    (root / "large").write_bytes(b"x" * 2 * 1024**2)
    context = Context(root, limit=2 * 1024**2)
    for use in (context.digest, lambda: archived(context)):
        with pytest.raises(ContextError, match=r"larger than 2 MiB.*\.dockerignore"):
            use()
    (root / ".dockerignore").write_text("large\n")
    assert context.digest().startswith("sha256:")
