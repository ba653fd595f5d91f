"""What one service is: how it is configured, how its tables are made, what it is given at first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lab.openstack.cloud import Cloud
from lab.openstack.settings import Settings


def nothing(_: Cloud) -> None:
    """Give the service nothing."""


@dataclass(frozen=True)
class Kind:
    """One of OpenStack's services.

    ``file`` is the name of its settings, ``variables`` tells it where they are, ``tables`` are the programs
    that make its database, ``seed`` gives it what people expect of a cloud and may run any number of times;
    ``clear`` takes away what that put outside of ``.lab``. ``module`` is run with
    the service's name and port.
    """

    name: str
    needs: tuple[str, ...]
    file: str
    variables: Callable[[Cloud], Mapping[str, str]]
    settings: Callable[[Cloud], Settings]
    tables: Callable[[Cloud], Sequence[Sequence[str]]]
    seed: Callable[[Cloud], None] = nothing
    clear: Callable[[Cloud], None] = nothing
    exports: Callable[[Cloud], Mapping[str, str]] = field(default=lambda _: {})
    packages: tuple[str, ...] = ()
    module: str = "lab.openstack.inside"
