"""libvirt's Python bindings, which Nova imports: https://pypi.org/project/libvirt-python/

They are compiled against the machine's libvirt, and kept apart from OpenStack's own environment, which labs
without a hypervisor share.
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from pathlib import Path

from lab.command import run
from lab.environment import inherited
from lab.openstack.distribution import Distribution

VERSION = "12.8.0"
TOOLS = ("gcc", "libc6-dev", "libvirt-dev", "pkg-config")


def packages() -> tuple[str, ...]:
    """Return Debian's packages that the compilation needs, with Python's headers where these are Debian's."""
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return TOOLS if headers.exists() else (*TOOLS, "python3-dev")


def bindings(distribution: Distribution) -> Path:
    """Return the folder of the bindings, for ``PYTHONPATH``."""
    return distribution.paths.cache / f"libvirt-python-{VERSION}-{sys.implementation.cache_tag}"


def make_bindings(distribution: Distribution, log: Path) -> None:
    """Compile them unless they are there: 5 s.

    :raises LabError: when that fails.
    """
    target = bindings(distribution)
    if target.exists():
        return
    environment = {name: value for name, value in inherited().items() if name != "VIRTUAL_ENV"}
    install = [str(distribution.uv()), "pip", "install", "--no-deps", "--compile-bytecode"]
    with tempfile.TemporaryDirectory(dir=distribution.paths.cache) as folder:
        made = Path(folder, "bindings")
        place = ["--python", distribution.program("python"), "--target", str(made)]
        wanted = f"libvirt-python=={VERSION}"
        run([*install, *place, wanted], log=log, environment=environment, seconds=600)
        made.rename(target)
