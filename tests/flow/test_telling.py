"""What is told of runs that ended: whether, as which incident, and in which words."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser

import pytest

from slipway.flow import note, telling
from slipway.flow.apps import Apps
from slipway.flow.ended import Account, news
from slipway.flow.image import Built
from slipway.flow.incident import labels_over
from slipway.flow.message import Message
from slipway.jira.markup import markup as jira
from slipway.notices.mail import html
from slipway.notices.slack import markup as slack
from tests.flow.builders import DIGEST, NOON, image, push
from tests.flow.ends import COMMIT, LINK, ended, incident

LATER, EARLIER = NOON + timedelta(hours=1), NOON - timedelta(hours=1)


def test_every_failure_is_news_and_the_first_success_after_one() -> None:
    failed, again = ended(run_id="1"), ended(run_id="2")
    assert news(failed, None) == failed
    assert news(again, failed) == again
    good = ended(good=True, run_id="3")
    told = news(good, again)
    assert told is not None
    assert told.over == again
    assert news(ended(good=True, run_id="4"), told) is None
    assert news(good, None) is None
    assert news(ended(run_id="5"), told) is not None


def test_what_was_told_is_not_told_twice() -> None:
    failed = ended(run_id="1")
    assert news(failed, failed) is None
    assert news(ended(good=True, run_id="1"), failed) is not None, "cleared, and good now"


def test_a_success_of_an_older_push_ends_no_failure_of_a_newer_one() -> None:
    failed = ended(run_id="1", pushed_at=NOON)
    assert news(ended(good=True, run_id="2", pushed_at=EARLIER), failed) is None
    assert news(ended(good=True, run_id="2", pushed_at=LATER), failed) is not None


def test_a_key_fits_whatever_the_names_are() -> None:
    assert ended().key == "octo/shop@production+deploy"
    one, other = (
        ended("bare_metal_image", repository=f"{'o' * 100}/{'n' * 99}{last}", environment="e" * 40)
        for last in "xy"
    )
    assert len(one.key) == len(other.key) == 64
    assert one.key != other.key


def test_failures_of_one_kind_have_one_label() -> None:
    first = incident("node one is gone")
    assert first.label == incident("node two is gone", run_id="2", commit="b" * 40).label
    assert first.label == incident(repository="Octo/Shop").label, "GitHub does not count case"
    others = (
        incident(cause="outage"),
        incident(failed="vm.rollout"),
        incident(dag_id="vm_image"),
        incident(environment="staging"),
        incident(repository="octo/other"),
    )
    assert len({first.label, *(other.label for other in others)}) == 6
    assert set(first.labels) >= {"slipway", first.label}
    assert not any(" " in label for label in first.labels)


def test_a_success_ends_every_kind_of_its_own_dag_and_of_the_spec() -> None:
    over = set(labels_over(ended(good=True)))
    assert over & set(incident().labels)
    assert over & set(incident(cause="outage", failed="keep").labels)
    assert over & set(incident(cause="spec", dag_id="container_image").labels)
    assert not over & set(incident(dag_id="vm_image").labels)
    assert not over & set(incident(environment="staging").labels)


def test_a_title_is_one_line_of_bounded_length() -> None:
    assert incident("first\nsecond").title == "octo/shop (production): deployment failed: first"
    assert len(incident("x" * 1000).title) == 200
    assert incident("").title.endswith("no reason given")


def test_a_failure_says_what_where_and_why() -> None:
    told = telling.failure(
        incident("no room. Ask for more", failed="vm.rollout keep", lines=("one", "two")), LINK
    )
    for text in (jira(told), html(told), slack(told)):
        for word in ("octo/shop", "production", COMMIT, "vm.rollout", "no room. Ask for more", LINK):
            assert word in text.replace("\\", "")
    assert "two" in jira(told)
    assert "Failed afterwards: keep" in jira(told)


def test_foreign_text_stays_text() -> None:
    hostile = "<script>alert(1)</script> {noformat} h1. {{ conn.slipway_github.password }} <!channel> ```"
    told = Message("a <b>", (("Ref", "*x* {color:red}"),), LINK, hostile, (hostile,))
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)

    Reader().feed(html(told))
    assert {"script", "b"} & set(tags) == {"b"}
    assert "<!channel>" not in slack(told)
    assert slack(told).count("```") == 2
    assert jira(told).count("{noformat}") == 4
    assert r"\*x\* \{color:red\}" in jira(told)


@pytest.mark.parametrize("cause", ["spec", "rule", "outage", "timeout", "defect", "lost"])
def test_every_cause_has_words(cause: str) -> None:
    assert telling.CAUSES[cause]


def test_a_message_has_a_bounded_length() -> None:
    told = Message("t", (), LINK, "x" * 50_000, ("y" * 300,) * 25)
    assert len(jira(told)) < 32_767
    assert len(slack(told)) < 4_000


def test_a_run_that_takes_long_is_named() -> None:
    told = telling.late("vm_image", "octo/shop", COMMIT, "2030-01-02 12:00 UTC", LINK)
    assert told.title == "octo/shop: VM image takes too long"
    assert COMMIT in html(told)


def test_a_recovery_says_what_failed_before() -> None:
    over = ended(commit="b" * 40)
    told = telling.recovery(ended(good=True, over=over), LINK)
    assert told.title == "octo/shop (production): deployment succeeds again"
    assert "b" * 40 in slack(told)


def test_a_note_says_what_was_built() -> None:
    built = Built(push=push(), platform="container", image=image())
    assert note.of_build(built.to_json()) == f"shop at aaaaaaaaaaaa: built, {DIGEST}"
    assert "unchanged" in note.of_build(built.model_copy(update={"reused": True}).to_json())
    nothing = built.model_copy(update={"image": None})
    assert note.of_build(nothing.to_json()) == "aaaaaaaaaaaa: nothing declared for this platform"
    assert note.of_build(None) == ""


def test_a_note_says_what_was_deployed() -> None:
    event = {
        "push": push().to_json(),
        "application": "shop",
        "environment": "production",
        "platform": "container",
        "image": image().to_json(),
        "where": "acme/deployment/shop",
        "since": NOON.isoformat(),
    }
    vm = {**event, "platform": "vm"}
    assert note.of_deployments([vm, event]) == "shop at aaaaaaaaaaaa in production: container, vm"
    assert "nothing was deployed" in note.of_deployments([])


def test_a_note_says_where_a_run_failed() -> None:
    said = Account(cause="rule", error="no room\nand more")
    assert note.of_failure("vm.rollout", said) == "failed at vm.rollout: no room"
    assert note.of_failure("build", None) == "failed at build: see its log"
    assert note.of_failure("", None) == "failed: see its log"
    assert len(note.of_failure("build", Account(cause="rule", error="x" * 900))) == note.LENGTH


@pytest.mark.parametrize(
    ("note_before", "reason"),
    [
        (
            note.of_failure("vm.rollout", Account(cause="rule", error="no room: ask\nand more")),
            "no room: ask",
        ),
        (note.over("failed at x: y", note.of_failure("", Account(cause="rule", error="no room"))), "no room"),
        (note.of_failure("build", None), "see its log"),
        ("shop at aaaaaaaaaaaa: built", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_reason_is_read_back_from_a_note(note_before: str | None, reason: str) -> None:
    assert note.reason_of(note_before) == reason


def test_a_note_says_from_the_start_for_whom_a_run_is() -> None:
    ref, commit = "refs/heads/main", "a" * 40
    assert note.of_start("octo/shop", ref, commit, "") == "octo/shop: aaaaaaaaaaaa of refs/heads/main"
    assert (
        note.of_start("octo/shop", ref, "", "production")
        == "octo/shop to production: the newest commit of refs/heads/main"
    )
    assert (
        note.of_start("octo/shop", ref, "", "production", "staging")
        == "octo/shop to production: what staging runs"
    )
    assert len(note.of_start("octo/shop", "refs/heads/" + "x" * 500, commit, "")) == note.LENGTH


def test_a_note_that_is_there_stays_below_the_outcome() -> None:
    assert note.over(None, "built") == "built"
    assert note.over("started by Ann", "built") == "built\nstarted by Ann"
    assert note.over("built\nstarted by Ann", "built") == "built\nstarted by Ann"
    assert note.over("mine", "") == "mine"
    assert len(note.over("x" * 1000, "built")) == note.MOST


def test_who_is_told_is_read_from_apps_yaml() -> None:
    apps = Apps.from_json(
        {
            "version": 1,
            "applications": {
                "octo/shop": {
                    "tenant": "shop",
                    "environments": {"production": {"refs": ["refs/heads/main"], "namespace": "shop"}},
                    "notify": {"email": ["team@example.org"]},
                    "tickets": {"project": "OPS"},
                }
            },
        }
    )
    app = apps.get("octo/shop")
    assert app.tickets is not None
    assert app.tickets.issue_type == "Bug"
    assert app.notify is not None
    assert app.notify.on == ("failure", "recovery", "late")


def test_a_note_says_what_a_run_waits_for_until_it_goes() -> None:
    start = "octo/shop to production: abc of refs/heads/main"
    waits = note.of_turn(start, "production is frozen until noon (x)")
    assert waits == f"waits: production is frozen until noon (x)\n{start}"
    assert note.waits_for(waits) == "production is frozen until noon (x)"
    assert note.of_turn(waits, "production is frozen until noon (x)") == waits
    longer = note.of_turn(waits, "production is frozen until ten (x)")
    assert longer == f"waits: production is frozen until ten (x)\n{start}"
    let = note.of_turn(longer, let="let through by alice at noon: hotfix")
    assert let == note.of_turn(let, let="let through by alice at noon: hotfix")
    assert let == f"let through by alice at noon: hotfix\n{start}"
    assert (note.of_turn(longer), note.of_turn(None)) == (start, "")
    assert note.waits_for(start) == note.waits_for(None) == note.waits_for(note.over(waits, "failed")) == ""
    assert len(note.of_turn("", "x" * 500)) == note.LENGTH
