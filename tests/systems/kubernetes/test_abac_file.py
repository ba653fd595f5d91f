"""The ABAC file on disk: replaced whole, or left as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slipway.flow.tenancy import abac
from slipway.flow.tenancy.abac import AbacError
from slipway.kubernetes.errors import ClusterError
from slipway.kubernetes.tenancy import abac_file

TEXT = abac.render((), discovery=True)


def test_a_file_is_written_with_its_folder_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "abac.jsonl"
    assert abac_file.read(path) is None
    abac_file.write(path, TEXT)
    assert path.read_text() == TEXT
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_files_mode_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "abac.jsonl"
    path.touch()
    path.chmod(0o640)
    abac_file.write(path, TEXT)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_kubernetes_would_refuse_leaves_the_last_good_one(tmp_path: Path) -> None:
    path = tmp_path / "abac.jsonl"
    abac_file.write(path, TEXT)
    with pytest.raises(AbacError, match="The last valid file is kept"):
        abac_file.write(path, "{}\n")
    assert path.read_text() == TEXT


def test_a_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "abac.jsonl"
    path.mkdir()
    (path / "in the way").touch()
    with pytest.raises(ClusterError, match="cannot be written"):
        abac_file.write(path, TEXT)
    assert os.listdir(tmp_path) == [path.name]
    with pytest.raises(ClusterError, match="cannot be read"):
        abac_file.read(path)


def test_lines_are_compared_by_how_often_they_are_there() -> None:
    found = abac_file.compare("a\nb\nb\n", "b\nc\n")
    assert (found.before, found.added, sorted(found.removed)) == (3, ("c",), ["a", "b"])
    assert not abac_file.compare("a\n", "a\n")
    assert abac_file.compare(None, "")
