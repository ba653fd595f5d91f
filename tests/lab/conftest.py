"""A lab's ground that is nobody's lab: for trying single servers and processes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.ground import Ground, ground_of
from lab.paths import Paths


@pytest.fixture
def ground(root: None, tmp_path: Path) -> Iterator[Ground]:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    paths = Paths(checkout=checkout, cache=tmp_path / "cache")
    paths.make()
    yield ground_of(paths)
    shutil.rmtree(paths.outside, ignore_errors=True)
