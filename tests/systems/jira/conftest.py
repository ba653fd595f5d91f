"""The stand-in on a free port, with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.access import Login
from lab.jira.app import create_app
from lab.jira.settings import Settings
from tests.served import served

USER, TOKEN = "slipway", "a-token-of-the-test"


@pytest.fixture
def jira(tmp_path: Path) -> Iterator[Login]:
    """As Jira Server and Data Center."""
    with served(create_app(Settings(tmp_path / "jira", USER, TOKEN))) as url:
        yield Login(url, USER, TOKEN)


@pytest.fixture
def jira_cloud(tmp_path: Path) -> Iterator[Login]:
    """As Jira Cloud."""
    with served(create_app(Settings(tmp_path / "cloud", USER, TOKEN, cloud=True))) as url:
        yield Login(url, USER, TOKEN)
