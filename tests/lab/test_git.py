"""Git over HTTP, spoken by the real Git client, and the signed delivery every push sends."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from lab.git.app import parse_call
from lab.git.payload import RefUpdate, read_log
from lab.git.post_receive import announced
from lab.git.repository import Repositories, RepositoryNameError

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
SECRET = "a webhook secret"
LOGIN = ("pusher", "p@ss:word")


@dataclass
class Receiver:
    """A webhook receiver that keeps what it was sent, and answers as it was told to."""

    close: Callable[[], None]
    status: int = 202
    deliveries: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def payloads(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.deliveries]


@pytest.fixture(scope="module")
def webhook_port() -> int:
    return free_port()


@pytest.fixture
def receiver(webhook_port: int) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.deliveries.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(received.status)
            self.end_headers()
            self.wfile.write(b'{"answer": "noted"}')

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", webhook_port), Handler)

    def close() -> None:
        server.shutdown()
        server.server_close()

    received = Receiver(close)
    Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    yield received
    close()


@dataclass(frozen=True)
class Served:
    """A running git server."""

    url: str
    root: Path

    def remote(self, name: str, user: str = LOGIN[0], password: str = LOGIN[1]) -> str:
        quoted = password.replace("@", "%40").replace(":", "%3A")
        return self.url.replace("http://", f"http://{user}:{quoted}@") + f"/{name}"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory, webhook_port: int) -> Iterator[Served]:
    """The server, whose start takes a second of CPU: one for all tests."""
    folder, port = tmp_path_factory.mktemp("git"), free_port()
    root = folder / "it's repositories"
    environment = {
        **os.environ,
        "LAB_GIT_USER": LOGIN[0],
        "LAB_GIT_PASSWORD": LOGIN[1],
        "SLIPWAY_WEBHOOK_SECRET": SECRET,
        "PYTHONPATH": str(CHECKOUT),
    }
    command = [sys.executable, "-m", "lab.git", "--port", str(port), "--root", str(root)]
    command += ["--webhook", f"http://127.0.0.1:{webhook_port}/slipway/webhooks/github"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for_server(f"http://127.0.0.1:{port}/git/health", process, folder / "log")
        yield Served(f"http://127.0.0.1:{port}/git", root)
    finally:
        process.kill()
        process.wait(20)


@pytest.fixture
def served(process: Served, receiver: Receiver) -> Iterator[Served]:
    """The server without a repository."""
    yield process
    for owner in process.root.glob("[!.]*"):
        shutil.rmtree(owner)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for_server(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(3000):
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"no answer from {url}: {log.read_text()}")


class Clone:
    """A working copy driven by the real Git client, with no settings but its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }
        command = ["git", "-C", str(self.folder), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
        assert not check or done.returncode == 0, done.stderr
        return done

    def commit(self, message: str, **files: str) -> str:
        for name, content in files.items():
            (self.folder / name).write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").stdout.strip()

    def push(self, remote: str, *refs: str) -> str:
        return self.git("push", remote, *(refs or ("main",))).stderr


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def test_a_first_push_makes_the_repository_and_delivers_it_signed(
    served: Served, receiver: Receiver, clone: Clone
) -> None:
    commit = clone.commit("first\n\nwith a body", readme="hello")
    said = clone.push(served.remote("examples/hello.git"))

    assert "remote: slipway: 202 accepted" in said
    [(headers, body)] = receiver.deliveries
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={expected}"
    assert headers["x-github-event"] == "push"
    assert len(headers["x-github-delivery"]) == 36
    [push] = receiver.payloads()
    assert (push["ref"], push["before"], push["after"]) == ("refs/heads/main", "0" * 40, commit)
    assert push["repository"]["full_name"] == "examples/hello"
    assert push["repository"]["owner"]["login"] == "examples"
    assert push["pusher"]["name"] == LOGIN[0]
    assert push["created"] is True
    assert push["deleted"] is False
    assert push["forced"] is False
    assert push["head_commit"]["id"] == commit
    assert push["head_commit"]["message"] == "first\n\nwith a body"
    assert push["head_commit"]["added"] == ["readme"]


def test_a_later_push_lists_its_new_commits_oldest_first(
    served: Served, receiver: Receiver, clone: Clone
) -> None:
    first = clone.commit("first", a="1", b="1")
    clone.push(served.remote("examples/hello"))
    second = clone.commit("second")
    (clone.folder / "b").unlink()
    third = clone.commit("third", a="2", **{'ünd "more"': "3"})
    clone.push(served.remote("examples/hello"))

    push = receiver.payloads()[1]
    assert (push["before"], push["after"], push["created"]) == (first, third, False)
    assert [commit["id"] for commit in push["commits"]] == [second, third]
    changed = push["commits"][1]
    assert changed["added"] == ['ünd "more"']
    assert changed["removed"] == ["b"]
    assert changed["modified"] == ["a"]


def test_force_tag_and_deletion_are_said_as_github_says_them(
    served: Served, receiver: Receiver, clone: Clone
) -> None:
    remote = served.remote("examples/hello.git")
    clone.commit("first")
    clone.push(remote)
    clone.git("commit", "--amend", "--allow-empty", "--quiet", "-m", "rewritten")
    clone.push(remote, "+main")
    clone.git("tag", "-a", "v1", "-m", "the first")
    clone.push(remote, "v1")
    clone.push(remote, "main:refs/heads/doomed")
    clone.push(remote, ":doomed")

    _, forced, tag, created, deleted = receiver.payloads()
    assert forced["forced"] is True
    assert tag["ref"] == "refs/tags/v1"
    assert tag["after"] == clone.git("rev-parse", "v1").stdout.strip()
    assert tag["head_commit"]["id"] == clone.head()
    assert (created["ref"], created["commits"]) == ("refs/heads/doomed", [])
    assert created["head_commit"]["id"] == clone.head()
    assert deleted["deleted"] is True
    assert deleted["after"] == "0" * 40
    assert deleted["head_commit"] is None


def test_a_receiver_that_refuses_or_is_away_does_not_fail_the_push(
    served: Served, receiver: Receiver, clone: Clone, tmp_path: Path
) -> None:
    remote = served.remote("examples/hello.git")
    receiver.status = 403
    clone.commit("first")
    assert "remote: slipway: 403 forbidden" in clone.push(remote)
    receiver.close()
    commit = clone.commit("second")
    assert "remote: slipway: not delivered: " in clone.push(remote)
    other = Clone(tmp_path / "other")
    other.git("fetch", "--quiet", remote, "main")
    assert other.git("rev-parse", "FETCH_HEAD").stdout.strip() == commit


@pytest.mark.lab
def test_a_push_to_the_labs_own_server_is_told_to_airflow(lab: Any, clone: Clone) -> None:
    """Airflow refuses it, since no application is called so: the delivery came through, and was signed."""
    name = f"tests/unknown-{secrets.token_hex(4)}"
    scheme, _, address = lab.git.url.partition("://")
    clone.commit("first")
    try:
        said = clone.push(f"{scheme}://{lab.git.user}:{lab.git.password}@{address}/{name}.git")
    finally:
        shutil.rmtree(lab.state / "git" / f"{name}.git", ignore_errors=True)
    assert "remote: slipway: 403 forbidden" in said


def test_branch_names_with_shell_characters_stay_names(
    served: Served, receiver: Receiver, clone: Clone, tmp_path: Path
) -> None:
    clone.commit("first")
    evil = "refs/heads/$(touch${IFS}pwned);'\"&|ä/x"
    clone.push(served.remote("examples/hello.git"), f"HEAD:{evil}")
    assert receiver.payloads()[0]["ref"] == evil
    assert not [*tmp_path.rglob("pwned"), *served.root.parent.rglob("pwned")]


def test_a_reachable_commit_can_be_fetched_by_its_id_and_no_other(
    served: Served, clone: Clone, tmp_path: Path
) -> None:
    remote = served.remote("examples/hello.git")
    first = clone.commit("first")
    gone = clone.commit("to be rewritten")
    clone.push(remote)
    clone.git("reset", "--quiet", "--hard", first)
    clone.commit("instead")
    clone.push(remote, "+main")

    other = Clone(tmp_path / "other")
    other.git("fetch", "--depth=1", "--no-tags", remote, first)
    refused = other.git(
        "-c", "protocol.version=0", "fetch", "--depth=1", "--no-tags", remote, gone, check=False
    )
    assert refused.returncode != 0
    assert "not our ref" in refused.stderr or "unadvertised object" in refused.stderr


def test_a_large_push_is_streamed_in_chunks(served: Served, clone: Clone, tmp_path: Path) -> None:
    (clone.folder / "noise").write_bytes(os.urandom(3_000_000))
    clone.commit("large")
    clone.git("-c", "http.postBuffer=65536", "push", served.remote("examples/large.git"), "main")
    other = Clone(tmp_path / "other")
    other.git("fetch", "--quiet", served.remote("examples/large.git"), "main")
    assert other.git("rev-parse", "FETCH_HEAD").stdout.strip() == clone.head()


def test_a_gzipped_request_is_understood(served: Served, clone: Clone) -> None:
    commit = clone.commit("first")
    clone.push(served.remote("examples/hello.git"))
    wants = f"0032want {commit}\n00000009done\n".encode()
    answer = httpx.post(
        f"{served.url}/examples/hello.git/git-upload-pack",
        content=gzip.compress(wants),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/x-git-upload-pack-request"},
        auth=LOGIN,
        timeout=500,
    )
    assert answer.status_code == 200
    assert b"PACK" in answer.content


def test_first_pushes_at_once_make_one_repository(served: Served, receiver: Receiver, tmp_path: Path) -> None:
    clones = [Clone(tmp_path / f"clone-{number}") for number in range(4)]
    for number, clone in enumerate(clones):
        clone.commit(f"number {number}")
    with ThreadPoolExecutor(4) as pool:
        pushes = [
            pool.submit(clone.push, served.remote("examples/race.git"), f"main:refs/heads/b{number}")
            for number, clone in enumerate(clones)
        ]
        for push in pushes:
            push.result()
    assert {push["ref"] for push in receiver.payloads()} == {f"refs/heads/b{n}" for n in range(4)}
    assert [folder.name for folder in (served.root / "examples").iterdir()] == ["race.git"]
    assert not list(served.root.glob(".new-*"))


@pytest.mark.parametrize("login", [None, ("pusher", "wrong"), ("other", LOGIN[1])])
def test_who_has_no_login_gets_a_challenge(served: Served, login: tuple[str, str] | None) -> None:
    answer = httpx.get(
        f"{served.url}/examples/hello.git/info/refs?service=git-receive-pack", auth=login, timeout=500
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert not (served.root / "examples").exists()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("examples/unknown.git/info/refs?service=git-upload-pack", 404),
        ("examples/hello.git/info/refs", 404),
        ("examples/hello.git/HEAD", 404),
        ("examples/hello.git/objects/info/packs", 404),
        ("..%2f..%2fetc/info/refs?service=git-receive-pack", 404),
        (".settings/x.git/info/refs?service=git-receive-pack", 400),
        ("examples/...git/info/refs?service=git-receive-pack", 400),
        ("examples/a%00b/info/refs?service=git-receive-pack", 400),
        ("examples/hello.git/git-receive-pack", 405),
    ],
)
def test_what_is_no_call_on_a_repository_is_refused(served: Served, path: str, status: int) -> None:
    answer = httpx.get(f"{served.url}/{path}", auth=LOGIN, timeout=500)
    assert answer.status_code == status
    assert [found.name for found in served.root.iterdir()] == [".settings"]


