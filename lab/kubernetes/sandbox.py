"""The image of a pod's sandbox: a container that holds the pod's network, and sleeps.

https://github.com/opencontainers/image-spec/blob/v1.0.2/image-layout.md
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from lab.command import run
from lab.kubernetes.layout import Layout

SANDBOX_IMAGE = "slipway.lab/sandbox:1"
BUSYBOX = Path("/bin/busybox")  # Debian's busybox-static
COMMAND = ["/busybox", "sleep", "2147483647"]


def ensure_sandbox_image(layout: Layout) -> None:
    """Give the node's containerd the image, unless it has it.

    :raises LabError: when containerd does not take it.
    """
    if SANDBOX_IMAGE in ctr(layout, "images", "list", "--quiet").split():
        return
    archive = layout.folder / "sandbox.tar"
    archive.write_bytes(sandbox_archive(BUSYBOX.read_bytes()))
    ctr(layout, "images", "import", str(archive))
    archive.unlink()


def ctr(layout: Layout, *arguments: str) -> str:
    """Run containerd's own client on the part of it that is the kubelet's.

    :raises LabError: when it fails.
    """
    program = str(layout.programs.containerd / "ctr")
    return run(
        [program, f"--address={layout.containerd_socket}", "--namespace=k8s.io", *arguments], seconds=60
    )


def sandbox_archive(program: bytes) -> bytes:
    """Return the image with ``program`` as its busybox, in the layout that containerd imports."""
    layer = _tar({"busybox": (program, 0o755)})
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": COMMAND},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}"]},
        }
    )
    kind = "application/vnd.oci.image"
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": _descriptor(f"{kind}.config.v1+json", config),
            "layers": [_descriptor(f"{kind}.layer.v1.tar", layer)],
        }
    )
    named = _descriptor(f"{kind}.manifest.v1+json", manifest) | {
        "annotations": {"io.containerd.image.name": SANDBOX_IMAGE}
    }
    blobs = {f"blobs/sha256/{_digest(blob)}": (blob, 0o644) for blob in (layer, config, manifest)}
    index = _json({"schemaVersion": 2, "manifests": [named]})
    return _tar(
        {"oci-layout": (b'{"imageLayoutVersion": "1.0.0"}', 0o644), "index.json": (index, 0o644), **blobs}
    )


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, (data, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def _descriptor(kind: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": kind, "size": len(blob), "digest": f"sha256:{_digest(blob)}"}


def _digest(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True).encode()
