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
    name, _, _ = image.reference.partition("/")[2].partition("@")
    return {
        "version": "1.0.1",
        "name": name.replace("/", " :: "),
        "number": f"{push.short_commit}{f'+{push.rebuild}' if push.rebuild else ''}",
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
                "type": "docker",
                "artifacts": [{"name": "manifest.json", "type": "json", **_sums(manifest)}],
                "dependencies": [
                    {"id": base.name, "type": "docker", "sha256": base.digest.removeprefix("sha256:")}
                    for base in image.bases
                ],
            }
        ],
    }


def _sums(checksums: Checksums) -> Mapping[str, str]:
    return {"sha256": checksums.sha256, "sha1": checksums.sha1, "md5": checksums.md5}
