"""One commit of a repository, fetched from the lab's Git server."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tenacity import wait_none

from lab.access import Lab
from slipway.flow.push import PushEvent
from slipway.github import repository as product
from slipway.github.errors import (
    CommitGoneError,
    RepositoryError,
    RepositoryGoneError,
    TransientRepositoryError,
    error_of,
)
from slipway.github.repository import Remote, fetched, find_commit, is_on_ref
from tests.broken_server import serving

COMMIT = "1" * 40
DAY = "2026-01-02T03:04:05+00:00"


@dataclass(frozen=True)
class Author:
    """Somebody who commits and pushes with the machine's own Git."""

    folder: Path
    remote: Remote
    repository: str
    bare: Path

    def git(self, *arguments: str) -> str:
        environment = product.environment({**self.remote.settings(), "user.name": "A", "user.email": "a@b.c"})
        environment |= {"GIT_AUTHOR_DATE": DAY, "GIT_COMMITTER_DATE": DAY}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=500
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, **files: str) -> str:
        for name, content in files.items():
            (self.folder / name).write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=x")
        return self.git("rev-parse", "HEAD")

    def push(self, *refs: str) -> None:
        self.git("push", "--quiet", self.remote.address(self.repository), *refs)

    def event(self, commit: str, ref: str = "refs/heads/main") -> PushEvent:
        return PushEvent(repository=self.repository, ref=ref, commit=commit)


@pytest.fixture
def author(lab: Lab, tmp_path: Path) -> Iterator[Author]:
    """Owns a repository that no application of the lab builds; it goes with the test."""
    folder, name = tmp_path / "work", f"tests/code-{secrets.token_hex(4)}"
    folder.mkdir()
    bare = lab.state / "git" / f"{name}.git"
    found = Author(folder, Remote(lab.git.url, lab.git.user, lab.git.password), name, bare)
    found.git("init", "--quiet", "--initial-branch=main")
    yield found
    shutil.rmtree(bare, ignore_errors=True)


@pytest.fixture(autouse=True)
def _tries_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for function in (product._fetch, product._list):
        monkeypatch.setattr(function.retry, "wait", wait_none())


@pytest.mark.lab
def test_exactly_the_commit_is_there_and_later_ones_are_not(author: Author) -> None:
    first = author.commit(a="one")
    author.commit(a="two", b="later")
    author.push("main")
    with fetched(author.remote, author.event(first)) as commit:
        assert commit.read("a", 100) == b"one"
        assert commit.read("b", 100) is None
        assert commit.committed_at.isoformat() == DAY
        checkout = commit.check_out()
        assert sorted(path.name for path in checkout.iterdir()) == ["a"]
        assert (checkout / "a").read_text() == "one"
    assert not checkout.exists()
    assert not commit.git_dir.exists()


@pytest.mark.lab
def test_what_the_ref_points_to_comes_with_the_commit(author: Author) -> None:
    first, second = author.commit(a="one"), author.commit(a="two")
    author.git("tag", "--annotate", "--message=x", "v1", first)
    author.push("main", "v1", f"{first}:refs/heads/gone")

    def tip(commit: str, ref: str) -> str | None:
        with fetched(author.remote, author.event(commit, ref), with_tip=True) as found:
            assert found.check_out().joinpath("a").read_text() == ("one" if commit == first else "two")
            return found.tip

    assert tip(first, "refs/heads/main") == second
    assert tip(second, "refs/heads/main") == second
    assert tip(first, "refs/tags/v1") == first
    author.push(":refs/heads/gone")
    assert tip(first, "refs/heads/gone") is None
    with pytest.raises(CommitGoneError), fetched(author.remote, author.event(COMMIT), with_tip=True):
        pass


@pytest.mark.lab
def test_a_commit_is_on_a_ref_that_points_to_it_or_has_it_behind(author: Author) -> None:
    first, second = author.commit(a="one"), author.commit(a="two")
    author.git("checkout", "--quiet", "-b", "other", first)
    third = author.commit(a="three")
    author.git("tag", "--annotate", "--message=x", "v1", second)
    author.push("main", "other", "v1")
    for ref, on_it in {
        "refs/heads/main": {first, second},
        "refs/heads/other": {first, third},
        "refs/tags/v1": {first, second},
    }.items():
        for commit in (first, second, third, COMMIT):
            assert is_on_ref(author.remote, author.event(commit, ref)) == (commit in on_it), (ref, commit)
    with pytest.raises(RepositoryError, match=r"has no ref 'refs/tags/v99\.0'"):
        is_on_ref(author.remote, author.event(first, "refs/tags/v99.0"))


