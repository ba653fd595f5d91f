"""Docker's programs: Debian 13's, unpacked beside the machine's own packages; ``runc`` is the machine's.

They are linked into one folder, which stands first on the engine's PATH: BuildKit takes the first ``runc``
that it finds there, whatever the engine's default runtime is.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from lab.archive.fetch import fetch, is_fetched
from lab.archive.pins import DOCKER, read_pins
from lab.engine.runtime import lacks_resource_capability, write_runtime
from lab.server import LabError

PACKAGES = ("runc", "tini", "iptables", "iproute2")
"""The machine's own, which Docker's programs call."""
PROGRAMS = {
    "docker.io": ("usr/sbin/dockerd", "usr/sbin/docker-proxy"),
    "containerd": ("usr/bin/containerd", "usr/bin/containerd-shim-runc-v2", "usr/bin/ctr"),
    "docker-cli": ("usr/bin/docker",),
}
PLUGINS = ("docker-buildx", "docker-compose")
PLUGINS_FOLDER = "usr/libexec/docker/cli-plugins"
INIT = Path("/usr/bin/tini-static")
"""Of Debian's package tini: what a container with ``--init`` starts with."""

CLIENT = """\
#!/bin/sh
# Docker's client with buildx and compose, for the lab's engine; a login is kept below {config}.
: "${{DOCKER_HOST:={host}}}" "${{DOCKER_CONFIG:={config}}}"
export DOCKER_HOST DOCKER_CONFIG
exec {program} "$@"
"""


def fetch_programs(cache: Path, log: Path) -> dict[str, Path]:
    """Return the unpacked packages' folders by name; fetched once, which is said.

    :raises LabError: when one cannot be fetched.
    """
    if not all(is_fetched(name, cache) for name in DOCKER):
        version = read_pins()["docker.io"].version.partition("+")[0]
        print(f"engine: fetching Docker {version} from Debian 13's archive, 90 MB, once", flush=True)
    return {name: fetch(name, cache, log) for name in DOCKER}


def link_programs(packages: Mapping[str, Path], folder: Path) -> None:
    """Fill ``folder`` with the engine's programs, ``runc`` among them.

    :raises LabError: when the machine has no runc.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for package, programs in PROGRAMS.items():
        for program in programs:
            _link(folder, packages[package] / program)
    if INIT.exists():
        (folder / "docker-init").symlink_to(INIT)
    if lacks_resource_capability():
        write_runtime(folder / "runc")
        return
    runc = shutil.which("runc")
    if runc is None:
        raise LabError("runc is not on PATH; install Debian's package runc")
    _link(folder, Path(runc))


def write_client(program: Path, packages: Mapping[str, Path], host: str, config: Path) -> None:
    """Write ``program``: Docker's client, which talks to ``host`` and has its plug-ins.

    Its settings and logins are in ``config``; ``~/.docker``, which is the user's, is left alone.
    """
    settings = config / "config.json"
    config.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = json.loads(settings.read_text()) if settings.exists() else {}
    known["cliPluginsExtraDirs"] = [str(packages[name] / PLUGINS_FOLDER) for name in PLUGINS]
    settings.write_text(json.dumps(known, indent=1))
    program.parent.mkdir(exist_ok=True)
    docker = packages["docker-cli"] / "usr/bin/docker"
    program.write_text(CLIENT.format(**_quoted(host=host, config=str(config), program=str(docker))))
    program.chmod(0o755)


def _link(folder: Path, program: Path) -> None:
    (folder / program.name).symlink_to(program)


def _quoted(**values: str) -> dict[str, str]:
    return {name: shlex.quote(value) for name, value in values.items()}
