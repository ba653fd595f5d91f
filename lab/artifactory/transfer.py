"""Copy and move: https://jfrog.com/help/r/jfrog-rest-apis/copy-item."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from lab.artifactory import content, items, properties
from lab.artifactory.item_path import ItemPath
from lab.artifactory.refusal import Refusal
from lab.artifactory.store import Store


@dataclass(frozen=True)
class Transfer:
    """What is to be copied or moved where."""

    source: ItemPath
    target: ItemPath
    moves: bool = False

    @property
    def verb(self) -> str:
        """What it is called in messages."""
        return "moving" if self.moves else "copying"


def transfer(store: Store, order: Transfer, user: str, *, dry: bool = False) -> str:
    """Copy or move an item with all below it; properties go with it. Return what was done, in words.

    An existing folder takes the item in; a file of the same name is overwritten.

    :raises Refusal: 404 when the source is not there; 400 when it is (in) the target, or one of both is a
        Docker repository; 409 when a folder is where a file is to go, or the reverse.
    """
    for at in (order.source, order.target):
        if store.repository(at.repo).is_docker:
            raise Refusal(400, f"'{at.repo}' is a Docker repository: images are copied by a Docker client.")
    with store.db.writing() as db:
        into = _destination(db, order)
        sources = [items.get(db, order.source), *items.below(db, order.source)]
        freed: set[str] = set()
        for item in sources:
            if not dry:
                freed |= _place(db, item, into, order.source, user)
            elif not item.is_folder:
                _check(db, _there(item.at, into, order.source))
        if order.moves and not dry:
            freed |= items.remove(db, order.source)
    content.sweep(store.db, store.files, freed)
    files = sum(not item.is_folder for item in sources)
    what = f"{files} artifacts and {len(sources) - files} folders"
    done = "would be" if dry else "were"
    return (
        f"{order.verb} {order.source} to {into} completed successfully, {what} {done} "
        f"{'moved' if order.moves else 'copied'}"
    )


def _destination(db: sqlite3.Connection, order: Transfer) -> ItemPath:
    source = items.get(db, order.source)
    found = items.find(db, order.target)
    into = order.target
    if found is not None and found.is_folder and not (source.is_folder and order.target.is_root):
        into = order.target.child(order.source.name) if not order.source.is_root else order.target
    if into.is_root and not source.is_folder:
        into = into.child(order.source.name)
    if order.source.holds(into):
        raise Refusal(400, f"'{order.source}' cannot go to '{into}': that is the item itself, or inside it.")
    return into


def _there(at: ItemPath, into: ItemPath, source: ItemPath) -> ItemPath:
    below = at.path[len(source.path) :].strip("/") if at != source else ""
    return into.child(below) if below else into


def _check(db: sqlite3.Connection, at: ItemPath) -> None:
    if (found := items.find(db, at)) is not None and found.is_folder:
        raise Refusal(409, f"Expected a file but found a folder: '{at}'")


def _place(db: sqlite3.Connection, item: items.Item, into: ItemPath, source: ItemPath, user: str) -> set[str]:
    at = _there(item.at, into, source)
    before = items.find(db, at)
    given = properties.of(db, item)
    if item.content is None:
        placed = items.ensure_folder(db, at, user)
        properties.put(db, [placed], given)
        return set()
    placed = items.put_file(db, at, item.content, user)
    properties.replace(db, placed, given)
    return {before.content.checksums.sha256} if before and before.content else set()
