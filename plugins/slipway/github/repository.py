"""One commit of one repository, fetched by Git's own protocol and nothing else.

Repositories are not trusted: no shell, no hooks, no submodules, no protocol but HTTP, and the login
travels in the environment of the git process, never in an argument, an address or a log.
"""

from __future__ import annotations

import base64
import os
import posixpath
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.github.errors import CommitGoneError, RepositoryError, TransientRepositoryError, error_of
from slipway.worker.folders import temporary

FETCH_SECONDS = 600
_KEPT = ("GIT_EXEC_PATH", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH")
"""Where Git's programs and the machine's certificates are; nothing else of Git's environment is anybody's."""


@dataclass(frozen=True)
class Remote:
    """A code registry, and who asks it.

    :param url: what ``owner/name.git`` is appended to, for example ``https://github.com``.
    """

    url: str
    login: str = ""
    password: str = field(default="", repr=False)

    def address(self, repository: str) -> str:
        """Return where ``repository`` is cloned from."""
        return f"{self.url.rstrip('/')}/{repository}.git"

    def page(self, repository: str) -> str:
        """Return where a person reads ``repository``."""
        return f"{self.url.rstrip('/')}/{repository}"

    def settings(self) -> dict[str, str]:
        """Return Git's configuration for this registry."""
        always = {
            "protocol.allow": "never",
            "protocol.http.allow": "always",
            "protocol.https.allow": "always",
            "core.hooksPath": os.devnull,
            "fetch.fsckObjects": "true",
            "http.lowSpeedLimit": "1000",
            "http.lowSpeedTime": "60",
            "credential.helper": "",
            "advice.detachedHead": "false",
        }
        if not self.password:
            return always
        login = base64.b64encode(f"{self.login}:{self.password}".encode()).decode()
        return always | {f"http.{self.url.rstrip('/')}/.extraHeader": f"Authorization: Basic {login}"}


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a git process that reads ``settings`` and no configuration of anyone's.

    https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    pairs: dict[str, str] = {}
    for number, (name, value) in enumerate(settings.items()):
        pairs |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return (
        kept
        | pairs
        | {
            "GIT_CONFIG_COUNT": str(len(settings)),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "LC_ALL": "C",
        }
    )


@dataclass(frozen=True)
class Commit:
    """A fetched commit; its folder lives as long as :func:`fetched`'s block."""

    push: PushEvent
    git_dir: Path
    folder: Path
    tip: str | None = None
    """The commit that the push's ref pointed to when it was fetched; None when there is no such ref (any
    more), or when that was not asked for."""

    def read(self, path: str, at_most: int) -> bytes | None:
        """Return a file's bytes, or None when the commit has no such file.

        :param at_most: size in bytes that is still read.
        :raises RepositoryError: when the file is larger, is no file, or would be outside.
        """
        where = f"{path} of {self.push.repository} at {self.push.short_commit}"
        name = posixpath.normpath(path)
        if not path or name in ("", ".") or path.startswith("/") or ".." in path.split("/"):
            raise RepositoryError(f"{where} is not a path inside the repository. Name one without `..`.")
        about = self._git("--literal-pathspecs", "ls-tree", "--long", "-z", "HEAD", "--", name).split()
        if not about:
            return None
        mode, kind, blob, size = about[:4]
        if kind != b"blob" or mode == b"120000":
            raise RepositoryError(f"{where} is not a regular file. Commit a file there.")
        if int(size) > at_most:
            raise RepositoryError(
                f"{where} has {int(size)} bytes; at most {at_most} are read. Make it smaller."
            )
        return self._git("cat-file", "blob", blob.decode())

    def check_out(self) -> Path:
        """Write the commit's files below :attr:`folder` and return it."""
        self._git("checkout", "--quiet", "--force", "--detach", "HEAD")
        return self.folder

    def find_tree(self, path: str) -> str | None:
        """Return Git's id of all that a folder holds, or None when the commit has no such folder.

        :param path: relative, without ``..``; ``.`` is the whole commit.
        """
        name = posixpath.normpath(path)
        if name == ".":
            return self._git("rev-parse", "--verify", "HEAD^{tree}").decode().strip()
        about = self._git("--literal-pathspecs", "ls-tree", "-z", "HEAD", "--", name).split()
        return about[2].decode() if about[1:2] == [b"tree"] else None

    @property
    def committed_at(self) -> datetime:
        """When the commit was made."""
        seconds = int(self._git("show", "--no-patch", "--format=%ct", "HEAD"))
        return datetime.fromtimestamp(seconds, UTC)

    def _git(self, *arguments: str) -> bytes:
        return _run(self.push, self.git_dir, self.folder, {"core.hooksPath": os.devnull}, *arguments)


@contextmanager
def fetched(
    remote: Remote, push: PushEvent, within: Path | None = None, *, with_tip: bool = False
) -> Iterator[Commit]:
    """Fetch exactly ``push.commit`` into a temporary folder.

    :param within: folder for that folder, where a worker that dies shall leave it.
    :param with_tip: by the same requests, what the push's ref points to.
    :raises RepositoryError: when the repository or the commit is not there (any more).
    :raises TransientRepositoryError: when the server failed three times.
    """
    with temporary(within) as own:
        git_dir, folder = own / "git", own / "files"
        folder.mkdir()
        _run(push, git_dir, folder, {}, "init", "--quiet", "--template=")
        tip = _fetch_with_tip(remote, push, git_dir, folder) if with_tip else None
        if not with_tip:
            _fetch(remote, push, git_dir, folder, push.commit)
        _run(push, git_dir, folder, {}, "update-ref", "--no-deref", "HEAD", push.commit)
        yield Commit(push, git_dir, folder, tip)


def _fetch_with_tip(remote: Remote, push: PushEvent, git_dir: Path, folder: Path) -> str | None:
    try:
        _fetch(remote, push, git_dir, folder, push.commit, f"+{push.ref}:{_TIP}")
    except CommitGoneError:  # either of them: without the ref it is seen which
        _fetch(remote, push, git_dir, folder, push.commit)
        return None
    return _run(push, git_dir, folder, {}, "rev-parse", "--verify", f"{_TIP}^{{commit}}").decode().strip()


@retry(
    retry=retry_if_exception_type(TransientRepositoryError),
    stop=stop_after_attempt(3),
    wait=wait_random_exponential(multiplier=0.5, max=10),
    reraise=True,
)
def _fetch(
    remote: Remote, push: PushEvent, git_dir: Path, folder: Path, *commits: str, options: tuple[str, ...] = ()
) -> None:
    always = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
    address = remote.address(push.repository)
    _run(push, git_dir, folder, remote.settings(), "fetch", *always, *options, "--", address, *commits)


def _run(push: PushEvent, git_dir: Path, folder: Path, settings: Mapping[str, str], *arguments: str) -> bytes:
    command = ["git", f"--git-dir={git_dir}", f"--work-tree={folder}", *arguments]
    try:
        done = subprocess.run(
            command,
            env=environment(settings),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=FETCH_SECONDS,
        )
    except FileNotFoundError as error:
        raise SlipwayError("git is not installed on this worker. Install it.") from error
    except subprocess.TimeoutExpired as error:
        raise TransientRepositoryError(f"git {arguments[0]} took longer than {FETCH_SECONDS} s") from error
    if done.returncode:
        raise error_of(push.repository, push.commit, done.stderr.decode(errors="replace"))
    return done.stdout


def find_commit(remote: Remote, repository: str, ref: str) -> str:
    """Return the commit that ``ref`` (a full ref name) points to now; a tag is followed to its commit.

    :raises RepositoryError: when the repository or the ref is not there.
    """
    # An annotated tag's commit is listed apart, under the name that ends in ^{}.
    found = _listed(remote, PushEvent(repository=repository, ref=ref, commit=_ANY), ref, f"{ref}^{{}}")
    if (newest := found.get(ref)) is None:
        raise RepositoryError(f"{repository} has no ref {ref!r}. Give a full one, such as refs/heads/main.")
    return newest


def is_on_ref(remote: Remote, push: PushEvent) -> bool:
    """Say whether a push's ref points to its commit, or has it in its history.

    :raises RepositoryError: when the repository or the ref is not there.
    """
    tip = find_commit(remote, push.repository, push.ref)
    if tip == push.commit:
        return True
    with temporary() as folder:
        git_dir = folder / "git"
        _run(push, git_dir, folder, {}, "init", "--quiet", "--template=")
        address, always = remote.address(push.repository), ("--quiet", "--no-tags", "--no-write-fetch-head")
        history = ("--filter=tree:0", "--", address, f"+{push.ref}:{_TIP}")  # commits, without their files
        _run(push, git_dir, folder, remote.settings(), "fetch", *always, *history)
        try:
            _run(push, git_dir, folder, {}, "cat-file", "-e", f"{push.commit}^{{commit}}")
        except SlipwayError:
            return False
        kept = ("rev-list", "--count", f"{_TIP}..{push.commit}")
        return int(_run(push, git_dir, folder, {}, *kept)) == 0


def list_refs(remote: Remote, repository: str) -> dict[str, str]:
    """Return the commits that all branches and tags point to now, by their full names.

    :raises RepositoryError: when the repository is not there.
    """
    push = PushEvent(repository=repository, ref="refs/heads/any", commit=_ANY)
    return _listed(remote, push, "refs/heads/*", "refs/tags/*")


def list_times(remote: Remote, repository: str, commits: Iterable[str]) -> dict[str, datetime]:
    """Return when commits were made, with no more of them fetched than the server is able to send alone.

    :raises RepositoryError: when the repository or a commit is not there.
    """
    wanted = sorted(set(commits))
    push = PushEvent(repository=repository, ref="refs/heads/any", commit=wanted[0])
    with temporary() as folder:
        _run(push, folder / "git", folder, {}, "init", "--quiet", "--template=")
        _fetch(remote, push, folder / "git", folder, *wanted, options=("--filter=tree:0",))
        shown = _run(push, folder / "git", folder, {}, "log", "--no-walk", "--format=%H %ct", *wanted)
    lines = (line.split() for line in shown.decode().splitlines())
    return {commit: datetime.fromtimestamp(int(seconds), UTC) for commit, seconds in lines}


_ANY = "0" * 40
_TIP = "refs/slipway/tip"


def _listed(remote: Remote, push: PushEvent, *patterns: str) -> dict[str, str]:
    with temporary() as folder:
        listed = _list(remote, push, folder, *patterns)
    found: dict[str, str] = {}
    for line in listed.decode().splitlines():
        commit, _, name = line.partition("\t")
        if name.endswith("^{}"):
            found[name.removesuffix("^{}")] = commit
        else:
            found.setdefault(name, commit)
    return found


@retry(
    retry=retry_if_exception_type(TransientRepositoryError),
    stop=stop_after_attempt(3),
    wait=wait_random_exponential(multiplier=0.5, max=10),
    reraise=True,
)
def _list(remote: Remote, push: PushEvent, folder: Path, *patterns: str) -> bytes:
    address = remote.address(push.repository)
    return _run(push, folder, folder, remote.settings(), "ls-remote", "--quiet", "--", address, *patterns)