@pytest.mark.lab
def test_a_folder_is_taken_away_when_its_user_fails(author: Author) -> None:
    head = author.commit(a="one")
    author.push("main")
    folders: list[Path] = []

    def fail() -> None:
        with fetched(author.remote, author.event(head)) as commit:
            folders.append(commit.check_out())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not folders[0].parent.exists()


@pytest.mark.lab
def test_a_commit_that_was_force_pushed_away_and_cleaned_up_is_gone(author: Author) -> None:
    author.commit(a="kept")
    gone = author.commit(a="rewritten")
    author.push("main")
    author.git("reset", "--quiet", "--hard", "HEAD~")
    author.commit(a="instead")
    author.push("+main")
    author.git("-C", str(author.bare), "gc", "--quiet", "--prune=now")
    said = f"no longer has commit {gone}: it was force-pushed away"
    with pytest.raises(CommitGoneError, match=said), fetched(author.remote, author.event(gone)):
        pass


@pytest.mark.lab
def test_a_commit_that_never_was_is_gone(author: Author) -> None:
    author.commit(a="x")
    author.push("main")
    said = f"no longer has commit {COMMIT}"
    with pytest.raises(CommitGoneError, match=said), fetched(author.remote, author.event(COMMIT)):
        pass


@pytest.mark.lab
def test_a_repository_that_vanished_is_named(author: Author) -> None:
    head = author.commit(a="x")
    author.push("main")
    shutil.rmtree(author.bare)
    for use in (lambda: fetched(author.remote, author.event(head)).__enter__(), lambda: find(author)):
        with pytest.raises(RepositoryGoneError, match=f"{author.repository} is not on the code registry"):
            use()


def find(author: Author, ref: str = "refs/heads/main") -> str:
    return find_commit(author.remote, author.repository, ref)