def test_renamed_repository_keeps_its_number_and_is_reached_by_its_former_name(
    served: Served, receiver: Receiver, clone: Clone
) -> None:
    repositories = Repositories(served.root)
    clone.commit("first", readme="hello")
    clone.push(served.remote("examples/shop.git"))
    repositories.rename("examples/shop", "other/store")
    second = clone.commit("second", readme="again")
    clone.push(served.remote("examples/shop.git"))
    assert clone.git("ls-remote", served.remote("other/store.git"), "main").stdout.split()[0] == second
    repositories.rename("other/store", "examples/shop")
    clone.commit("third", readme="back")
    clone.push(served.remote("other/store.git"))
    pushes = [push["repository"] for push in receiver.payloads()]
    assert [push["full_name"] for push in pushes] == ["examples/shop", "other/store", "examples/shop"]
    assert len({push["id"] for push in pushes}) == 1
    clone.push(served.remote("examples/taken.git"))
    with pytest.raises(RepositoryNameError, match="another repository"):
        repositories.rename("examples/shop", "examples/taken")


def test_the_server_says_what_it_lacks(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "lab.git",
        "--port",
        "1",
        "--root",
        str(tmp_path),
        "--webhook",
        "http://x",
    ]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, cwd=tmp_path)
    assert done.returncode == 1
    assert "LAB_GIT_USER is not set" in done.stderr


