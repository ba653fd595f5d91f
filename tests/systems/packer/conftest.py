"""A build's folders, and templates in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.packer.packer import PackerBuild
from slipway.packer.workplace import PackerWorkplace

Make = Callable[[str, str], PackerBuild]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[PackerWorkplace]:
    found = PackerWorkplace(tmp_path / "work", "slipway-build-shop-0123456789abcdef")
    with found.occupied():
        yield found


@pytest.fixture
def make(place: PackerWorkplace, tmp_path: Path) -> Iterator[Make]:
    """Make a build of a template with this name and content."""
    lock = (tmp_path / "lock").open("w")

    def made(name: str, content: str) -> PackerBuild:
        context = place.checkout / "files"
        context.mkdir(exist_ok=True)
        (context / name).write_text(content)
        return PackerBuild(context / name, context, place, lock.fileno())

    yield made
    lock.close()
