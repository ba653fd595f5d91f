"""A build's folders, and templates in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.packer.packer import Build
from slipway.packer.workplace import Workplace

Make = Callable[[str, str], Build]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    found = Workplace(tmp_path / "work", "slipway-build-shop-0123456789abcdef")
    with found.occupied():
        yield found


@pytest.fixture
def make(place: Workplace, tmp_path: Path) -> Iterator[Make]:
    """Make a build of a template with this name and content."""
    lock = (tmp_path / "lock").open("w")

    def made(name: str, content: str) -> Build:
        context = place.checkout / "files"
        context.mkdir(exist_ok=True)
        (context / name).write_text(content)
        return Build(context / name, context, place, lock.fileno())

    yield made
    lock.close()