@pytest.mark.lab
@pytest.mark.parametrize("login", [("git", "wr0ng-password"), ("", ""), ("somebody", "wr0ng-password")])
def test_a_wrong_login_is_permanent_and_no_secret_is_told(
    author: Author, login: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    head = author.commit(a="x")
    author.push("main")
    stranger = Remote(author.remote.url, *login)
    for use in (
        lambda: fetched(stranger, author.event(head)).__enter__(),
        lambda: find_commit(stranger, author.repository, "refs/heads/main"),
    ):
        with pytest.raises(
            RepositoryGoneError, match="refuses the login of connection slipway_github"
        ) as caught:
            use()
        assert "wr0ng-password" not in str(caught.value) + repr(stranger) + caplog.text
        assert "Basic" not in str(caught.value)


@pytest.mark.lab
def test_the_login_is_in_no_argument_and_not_in_the_fetched_repository(author: Author) -> None:
    head = author.commit(a="x")
    author.push("main")
    secret = author.remote.password.encode()
    header = author.remote.settings()[f"http.{author.remote.url}/.extraHeader"].split()[-1].encode()
    with fetched(author.remote, author.event(head)) as commit:
        commit.check_out()
        stored = b"".join(path.read_bytes() for path in commit.folder.parent.rglob("*") if path.is_file())
    assert secret not in stored
    assert header not in stored
    assert author.remote.password not in author.remote.address(author.repository)


@pytest.mark.lab
@pytest.mark.parametrize(
    "name",
    ["$(touch${IFS}pwned)", "a;touch${IFS}pwned", "`touch${IFS}pwned`", "x'\"|&<>", "--upload-pack=x", "ä/ö"],
)
def test_an_evil_branch_is_a_branch(author: Author, name: str) -> None:
    ref = f"refs/heads/{name}"
    head = author.commit(a="x")
    author.push(f"HEAD:{ref}")
    assert find(author, ref) == head
    with fetched(author.remote, author.event(head, ref)) as commit:
        assert commit.read("a", 10) == b"x"
        assert not list(commit.folder.parent.rglob("pwned"))
    assert not Path("pwned").exists()


@pytest.mark.lab
def test_the_newest_commit_of_a_branch_and_of_tags(author: Author) -> None:
    first = author.commit(a="1")
    author.git("tag", "light")
    author.git("tag", "--annotate", "v1", "--message=x")
    author.git("branch", "x/refs/heads/main")
    head = author.commit(a="2")
    author.push("main", "light", "v1", "x/refs/heads/main")
    assert find(author) == head
    assert find(author, "refs/tags/light") == first
    assert find(author, "refs/tags/v1") == first
    with pytest.raises(RepositoryError, match=r"has no ref 'refs/heads/absent'. Give a full one"):
        find(author, "refs/heads/absent")
    with pytest.raises(RepositoryError, match="has no ref 'main'"):
        find(author, "main")


@pytest.fixture
def odd(author: Author) -> str:
    """A commit with links, a folder, a program and a submodule; returns its id."""
    (author.folder / "sub").mkdir()
    (author.folder / "sub" / "file").write_text("inside")
    (author.folder / "real").write_text("content")
    (author.folder / "link").symlink_to("real")
    (author.folder / "passwd").symlink_to("/etc/passwd")
    (author.folder / "folder").symlink_to("sub")
    (author.folder / "up").symlink_to("..")
    (author.folder / "sp ace").write_text("space")
    (author.folder / "st*r").write_text("star")
    (author.folder / "run.sh").write_text("#!/bin/sh\n")
    (author.folder / "run.sh").chmod(0o755)
    (author.folder / "module").mkdir()
    author.git("update-index", "--add", "--cacheinfo", f"160000,{COMMIT},module")
    head = author.commit()
    author.push("main")
    return head


@pytest.mark.lab
def test_files_are_read_by_their_own_names_only(author: Author, odd: str) -> None:
    with fetched(author.remote, author.event(odd)) as commit:
        assert commit.read("sub/file", 100) == b"inside"
        assert commit.read("./sub/file", 100) == b"inside"
        assert commit.read("sub//file", 100) == b"inside"
        assert commit.read("sp ace", 100) == b"space"
        assert commit.read("st*r", 100) == b"star"
        assert commit.read("run.sh", 100) == b"#!/bin/sh\n"
        for absent in (
            "*",
            "re*",
            "SUB/file",
            "sub/absent",
            "folder/file",
            "up/work/real",
            "real/x",
            ":(top)real",
        ):
            assert commit.read(absent, 100) is None, absent


@pytest.mark.lab
@pytest.mark.parametrize("path", ["link", "passwd", "folder", "up", "sub", "sub/", "module", "folder/"])
def test_what_is_no_regular_file_is_refused(author: Author, odd: str, path: str) -> None:
    said = r"is not a regular file. Commit a file there"
    with fetched(author.remote, author.event(odd)) as commit, pytest.raises(RepositoryError, match=said):
        commit.read(path, 100)


@pytest.mark.lab
@pytest.mark.parametrize(
    "path",
    ["..", "../git/config", "sub/../../git/config", "/etc/passwd", "", ".", "sub/../real", ".git/config"],
)
def test_a_path_that_leads_elsewhere_is_refused(author: Author, odd: str, path: str) -> None:
    with fetched(author.remote, author.event(odd)) as commit:
        if path == ".git/config":
            assert commit.read(path, 100) is None
            return
        with pytest.raises(RepositoryError, match="is not a path inside the repository") as caught:
            commit.read(path, 100)
        assert not isinstance(caught.value, TransientRepositoryError)


@pytest.mark.lab
def test_a_checkout_follows_no_link(author: Author, odd: str) -> None:
    with fetched(author.remote, author.event(odd)) as commit:
        checkout = commit.check_out()
        assert (checkout / "passwd").is_symlink()
        assert os.readlink(checkout / "up") == ".."
        assert os.access(checkout / "run.sh", os.X_OK)
        assert list((checkout / "module").iterdir()) == []


@pytest.mark.lab
def test_a_file_over_the_limit_is_not_read(author: Author) -> None:
    head = author.commit(large="x" * 1001, exact="x" * 1000, empty="")
    author.push("main")
    with fetched(author.remote, author.event(head)) as commit:
        assert commit.read("exact", 1000) == b"x" * 1000
        assert commit.read("empty", 0) == b""
        with pytest.raises(
            RepositoryError, match=r"large of .* has 1001 bytes; at most 1000 are read. Make it"
        ):
            commit.read("large", 1000)


@pytest.mark.lab
def test_hooks_filters_and_settings_of_others_are_not_run(
    author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person configured for Git, and what the commit asks for, runs nothing here."""
    pwned = tmp_path / "pwned"
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {pwned}\ncat\n")
    evil.chmod(0o755)
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    shutil.copy(evil, hooks / "post-checkout")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[filter "evil"]\n\tsmudge = {evil}\n\trequired\n[init]\n\ttemplateDir = {hooks.parent}\n'
    )
    head = author.commit(a="x", **{".gitattributes": "* filter=evil\n"})
    author.push("main")
    monkeypatch.setenv("HOME", str(home))
    for name in ("GIT_ASKPASS", "SSH_ASKPASS", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND"):
        monkeypatch.setenv(name, str(evil))
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(hooks.parent))
    with fetched(author.remote, author.event(head)) as commit:
        assert (commit.check_out() / "a").read_text() == "x"
    with pytest.raises(RepositoryGoneError, match="refuses the login"):
        find_commit(Remote(author.remote.url), author.repository, "refs/heads/main")
    assert not pwned.exists()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c touch% pwned", "file:///", "/tmp", "ssh://127.0.0.1", "git://127.0.0.1", "--upload-pack=x"],
)
def test_no_protocol_but_http_is_spoken(url: str) -> None:
    push = PushEvent(repository="a/b", ref="refs/heads/main", commit=COMMIT)
    with pytest.raises((RepositoryError, TransientRepositoryError)), fetched(Remote(url), push):
        pass
    assert not Path("pwned").exists()


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_that_fails_is_asked_three_times(status: int) -> None:
    push = PushEvent(repository="tests/app401", ref="refs/heads/main", commit=COMMIT)
    with serving(lambda *_: (status, {}, b"")) as served:
        for use in (
            lambda: fetched(Remote(f"http://{served.host}"), push).__enter__(),
            lambda: find_commit(Remote(f"http://{served.host}"), push.repository, push.ref),
        ):
            served.asked.clear()
            with pytest.raises(TransientRepositoryError, match="git could not fetch tests/app401"):
                use()
            assert len(served.asked) == 3


def test_nobody_at_the_address_may_come_back() -> None:
    with pytest.raises(TransientRepositoryError, match="git could not fetch"):
        find_commit(Remote("http://127.0.0.1:1"), "tests/not-found", "refs/heads/main")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("fatal: remote error: upload-pack: not our ref 401401", CommitGoneError),
        ("error: Server does not allow request for unadvertised object abc", CommitGoneError),
        ("remote: Repository not found.\nfatal: repository 'https://x/' not found", RepositoryGoneError),
        ("fatal: Authentication failed for 'https://example.org/a/b.git/'", RepositoryGoneError),
        ("fatal: unable to access 'x': The requested URL returned error: 403", RepositoryGoneError),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", RepositoryGoneError),
        ("fatal: unable to access 'http://127.0.0.1:14031/': Failed to connect", TransientRepositoryError),
        ("fatal: unable to access 'https://x/app403.git': SSL connection timeout", TransientRepositoryError),
        ("fatal: unable to access 'x': The requested URL returned error: 500", TransientRepositoryError),
        ("error: RPC failed; curl 56 GnuTLS recv error\nfatal: early EOF", TransientRepositoryError),
    ],
)
def test_gits_words_become_what_the_caller_does_next(said: str, expected: type[Exception]) -> None:
    error = error_of("tests/app", COMMIT, said)
    assert type(error) is expected
    assert "tests/app" in str(error)
    assert len(str(error_of("tests/app", COMMIT, said + "x" * 10_000))) < 1000


@pytest.mark.lab
def test_folder_has_one_id_as_long_as_it_holds_the_same(author: Author, tmp_path: Path) -> None:
    (author.folder / "vm").mkdir()
    first = author.commit(**{"vm/image.json": "{}", "README": "one"})
    author.push("main")
    second = author.commit(README="two")
    author.push("main")
    third = author.commit(**{"vm/image.json": "[]"})
    author.push("main")
    ids = []
    for commit in (first, second, third):
        with fetched(author.remote, author.event(commit), within=tmp_path) as found:
            assert found.check_out().is_relative_to(tmp_path)
            ids.append(found.find_tree("vm"))
            assert found.find_tree(".") == author.git("rev-parse", f"{commit}^{{tree}}")
            assert [found.find_tree(path) for path in ("README", "absent", "vm/image.json")] == [None] * 3
    assert ids == [author.git("rev-parse", f"{commit}:vm") for commit in (first, second, third)]
    assert ids[0] == ids[1] != ids[2]
