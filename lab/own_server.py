"""Servers that are a package of the lab itself, such as ``python -m lab.git``."""

from __future__ import annotations

import sys

from lab.environment import inherited
from lab.ground import Ground
from lab.ports import HOST
from lab.process import Process


def own_server(ground: Ground, name: str, port: int, *options: str, **environment: str) -> Process:
    """Return the process of package ``lab.<name>``, which serves from ``.lab/<name>``.

    :param options: of its command line, besides address and folder.
    :param environment: its logins: no command line shows them.
    """
    paths = ground.paths
    return Process(
        name=name,
        command=[
            *(sys.executable, "-m", f"lab.{name}"),
            *("--host", HOST),
            *("--port", str(port)),
            *("--root", str(paths.state / name)),
            *options,
        ],
        paths=paths,
        environment=inherited(PYTHONPATH=str(paths.checkout), **environment),
    )
