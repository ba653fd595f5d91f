"""Where the command finds its servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.cli import settings
from slipway.flow.record import SlipwayError

LAB = """# written by the lab
export AIRFLOW_URL=http://127.0.0.1:8080/
export AIRFLOW_USER=admin
export AIRFLOW_PASSWORD='it is $HOME; `id` "quoted"'
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AIRFLOW_URL", "AIRFLOW_USER", "AIRFLOW_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".lab").mkdir()
    (tmp_path / ".lab" / "env").write_text(LAB)
    return tmp_path


def test_the_labs_file_is_found_from_below_and_expands_nothing(lab: Path) -> None:
    below = lab / "docs" / "decisions"
    below.mkdir(parents=True)
    login = settings.airflow(settings.environment(below))
    assert login == settings.Login("http://127.0.0.1:8080", "admin", 'it is $HOME; `id` "quoted"')


def test_a_file_never_names_the_server_that_this_process_logs_into(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_PASSWORD", "production password")
    assert "production password" not in settings.environment(lab).values()
    monkeypatch.setenv("AIRFLOW_URL", "https://airflow.example.org")
    assert settings.environment(lab)["AIRFLOW_URL"] == "https://airflow.example.org"


def test_options_stand_before_the_environment(lab: Path) -> None:
    login = settings.airflow(settings.environment(lab), "http://other:1", "someone")
    assert (login.url, login.user) == ("http://other:1", "someone")


def test_what_is_missing_is_named_with_the_cure() -> None:
    with pytest.raises(SlipwayError, match=r"AIRFLOW_USER, AIRFLOW_PASSWORD not set.*make lab-up"):
        settings.airflow({"AIRFLOW_URL": "http://127.0.0.1:8080"})


def test_a_login_does_not_show_its_password(lab: Path) -> None:
    assert "quoted" not in repr(settings.airflow(settings.environment(lab)))