@pytest.mark.parametrize(
    "name", ["hello", "a/b/c", "../x", "a/..", "a/.", "-a/b", "a/b.lock", "a/b.git", "a/", "/b"]
)
def test_names_no_registry_would_give_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RepositoryNameError, match="use owner/name"):
        Repositories(tmp_path).path(name)


def test_calls_are_read_with_and_without_the_suffix() -> None:
    for path in ("/git/a/b.git/info/refs", "/git/a/b/info/refs"):
        call = parse_call(path, "service=git-upload-pack")
        assert call is not None
        assert (call.repository, call.pushes, call.method) == ("a/b", False, "GET")
    assert parse_call("/git/a/b/info/refs", "service=git-evil") is None
    assert parse_call("/a/b/info/refs", "service=git-upload-pack") is None


def test_a_heap_of_tags_sends_nothing_and_notes_never_do() -> None:
    tags = [RefUpdate("0" * 40, "1" * 40, f"refs/tags/{number}") for number in range(4)]
    branch = RefUpdate("0" * 40, "1" * 40, "refs/heads/main")
    notes = RefUpdate("0" * 40, "1" * 40, "refs/notes/commits")
    assert list(announced([*tags, branch, notes])) == [branch]
    assert list(announced([*tags[:3], branch])) == [*tags[:3], branch]


def test_a_file_named_like_a_commit_is_a_file() -> None:
    name = "a" * 40
    head = "\0".join(["1" * 40, "2" * 40, "A", "a@x", "t", "C", "c@x", "t", "message\n", "", "\nA", name])
    [commit] = read_log(f"{head}\0", "http://x")
    assert commit["added"] == [name]
