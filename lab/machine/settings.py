"""What of this machine's settings a machine inside it needs to reach the same package registries."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from lab import debian
from lab.command import run
from lab.host import RELEASES

TRUST = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/usr/local/share/ca-certificates"))
PIP = Path("/etc/pip.conf")
VARIABLES = re.compile(
    r"(?i)(https?|no|all)_proxy|pip_\w+|uv_\w+|go(proxy|sumdb|nosumdb|flags)"
    r"|(ssl|curl|requests|pip)_\w*(cert|ca)\w*"
)
"""Names of the variables that say where packages come from, and whom to trust there."""
APT = re.compile(r"(?m)^Acquire::(?:https?|Retries)\b.*;$")


def write_settings(release: str, folder: Path) -> None:
    """Write the files that the machine is to have, below ``folder`` as below its root."""
    _write(folder / "etc/apt/sources.list.d/debian.sources", apt_sources(release))
    _write(folder / "etc/apt/apt.conf.d/99host", "\n".join(APT.findall(run(["apt-config", "dump"]))) + "\n")
    for path in (*TRUST, PIP):
        target = folder / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, symlinks=True)
        elif path.exists():
            shutil.copy(path, target)


def apt_sources(release: str, apt: Path = debian.APT) -> str:
    """Return apt's sources for ``release``: this machine's archive, and security updates if it has those."""
    stanza = "Types: deb\nURIs: {}\nSuites: {}\nComponents: main\nSigned-By: {}\n"
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    found = [stanza.format(debian.archive(release, apt), f"{release} {release}-updates", keyring)]
    if security := debian.find_address([f"{name}-security" for name in (release, *RELEASES)], apt):
        found.append(stanza.format(security, f"{release}-security", keyring))
    return "\n".join(found)


def variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return those of this process's variables that its programs need there, too."""
    return {name: value for name, value in environment.items() if VARIABLES.fullmatch(name)}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
