"""Images pushed to the lab's registry over its HTTP API."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import httpx

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@dataclass(frozen=True)
class Images:
    """Image repository ``name`` of the registry, and pushes to it as a Docker client does them."""

    registry: httpx.Client
    name: str

    def push(self, tag: str, content: bytes = b"layer", labels: dict[str, str] | None = None) -> str:
        """Push an image of one layer; return its manifest's digest."""
        layer = self._blob(content)
        about = {"rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
        config = self._blob(json.dumps(about | ({"config": {"Labels": labels}} if labels else {})).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config | {"mediaType": CONFIG},
            "layers": [layer | {"mediaType": LAYER}],
        }
        answer = self.registry.put(
            f"/v2/{self.name}/manifests/{tag}", json=manifest, headers={"Content-Type": MANIFEST}
        )
        return str(answer.raise_for_status().headers["Docker-Content-Digest"])

    def find_digest(self, tag: str) -> str | None:
        """Return what a tag names, or None."""
        answer = self.registry.head(f"/v2/{self.name}/manifests/{tag}", headers={"Accept": MANIFEST})
        return answer.headers["Docker-Content-Digest"] if answer.status_code == 200 else None

    def _blob(self, content: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        upload = self.registry.post(f"/v2/{self.name}/blobs/uploads/").raise_for_status()
        place = httpx.URL(upload.headers["Location"]).copy_merge_params({"digest": digest})
        self.registry.put(place, content=content).raise_for_status()
        return {"digest": digest, "size": len(content)}
