"""What ran where, as tasks report it to the API server and ask it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from slipway.apiserver.client import ask_history, ask_kept, report_released
from slipway.config import load_apps
from slipway.flow.deployment import Deployment
from slipway.flow.history import AppEnvironment
from slipway.flow.platforms import Platform
from slipway.flow.record import SlipwayError
from slipway.flow.retention.plan import ImageUses, judge
from slipway.flow.retention.promises import KeptPlace, RetentionRule, RulesOf, promises, rules
from slipway.pipelines.release.deployments import ran_in
from slipway.pipelines.release.promotion import release_of
from tests.flow import images
from tests.flow.builders import NOON
from tests.flow.builders import deployed as built_for

OLD, NEW, NEWEST = "octo/shop", "octo/store", "Octo/Emporium"
NAMES = (OLD, NEW, NEWEST)
APPS = """
version: 1
applications:
  Octo/Emporium:
    tenant: acme
    id: 41
    renamed_from: [octo/shop, octo/store]
    environments:
      production: {refs: [refs/heads/main], namespace: acme}
      staging: {refs: [], namespace: acme-staging}
"""

pytestmark = pytest.mark.usefixtures("server")


@pytest.fixture(autouse=True)
def empty(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No release, and the file after both renames."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM slipway_release"))
    (tmp_path / "apps.yaml").write_text(APPS)
    monkeypatch.setenv("SLIPWAY_APPS_FILE", str(tmp_path / "apps.yaml"))


def deployed(
    commit: str,
    minutes: int,
    repository: str = NEWEST,
    platform: Platform = "container",
    to: str = "production",
) -> Deployment:
    return built_for(commit, minutes, repository, platform, to)


def came(commits: str, repository: str = NEWEST, to: str = "production") -> None:
    """Have these commits released, one a minute."""
    for minutes, commit in enumerate(commits):
        report_released((), [deployed(commit, minutes, repository, to=to)])


def ran(commit: str = "") -> str:
    return "".join(one.past.push.commit[0] for one in ask_history([NEWEST], "production", commit))


def test_what_ran_is_told_the_last_first_and_once() -> None:
    assert ran() == ""
    came("abcb")
    assert ran() == "bca"
    [current, *_] = ask_history(["OCTO/emporium"], "production")
    assert (current.past.before[0], current.past.application) == ("a", "shop")
    assert current.deployments == {"container": deployed("b", 3)}
    assert ask_history([NEWEST], "staging") == ask_history(["octo/other"], "production") == []


def test_a_report_that_is_sent_again_changes_nothing() -> None:
    both = [deployed("b", 1), deployed("b", 1, platform="vm")]
    for _ in range(2):
        report_released((), [deployed("a", 0)])
    for _ in range(2):
        report_released((), both)
    newest, oldest = ask_history([NEWEST], "production")
    assert newest.deployments == {one.platform: one for one in both}
    assert (newest.past.before, oldest.past.before) == ("a" * 40, "")


def test_of_many_releases_some_are_told_and_what_going_back_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.pushes.releases.NEWEST", 2)
    came("abcdeb")
    assert ran() == "bea"  # b first came after a
    assert ran("c" * 40) == "beca"
    assert ran("0" * 40) == "bea"


def kept(good: int, days: float = -1) -> dict[str, tuple[str, str]]:
    """The first digits of commits that stay, by environment: the last ones, and the recent ones."""
    rule = RetentionRule(good=good, since=NOON - timedelta(days=days))
    other = RetentionRule(good=1, since=NOON + timedelta(days=1))
    found = ask_kept([RulesOf(names=NAMES, environments={"production": rule}, others=other)])

    def told(place: KeptPlace) -> tuple[str, str]:
        return "".join(one[0] for one in place.last), "".join(sorted(one[0] for one in place.recent))

    return {place.environment: told(place) for place in found}


def test_what_must_stay_of_each_environment_that_there_ever_was() -> None:
    assert kept(2) == {}
    came("abc")
    came("ad", OLD, to="gone")
    assert kept(2) == {"production": ("cb", ""), "gone": ("d", "")}
    came("abcb")
    assert kept(2) == {"production": ("bca", ""), "gone": ("d", "")}, "back from b leads to a"
    assert kept(1, days=1)["production"] == ("b", "abc")
    assert kept(1, days=-2 / 24 / 60)["production"] == ("b", "b")


def test_what_ran_before_a_rename_is_the_applications() -> None:
    for number, (commit, repository) in enumerate([("a", OLD), ("b", NEW), ("a", NEWEST)]):
        report_released(NAMES, [deployed(commit, number, repository)])
    found = ran_in(AppEnvironment(repository=NEWEST, environment="production"))
    assert [(one.past.push.commit[0], one.past.before[:1]) for one in found] == [("a", ""), ("b", "a")]


@pytest.mark.parametrize("asked", NAMES)
def test_what_runs_since_before_the_rename_is_promoted(asked: str) -> None:
    came("a", OLD)
    params = {"repository": asked, "promote_from": "production", "environment": "staging"}
    release = release_of(params, "alice")
    assert (release.push.repository, release.push.commit) == (NEWEST, "a" * 40)
    with pytest.raises(SlipwayError, match="no record of a deployment of Octo/Emporium to staging"):
        release_of(params | {"promote_from": "staging", "environment": "production"}, "alice")


def test_retention_keeps_what_was_released_under_the_old_name_and_lets_the_rest_go() -> None:
    came("a", OLD)
    apps = load_apps()
    stored = [
        images.image(number, platform="container", commits=[letter * 40], days=400).model_copy(
            update={"repository": repository}
        )
        for number, (letter, repository) in enumerate([("a", OLD), ("d", OLD), ("e", "octo/other")], 1)
    ]
    promised = promises(ask_kept(rules(apps, NOON)), apps)
    verdicts = judge(stored, ImageUses(NOON, apps, {}, promised, {}, frozenset({NEWEST.casefold()})))
    assert [one.keep for one in verdicts] == [True, False, True]
    assert verdicts[0].reason == "one of the last 5 releases of production"
    assert verdicts[2].reason == "octo/other is not in apps.yaml"
