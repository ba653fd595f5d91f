"""What an installation of Airflow lacks is said, with why and the cure."""

from __future__ import annotations

from configparser import ConfigParser
from types import SimpleNamespace

import pytest

from slipway import installation
from slipway.installation import ASSET_MANAGER, lacking


def configured(manager: str, late: int) -> ConfigParser:
    found = ConfigParser()
    found.read_dict(
        {"core": {"asset_manager_class": manager}, "workers": {"min_heartbeat_interval": str(late)}}
    )
    return found


@pytest.mark.parametrize(
    ("manager", "late", "said"),
    [
        ("airflow.assets.manager.AssetManager", 1, []),
        (ASSET_MANAGER, 1, ["does nothing any more: remove [core] asset_manager_class"]),
        ("", 3, ["noticed 3 s late"]),
        (ASSET_MANAGER, 3, ["remove [core] asset_manager_class", "noticed 3 s late"]),
    ],
)
def test_what_is_lacking_is_named(manager: str, late: int, said: list[str]) -> None:
    found = list(lacking(configured(manager, late)))
    assert len(found) == len(said)
    assert all(part in line for part, line in zip(said, found, strict=True))


def test_airflow_as_it_is_installed_lacks_one() -> None:
    """Airflow still has this setting, with its own default."""
    from airflow.configuration import conf

    assert ["noticed 5 s late" in line for line in lacking(conf)] == [True]


def test_only_the_scheduler_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.jobs.job import Job

    from slipway import preloading
    from slipway.listeners.components import on_starting

    told: list[str] = []
    monkeypatch.setattr(installation, "warn", lambda: told.append("warned"))
    monkeypatch.setattr(preloading, "preload", lambda: told.append("preloaded"))
    on_starting(Job(job_type="TriggererJob"))
    on_starting(Job(job_type="SchedulerJob"))
    on_starting(SimpleNamespace())
    assert told == ["preloaded", "warned", "preloaded"]
