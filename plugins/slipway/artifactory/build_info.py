"""Build-info: which run made which image from what. Pure.

https://github.com/jfrog/build-info (its JSON schema)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slipway.artifactory.catalogue import Checksums
from slipway.flow.image import Image
from slipway.flow.push import PushEvent


def document(
    push: PushEvent, image: Image, manifest: Checksums, started: datetime, run_url: str, source: str
) -> dict[str, Any]:
    """Return the document of one run of ``container_image``.

    :param manifest: of the image's manifest, as Artifactory computed them.
    :param started: when the run started.
    :param run_url: where a person finds the run.
    :param source: the repository's address.
    """
    module = {
        "type": "docker",
        "artifacts": [{"name": "manifest.json", "type": "json", **_sums(manifest)}],
    }
    return _document(push, image, module, started, run_url, source)


def document_of_files(
    push: PushEvent,
    image: Image,
    files: Mapping[str, Checksums],
    started: datetime,
    run_url: str,
    source: str,
) -> dict[str, Any]:
    """Return the document of one run of a pipeline that makes files: the image, and what belongs to it.

    :param files: checksums by path, as Artifactory computed them.
    """
    module = {
        "type": "generic",
        "artifacts": [
            {"name": path.rpartition("/")[2], "type": path.rpartition(".")[2], **_sums(sums)}
            for path, sums in files.items()
        ],
    }
    return _document(push, image, module, started, run_url, source)


def build_of(push: PushEvent, image: Image) -> tuple[str, str]:
    """Return name and number of the build that handed an image on for a push."""
    if image.platform == "container":
        place = image.reference.partition("/")[2].partition("@")[0]
    else:
        place = "/".join(image.reference.split("/")[:4])  # KEY/TENANT/APPLICATION/PLATFORM
    number = f"{push.short_commit}{f'+{push.rebuild}' if push.rebuild else ''}"
    return place.replace("/", " :: "), number


def _document(
    push: PushEvent,
    image: Image,
    module: Mapping[str, Any],
    started: datetime,
    run_url: str,
    source: str,
) -> dict[str, Any]:
    name, number = build_of(push, image)
    return {
        "version": "1.0.1",
        "name": name,
        "number": number,
        "type": "GENERIC",
        "agent": {"name": "Slipway", "version": ""},
        "buildAgent": {"name": "Slipway", "version": ""},
        "started": started.strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{started.microsecond // 1000:03d}"
        + f"{started:%z}",
        "url": run_url,
        "vcs": [{"revision": push.commit, "url": source, "branch": push.ref.removeprefix("refs/heads/")}],
        "modules": [
            {
                "id": f"{image.application}:{push.commit}",
                **module,
                "dependencies": [
                    {"id": base.name, "type": module["type"], "sha256": base.digest.removeprefix("sha256:")}
                    for base in image.bases
                    if base.digest.startswith("sha256:")
                ],
            }
        ],
    }


def _sums(checksums: Checksums) -> Mapping[str, str]:
    return {"sha256": checksums.sha256, "sha1": checksums.sha1, "md5": checksums.md5}
