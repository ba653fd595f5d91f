"""Repositories whose branches are there beforehand: each is one push, of a commit of its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from lab.git.payload import NO_COMMIT, Place, RefUpdate, push_payload
from lab.git.repository import Repositories
from slipway.flow.platforms import PIPELINES, Platform

MOST = 50
PLATFORMS: Sequence[Sequence[Platform]] = (
    ("container",),
    ("container", "vm"),
    ("container",),
    ("vm",),
    ("container", "vm", "bare_metal"),
    ("container",),
    ("container", "bare_metal"),
)
"""What pushes have built, in turn: one and a half pipelines each, on average."""


@dataclass(frozen=True)
class CommittedPush:
    """A branch and the commit that it points to."""

    repository: str
    ref: str
    commit: str
    url: str

    @property
    def partition_key(self) -> str:
        """Of its runs: no other push has this commit."""
        return f"{self.repository}@{self.commit}"

    @property
    def pipelines(self) -> set[str]:
        """The pipelines that it starts."""
        return {pipeline for name, pipeline in PIPELINES.items() if name in self.ref}

    def payload(self) -> dict[str, Any]:
        """Return what GitHub sends when the branch is pushed now."""
        place = Place(self.repository, self.url, pusher="mona", pushed_at=int(time.time()))
        update = RefUpdate(before=NO_COMMIT, after=self.commit, ref=self.ref)
        return push_payload(update, place, [], {"id": self.commit, "message": "x" * 6000}, forced=False)


def names(number: int) -> list[str]:
    """Return the repositories over which so many pushes are spread."""
    return [f"pushes/application-{one:02}" for one in range(min(number, MOST))]


def commit(repositories: Repositories, url: str, number: int) -> list[CommittedPush]:
    """Make so many branches; return them in turn over the repositories.

    :param url: what a repository's name is appended to.
    """
    spread = names(number)
    branches: dict[str, list[str]] = {name: [] for name in spread}
    for one, platforms in enumerate(islice(cycle(PLATFORMS), number)):
        branches[spread[one % len(spread)]].append(f"refs/heads/{'-'.join(platforms)}-{one}")
    made = {name: list(_import(repositories, name, url, refs)) for name, refs in branches.items()}
    return [made[spread[one % len(spread)]][one // len(spread)] for one in range(number)]


def _import(repositories: Repositories, name: str, url: str, refs: Sequence[str]) -> Iterator[CommittedPush]:
    folder = repositories.ensure(name)
    stream = "".join(_commit(ref) for ref in refs)
    _git(folder, "fast-import", "--quiet", "--date-format=now", given=stream)
    listed = _git(folder, "for-each-ref", "--format=%(refname) %(objectname)")
    commits = dict(line.split() for line in listed.splitlines())
    for ref in refs:
        yield CommittedPush(name, ref, commits[ref], f"{url}/{name}")


def _commit(ref: str) -> str:
    """Return a commit in the language of https://git-scm.com/docs/git-fast-import."""
    return (
        f"commit {ref}\ncommitter Mona <mona@lab.invalid> now\ndata {len(ref)}\n{ref}\n"
        f"M 100644 inline branch\ndata {len(ref)}\n{ref}\n"
    )


def _git(folder: Any, *arguments: str, given: str = "") -> str:
    done = subprocess.run(
        ["git", f"--git-dir={folder}", *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout
