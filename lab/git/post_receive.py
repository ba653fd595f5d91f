"""Git's ``post-receive`` hook: one signed ``push`` delivery for each branch or tag that changed.

Started by Git inside the bare repository, with the receiver's address and secret in its environment. It
never fails the push; the person who pushed sees what the receiver answered ("remote: slipway: 202").
Standard library only: it runs within every push, so its start counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab.git.delivery import deliver, delivery_request
from lab.git.payload import (
    LOG_FORMAT,
    MAX_COMMITS,
    Json,
    Place,
    RefUpdate,
    number_of,
    push_payload,
    read_log,
)
from lab.patience import stretched

GIT_SECONDS = 30
MAX_TAGS = 3  # GitHub sends no push event when more tags than this are pushed at once
LOG = ["log", "-z", "--name-status", "--no-renames", f"--format={LOG_FORMAT}"]


def main() -> None:
    """Deliver every ref update that Git names on standard input."""
    url, secret = os.environ.get("LAB_GIT_WEBHOOK_URL", ""), os.environ.get("SLIPWAY_WEBHOOK_SECRET", "")
    updates = [RefUpdate(*line.split()) for line in sys.stdin if len(line.split()) == 3]
    if not (url and secret):
        _tell("no delivery: LAB_GIT_WEBHOOK_URL and SLIPWAY_WEBHOOK_SECRET are not both set")
        return
    for update in announced(updates):
        try:
            answer = deliver(delivery_request(url, secret, "push", _payload(update)))
        except (OSError, subprocess.SubprocessError) as error:
            answer = f"not delivered: {error}"
        _tell(f"{update.ref} {answer}" if len(updates) > 1 else answer)


def announced(updates: Iterable[RefUpdate]) -> Iterator[RefUpdate]:
    """Return the updates GitHub would send an event for: branches and tags, but no heap of tags."""
    wanted = [update for update in updates if update.ref.startswith(("refs/heads/", "refs/tags/"))]
    tags = [update for update in wanted if update.ref.startswith("refs/tags/")]
    return (update for update in wanted if update not in tags or len(tags) <= MAX_TAGS)


def _payload(update: RefUpdate) -> Json:
    place = Place(
        full_name=os.environ["LAB_GIT_REPOSITORY"],
        url=os.environ["LAB_GIT_REPOSITORY_URL"],
        pusher=os.environ.get("REMOTE_USER", "unknown"),
        pushed_at=int(time.time()),
        number=number_of(os.environ["LAB_GIT_REPOSITORY"], Path()),
    )
    if update.deleted:
        return push_payload(update, place, [], None, forced=False)
    head = read_log(_git(*LOG, "-1", update.after, "--"), place.url)
    return push_payload(
        update, place, _new_commits(update, place), head[0] if head else None, forced=_forced(update)
    )


def _new_commits(update: RefUpdate, place: Place) -> list[Json]:
    """The commits this push brought, oldest first: those no other branch had."""
    if update.created:
        others = ["--exclude", update.ref, "--all"]
        excluded = ["--not", *others] if update.ref.startswith("refs/heads/") else ["--not", "--all"]
    else:
        excluded = ["--not", update.before]
    log = _git(*LOG, f"--max-count={MAX_COMMITS}", update.after, *excluded, "--")
    return read_log(log, place.url)[::-1]


def _forced(update: RefUpdate) -> bool:
    if update.created:
        return False
    ancestor = ["git", "merge-base", "--is-ancestor", update.before, update.after]
    seconds = stretched(GIT_SECONDS)
    return subprocess.run(ancestor, check=False, timeout=seconds, capture_output=True).returncode != 0


def _git(*arguments: str) -> str:
    seconds = stretched(GIT_SECONDS)
    done = subprocess.run(["git", *arguments], check=True, timeout=seconds, capture_output=True)
    return done.stdout.decode(errors="replace")


def _tell(line: str) -> None:
    sys.stderr.write(f"slipway: {line}\n")


if __name__ == "__main__":
    main()
