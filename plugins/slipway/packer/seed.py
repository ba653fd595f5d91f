"""The login of one build's machine: a key pair of its own, and a NoCloud seed that brings it there.

Cloud images accept no login until a seed names a key. The key serves one build and is gone with its folder.
https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
"""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def write_seed(folder: Path, key: Path, name: str) -> None:
    """Make a key pair: the private half goes to ``key``, the public one into a seed in ``folder``.

    :param name: of the machine, for itself.
    """
    pair = Ed25519PrivateKey.generate()
    private = pair.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = pair.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    key.parent.mkdir(parents=True, exist_ok=True)
    key.touch(mode=0o600)
    key.write_bytes(private)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meta-data").write_text(json.dumps({"instance-id": name, "local-hostname": name}))
    (folder / "user-data").write_text("#cloud-config\n" + json.dumps({"ssh_authorized_keys": [public]}))
