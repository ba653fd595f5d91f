"""A lab's ground that is nobody's lab: for trying single servers and processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.ground import Ground, ground_of
from lab.paths import Paths


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    paths = Paths(checkout=checkout, cache=tmp_path / "cache")
    paths.make()
    return ground_of(paths)
