"""The fields of AQL's item domain: https://docs.jfrog.com/artifactory/docs/aql-entities-and-fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lab.artifactory.items import Content, Item
from lab.artifactory.property_syntax import Properties


@dataclass(frozen=True)
class Field:
    """A field: where it is in SQL (``i`` items, ``c`` content), what it holds, how results show it."""

    column: str
    holds: Literal["text", "number", "time"]
    read: Callable[[Item], Any]


def _content(read: Callable[[Content], Any]) -> Callable[[Item], Any]:
    return lambda item: read(item.content) if item.content else None


DEFAULT = {
    "repo": Field("i.repo", "text", lambda item: item.at.repo),
    "path": Field("i.path", "text", lambda item: item.at.folder),
    "name": Field("i.name", "text", lambda item: item.at.name),
    "type": Field("i.type", "text", lambda item: "folder" if item.is_folder else "file"),
    "size": Field("coalesce(c.size, 0)", "number", lambda item: item.content.size if item.content else 0),
    "created": Field("i.created", "time", lambda item: item.created),
    "created_by": Field("i.created_by", "text", lambda item: item.created_by),
    "modified": Field("i.modified", "time", lambda item: item.modified),
    "modified_by": Field("i.modified_by", "text", lambda item: item.modified_by),
    "updated": Field("i.updated", "time", lambda item: item.updated),
}
"""What results show when the query does not say."""

ITEM = DEFAULT | {
    "depth": Field("i.depth", "number", lambda item: item.at.depth),
    "sha256": Field("i.sha256", "text", _content(lambda content: content.checksums.sha256)),
    "actual_sha1": Field("c.sha1", "text", _content(lambda content: content.checksums.sha1)),
    "actual_md5": Field("c.md5", "text", _content(lambda content: content.checksums.md5)),
    "original_sha1": Field(
        "json_extract(i.original, '$.sha1')", "text", _content(lambda content: content.original.get("sha1"))
    ),
    "original_md5": Field(
        "json_extract(i.original, '$.md5')", "text", _content(lambda content: content.original.get("md5"))
    ),
}
"""Every field of an item."""

STATS = {
    # A file that was never fetched has no downloads (null), not 0 of them.
    "stat.downloads": Field("nullif(i.downloads, 0)", "number", lambda item: item.downloads),
    "stat.downloaded": Field("i.downloaded", "time", lambda item: item.downloaded),
    "stat.downloaded_by": Field("i.downloaded_by", "text", lambda item: item.downloaded_by),
}
"""What is known of a file's downloads."""

SEARCHABLE = ITEM | STATS


@dataclass(frozen=True)
class Output:
    """What each result shows."""

    fields: tuple[str, ...] = tuple(DEFAULT)
    stats: tuple[str, ...] = ()
    properties: frozenset[str] | None = frozenset()
    """Names of the properties shown; None for all."""

    def show(self, item: Item, found: Properties) -> dict[str, Any]:
        """Return one result."""
        values = {name: ITEM[name].read(item) for name in self.fields}
        shown = {name: value for name, value in values.items() if value is not None}
        if self.stats:
            stats = {name.removeprefix("stat."): STATS[name].read(item) for name in self.stats}
            shown["stats"] = [{name: value for name, value in stats.items() if value is not None}]
        pairs = [
            {"key": name, "value": value}
            for name, values in found.items()
            for value in values
            if self.properties is None or name in self.properties
        ]
        return shown | ({"properties": pairs} if pairs else {})
