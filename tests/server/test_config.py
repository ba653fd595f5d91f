"""Finding and reading apps.yaml."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slipway.config import apps_file, include_dir, load_apps
from slipway.flow.document import DocumentError
from slipway.flow.record import SlipwayError

APPS = """\
version: 1
applications:
  octo/{name}:
    tenant: demo
    environments: {{production: {{refs: [refs/heads/main], namespace: demo}}}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "apps.yaml"
    path.write_text(APPS.format(name="one"))
    monkeypatch.setenv("SLIPWAY_APPS_FILE", str(path))
    return path


def test_committed_allow_list_is_read(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLIPWAY_APPS_FILE", raising=False)
    monkeypatch.delenv("SLIPWAY_INCLUDE", raising=False)
    assert include_dir() == checkout / "include"
    assert load_apps().applications


def test_include_can_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLIPWAY_APPS_FILE", raising=False)
    monkeypatch.setenv("SLIPWAY_INCLUDE", str(tmp_path))
    assert apps_file() == tmp_path / "apps.yaml"


def test_file_is_read_again_when_it_changed(file: Path) -> None:
    assert load_apps() is load_apps()
    file.write_text(APPS.format(name="two"))
    os.utime(file, ns=(1, 1))
    assert list(load_apps().applications) == ["octo/two"]


def test_who_is_not_in_it_is_told_which_file_it_is(file: Path) -> None:
    with pytest.raises(SlipwayError) as caught:
        load_apps().get("octo/other")
    assert f"not in {file} (which has: octo/one). Add it there" in str(caught.value)


def test_broken_file_names_its_line(file: Path) -> None:
    file.write_text("version: 1\napplication: {}\n")
    with pytest.raises(
        DocumentError, match=r"apps.yaml:2: application: is not a field here; did you mean app"
    ):
        load_apps()


def test_missing_file_names_the_variable(file: Path) -> None:
    file.unlink()
    with pytest.raises(SlipwayError, match=r"cannot be read: No such file or directory.*SLIPWAY_APPS_FILE"):
        load_apps()


def test_huge_file_is_not_read_whole(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.truncate(10 * 1024**3)
    with pytest.raises(DocumentError, match="at most 262144"):
        load_apps()
