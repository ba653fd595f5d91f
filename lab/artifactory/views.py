"""Items as the API shows them in JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lab.artifactory import clock
from lab.artifactory.item_path import ItemPath
from lab.artifactory.items import Content, Item

_STORAGE = "application/vnd.org.jfrog.artifactory.storage"
FILE, FOLDER = f"{_STORAGE}.FileInfo+json", f"{_STORAGE}.FolderInfo+json"
CREATED, LIST = f"{_STORAGE}.ItemCreated+json", f"{_STORAGE}.FileList+json"
STATS, MODIFIED = f"{_STORAGE}.StatsInfo+json", f"{_STORAGE}.ItemLastModified+json"
PROPERTIES, MOVED = f"{_STORAGE}.ItemProperties+json", f"{_STORAGE}.CopyOrMoveResult+json"


def storage_uri(base: str, at: ItemPath) -> str:
    """Return the address of an item's description."""
    return f"{base}/api/storage/{at.url()}"


def info(base: str, item: Item, children: Iterable[Item] = ()) -> dict[str, Any]:
    """Describe a file, or a folder with its children: https://jfrog.com/help/r/jfrog-rest-apis/file-info."""
    shown = {
        "repo": item.at.repo,
        "path": item.at.uri_path,
        "created": item.created,
        "createdBy": item.created_by,
        "lastModified": item.modified,
        "modifiedBy": item.modified_by,
        "lastUpdated": item.updated,
        "uri": storage_uri(base, item.at),
    }
    if item.content is None:
        return shown | {"children": [_child(child) for child in children]}
    return shown | _file(base, item.at, item.content)


def created(base: str, item: Item) -> dict[str, Any]:
    """Describe what was deployed: https://jfrog.com/help/r/jfrog-rest-apis/deploy-artifact."""
    shown = {
        "repo": item.at.repo,
        "path": item.at.uri_path,
        "created": item.created,
        "createdBy": item.created_by,
        "uri": f"{base}/{item.at.url()}",
    }
    return shown | (_file(base, item.at, item.content) if item.content else {"children": []})


def listing(base: str, folder: Item, found: Iterable[Item]) -> dict[str, Any]:
    """List ``found``, below ``folder``: https://jfrog.com/help/r/jfrog-rest-apis/file-list."""
    files = [_entry(folder.at, item) for item in found]
    return {"uri": storage_uri(base, folder.at), "created": clock.now(), "files": files}


def stats(base: str, item: Item) -> dict[str, Any]:
    """Say how often a file was fetched: https://jfrog.com/help/r/jfrog-rest-apis/file-statistics."""
    return {
        "uri": f"{base}/{item.at.url()}",
        "downloadCount": item.downloads,
        "lastDownloaded": clock.milliseconds(item.downloaded),
        **({"lastDownloadedBy": item.downloaded_by} if item.downloaded_by else {}),
        "remoteDownloadCount": 0,
        "remoteLastDownloaded": 0,
    }


def _file(base: str, at: ItemPath, content: Content) -> dict[str, Any]:
    return {
        "downloadUri": f"{base}/{at.url()}",
        "mimeType": content.mime,
        "size": str(content.size),
        "checksums": content.checksums.to_json(),
        "originalChecksums": dict(content.original),
    }


def _child(item: Item) -> dict[str, Any]:
    return {"uri": f"/{item.at.name}", "folder": item.is_folder}


def _entry(folder: ItemPath, item: Item) -> dict[str, Any]:
    below = item.at.path if folder.is_root else item.at.path[len(folder.path) + 1 :]
    entry = {"uri": f"/{below}", "size": -1, "lastModified": item.modified, "folder": item.is_folder}
    if item.content:
        checksums = item.content.checksums
        entry |= {"size": item.content.size, "sha1": checksums.sha1, "sha2": checksums.sha256}
    return entry
