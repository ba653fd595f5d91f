"""What GitHub tells about a push: the body of its ``push`` event.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NO_COMMIT = "0" * 40
NUMBER_FILE = "lab-number"
"""In a bare repository that was renamed: its number."""
MAX_COMMITS = 2048  # as many as GitHub lists
LOG_FORMAT = "%H%x00%T%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00"
LOG_FIELDS = 9
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")

Json = dict[str, Any]


@dataclass(frozen=True)
class RefUpdate:
    """One line of ``post-receive``'s input: what ``ref`` pointed to, and what it points to now."""

    before: str
    after: str
    ref: str

    @property
    def created(self) -> bool:
        """Whether the ref is new."""
        return not self.before.strip("0")

    @property
    def deleted(self) -> bool:
        """Whether the ref is gone."""
        return not self.after.strip("0")


@dataclass(frozen=True)
class Place:
    """Whose repository it is, where people find it, and who pushed."""

    full_name: str
    url: str
    pusher: str
    pushed_at: int
    """Seconds since 1970, UTC."""
    number: int
    """The repository's, which no rename changes."""


def read_log(output: str, url: str) -> list[Json]:
    """Turn ``git log -z --name-status --format=LOG_FORMAT`` into GitHub's commits, in the order given."""
    fields = output.split("\0")
    return list(_commits(fields, url))


def push_payload(
    update: RefUpdate, place: Place, commits: Sequence[Json], head: Json | None, *, forced: bool
) -> Json:
    """Return the body of the ``push`` event for one updated ref.

    ``commits`` are the new ones, oldest first; ``head`` is what the ref points to, None when deleted.
    """
    return {
        "ref": update.ref,
        "before": update.before,
        "after": update.after,
        "repository": _repository(place),
        "pusher": {"name": place.pusher, "email": _address(place.pusher)},
        "sender": _account(place.pusher),
        "created": update.created,
        "deleted": update.deleted,
        "forced": forced,
        "base_ref": None,
        "compare": _compare(update, place.url),
        "commits": list(commits),
        "head_commit": head,
    }


def _commits(fields: list[str], url: str) -> Iterator[Json]:
    at = 0
    while at + LOG_FIELDS <= len(fields) and COMMIT.fullmatch(fields[at].lstrip("\n")):
        commit, changes_at = fields[at : at + LOG_FIELDS], at + LOG_FIELDS
        changes: dict[str, list[str]] = {"A": [], "D": [], "M": []}
        at = changes_at
        while at + 1 < len(fields) and not COMMIT.fullmatch(fields[at].lstrip("\n")):
            status, path = fields[at].strip("\n"), fields[at + 1]
            if not status:  # the empty field that parts the message from the changes
                at += 1
                continue
            changes.get(status[0], changes["M"]).append(path)
            at += 2
        yield _commit(commit, changes, url)


def _commit(fields: list[str], changes: dict[str, list[str]], url: str) -> Json:
    commit, tree, author, author_email, _, committer, committer_email, when, message = fields
    commit = commit.lstrip("\n")
    return {
        "id": commit,
        "tree_id": tree,
        "distinct": True,
        "message": message.rstrip("\n"),
        "timestamp": when,
        "url": f"{url}/commit/{commit}",
        "author": {"name": author, "email": author_email},
        "committer": {"name": committer, "email": committer_email},
        "added": changes["A"],
        "removed": changes["D"],
        "modified": changes["M"],
    }


def _repository(place: Place) -> Json:
    owner, _, name = place.full_name.partition("/")
    return {
        "id": place.number,
        "name": name,
        "full_name": place.full_name,
        "private": True,
        "owner": {**_account(owner), "name": owner, "email": _address(owner)},
        "html_url": place.url,
        "url": place.url,
        "clone_url": f"{place.url}.git",
        "git_url": f"{place.url}.git",
        "default_branch": "main",
        "master_branch": "main",
        "pushed_at": place.pushed_at,
        "fork": False,
        "archived": False,
        "visibility": "private",
    }


def _account(login: str) -> Json:
    return {"login": login, "id": _number(login), "type": "User", "site_admin": False}


def _address(login: str) -> str:
    return f"{login}@users.noreply.localhost"


def number_of(full_name: str, folder: Path) -> int:
    """Return the number of the repository in a folder: that of its first name, which a renamed one keeps."""
    kept = folder / NUMBER_FILE
    return int(kept.read_text()) if kept.exists() else _number(full_name)


def _number(text: str) -> int:
    return zlib.crc32(text.encode())


def _compare(update: RefUpdate, url: str) -> str:
    if update.created or update.deleted:
        return f"{url}/compare/{(update.after if update.created else update.before)[:12]}"
    return f"{url}/compare/{update.before[:12]}...{update.after[:12]}"
