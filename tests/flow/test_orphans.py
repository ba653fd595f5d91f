"""What is an orphan, and what must never be taken for one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.orphans import (
    LONGEST,
    OrphanVerdict,
    RunState,
    Trace,
    application_of,
    is_build_name,
    judge,
    named_runs,
    table,
)

NOW = datetime(2030, 1, 2, 12, tzinfo=UTC)
GRACE = timedelta(hours=2)
LIVES, OVER = RunState(lives=True), RunState(lives=False, ended=NOW - timedelta(hours=3))
RUNS = {"lives": LIVES, "over": OVER, "just over": RunState(lives=False, ended=NOW - timedelta(minutes=1))}


def trace(
    run: str = "", hours: float = 4, name: str = "thing", used_by: str = "", local: bool = False
) -> Trace:
    made = NOW - timedelta(hours=hours)
    return Trace(
        place="cloud",
        kind="server",
        id=f"{name}-{run}",
        name=name,
        run=run,
        made=made,
        used_by=used_by,
        local=local,
    )


def verdict(*traces: Trace, grace: timedelta = GRACE) -> OrphanVerdict:
    """What is decided about the first of them."""
    return judge(traces, RUNS, NOW, grace)[0]


@pytest.mark.parametrize(
    ("found", "orphan", "reason"),
    [
        (trace("over"), True, "run over has ended"),
        (trace("lives"), False, "run lives is under way"),
        (trace("lives", hours=2000), False, "run lives is under way"),
        (trace("just over"), False, "run just over ended less than 2 h ago"),
        (trace("over", hours=1), False, "run over ended less than 2 h ago"),
        (trace("elsewhere"), False, "run elsewhere is not known here, and it is younger than 50 h"),
        (trace("elsewhere", hours=51), True, "run elsewhere is not known here, and it is older than 50 h"),
        (trace(hours=49), False, "it names no run, and it is younger than 50 h"),
        (trace(hours=51), True, "it names no run, and it is older than 50 h"),
        (trace("over", used_by="shop in production"), False, "used by shop in production"),
        (trace(hours=9000, used_by="shop"), False, "used by shop"),
    ],
)
def test_what_is_decided_and_why(found: Trace, orphan: bool, reason: str) -> None:
    assert (verdict(found).orphan, verdict(found).reason) == (orphan, reason)


def test_without_grace_what_a_run_left_goes_as_soon_as_it_is_over() -> None:
    assert verdict(trace("just over", hours=0), grace=timedelta()).orphan


def test_what_can_carry_no_run_goes_with_what_has_its_name() -> None:
    build = "slipway-build-shop-0123456789abcdef"
    key_pair = trace(name=build, hours=0)
    for run, orphan in (("over", True), ("lives", False), ("elsewhere", False)):
        assert verdict(key_pair, trace(run, name=build, hours=5), grace=timedelta()).orphan is orphan
    assert not verdict(trace(name="shop", hours=0), trace("over", name="shop"), grace=timedelta()).orphan


def test_what_is_called_by_a_run_that_lives_stays() -> None:
    build = "slipway-dib-shop-0123456789abcdef"
    found = [trace(name=build, hours=90), trace(name="slipway-dib-shop-1", hours=90)]
    verdicts = judge(found, RUNS, NOW, GRACE, {build: "lives"})
    assert [one.orphan for one in verdicts] == [False, True]


def test_what_only_this_airflow_can_have_made_needs_no_run() -> None:
    assert verdict(trace(local=True)).orphan
    assert verdict(trace(local=True)).reason == "run of its build has ended"
    assert not verdict(trace(local=True, hours=1)).orphan
    assert not verdict(trace(local=True, used_by="a build")).orphan
    assert not verdict(trace("elsewhere", local=True)).orphan


@pytest.mark.parametrize(
    ("name", "application"),
    [
        ("slipway-build-my-shop-0123456789abcdef", "my-shop"),
        ("slipway-dib-shop-0123456789abcdef", "shop"),
        ("slipway-shop", ""),
        ("web", ""),
    ],
)
def test_the_application_in_a_name(name: str, application: str) -> None:
    assert application_of(name) == application
    assert is_build_name(name) is bool(application)


NAMES = st.sampled_from(["slipway-build-a-1", "slipway-build-b-2", "shop"])
TRACES = st.builds(
    Trace,
    place=st.just("cloud"),
    kind=st.sampled_from(["server", "key pair"]),
    id=st.text(max_size=3),
    name=NAMES,
    run=st.sampled_from(["", "lives", "over", "just over", "elsewhere"]),
    made=st.datetimes(NOW.replace(tzinfo=None) - timedelta(days=9), NOW.replace(tzinfo=None)).map(
        lambda at: at.replace(tzinfo=UTC)
    ),
    used_by=st.sampled_from(["", "", "shop in production"]),
)
SPANS = st.timedeltas(timedelta(), timedelta(days=3))


@given(st.lists(TRACES, max_size=8), SPANS)
def test_what_lives_is_used_or_is_anothers_is_never_an_orphan(found: list[Trace], grace: timedelta) -> None:
    living = {one.name for one in found if one.run == "lives" and one.name.startswith("slipway-build-")}
    verdicts = judge(found, RUNS, NOW, grace)
    assert [one.trace for one in verdicts] == found
    for one in verdicts:
        if one.orphan:
            assert one.trace.run != "lives"
            assert not one.trace.used_by
            assert NOW - one.trace.made >= grace
            if not one.trace.run:
                assert one.trace.name not in living
            if one.trace.run == "elsewhere":
                assert NOW - one.trace.made > LONGEST + grace


@given(st.lists(TRACES, max_size=8), SPANS, SPANS)
def test_more_grace_never_makes_more_orphans(found: list[Trace], one: timedelta, other: timedelta) -> None:
    shorter, longer = sorted((one, other))
    spared = [verdict.orphan for verdict in judge(found, RUNS, NOW, longer)]
    taken = [verdict.orphan for verdict in judge(found, RUNS, NOW, shorter)]
    assert all(earlier or not later for earlier, later in zip(taken, spared, strict=True))


@given(st.lists(TRACES, max_size=8), SPANS)
def test_time_brings_an_end_to_all_that_nothing_needs(found: list[Trace], grace: timedelta) -> None:
    later = NOW + LONGEST + grace + timedelta(seconds=1)
    living = {one.name for one in found if one.run == "lives"}
    for one in judge(found, RUNS, later, grace):
        assert one.orphan or one.trace.used_by or one.trace.name in living


def test_the_runs_to_ask_for() -> None:
    assert named_runs([trace("over"), trace(), trace("lives"), trace("over")]) == {"over", "lives"}


def test_the_table_names_orphans_first() -> None:
    found = [
        trace("lives", name="aa"),
        trace("over", name="zz", hours=30),
        trace("over", name="m", hours=0.1),
    ]
    text = table(judge(found, RUNS, NOW, GRACE), NOW)
    assert [" ".join(line.split()) for line in text.splitlines()] == [
        "what where name age why",
        "server cloud zz 30 h orphan run over has ended",
        "server cloud aa 4 h stays run lives is under way",
        "server cloud m 6 min stays run over ended less than 2 h ago",
    ]
