"""Who may roll out, what is gone back to, and what has to be cleared away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from slipway.flow.push import PushEvent
from slipway.kubernetes.errors import ClusterRefusedError, SupersededError
from slipway.kubernetes.ledger import (
    KubernetesAttempt,
    KubernetesLedger,
    before,
    claim,
    cleared,
    leftovers,
    mine,
    settled,
    succeeded,
    taken_back,
)
from tests.flow.builders import NOON, push, workload

PORTS = "{ports: [{container: 80}]}"


def attempt(run: str, pushed: PushEvent | None = None, kubernetes: str = "") -> KubernetesAttempt:
    return KubernetesAttempt(run=run, workload=workload(kubernetes, pushed))


def good(run: str = "first", pushed: PushEvent | None = None, kubernetes: str = "") -> KubernetesLedger:
    return succeeded(claim(KubernetesLedger(), attempt(run, pushed, kubernetes)), run, NOON)


def test_first_attempt_is_taken_and_its_objects_written_down() -> None:
    ledger = claim(KubernetesLedger(), attempt("first", kubernetes=PORTS))
    assert mine(ledger, "first").application == "shop"
    assert [str(ref) for ref in ledger.applied] == ["service/shop", "deployment/shop"]


def test_newer_push_takes_the_place_of_an_older_one() -> None:
    ledger = claim(claim(KubernetesLedger(), attempt("first")), attempt("second", push("b", minutes=1)))
    assert mine(ledger, "second").push.commit == "b" * 40
    with pytest.raises(SupersededError, match=r"superseded by bbbbbbbbbbbb \(run second\)"):
        mine(ledger, "first")


@pytest.mark.parametrize(
    "known", [good("newer", push("b", 1)), claim(KubernetesLedger(), attempt("newer", push("b", 1)))]
)
def test_older_push_never_replaces_a_newer_one(known: KubernetesLedger) -> None:
    with pytest.raises(SupersededError, match="bbbbbbbbbbbb, pushed at 2030-01-02 12:01:00 UTC, is newer"):
        claim(known, attempt("older", push("a")))


def test_same_run_may_claim_again_after_a_crash() -> None:
    ledger = claim(KubernetesLedger(), attempt("first"))
    assert claim(ledger, attempt("first")) == ledger


def test_name_of_another_repositorys_application_is_refused() -> None:
    with pytest.raises(ClusterRefusedError, match="belongs to octo/shop"):
        claim(good(), attempt("other", push("b", 5, repository="evil/shop")))


def test_what_is_declared_no_longer_is_left_over_last_applied_first() -> None:
    first = good(kubernetes=PORTS)
    kept = succeeded(claim(first, attempt("second", push("b", 1))), "second", NOON)
    assert leftovers(kept, "second") == []  # it can still be gone back to
    after = settled(kept, "second")
    assert [str(ref) for ref in leftovers(after, "second")] == ["service/shop"]
    assert cleared(after, "second").applied == tuple(ref for ref in after.applied if ref.kind == "Deployment")


def test_going_back_clears_what_the_attempt_added() -> None:
    ledger = claim(good(), attempt("second", push("b", 1), PORTS))
    assert [str(ref) for ref in leftovers(ledger, "second")] == ["service/shop"]
    back = cleared(ledger, "second")
    assert back.attempt is None
    assert back.good == ledger.good


def test_first_deployment_that_fails_leaves_everything_over() -> None:
    ledger = claim(KubernetesLedger(), attempt("first", kubernetes=PORTS))
    assert len(leftovers(ledger, "first")) == 2


def test_objects_of_a_newer_attempt_are_not_cleared_away() -> None:
    after = succeeded(claim(good(kubernetes=PORTS), attempt("second", push("b", 1))), "second", NOON)
    newer = claim(after, attempt("third", push("c", 2), PORTS))
    assert leftovers(newer, "second") == []
    assert cleared(newer, "second").attempt == newer.attempt


def test_since_is_when_it_became_good() -> None:
    ledger = succeeded(claim(good(), attempt("second", push("b", 1))), "second", NOON + timedelta(hours=1))
    assert ledger.good is not None
    assert ledger.good.since == NOON + timedelta(hours=1)


def test_kept_version_is_kept_once_and_knows_what_it_came_upon() -> None:
    first = good()
    kept = succeeded(claim(first, attempt("second", push("b", 1))), "second", NOON + timedelta(hours=1))
    assert succeeded(kept, "second", NOON + timedelta(hours=2)) == kept
    assert before(kept, "second") == first.good
    assert before(first, "second") == first.good


def test_kept_version_is_taken_back_while_another_platform_has_not_kept() -> None:
    first = good()
    kept = succeeded(claim(first, attempt("second", push("b", 1), PORTS)), "second", NOON)
    back = taken_back(kept, "second")
    assert back.good == first.good
    assert mine(back, "second").push.commit == "b" * 40
    assert [str(ref) for ref in leftovers(back, "second")] == ["service/shop"]
    assert taken_back(back, "second") == back


def test_newer_push_goes_back_to_the_version_before_the_one_that_was_taken_back() -> None:
    first = good()
    kept = succeeded(claim(first, attempt("second", push("b", 1))), "second", NOON)
    newer = claim(kept, attempt("third", push("c", 2)))
    back = taken_back(newer, "second")
    assert back.good == first.good
    assert back.attempt == newer.attempt
    with pytest.raises(SupersededError, match="third"):
        mine(back, "second")


def test_nothing_takes_back_what_is_settled() -> None:
    kept = succeeded(claim(good(), attempt("second", push("b", 1))), "second", NOON)
    assert settled(kept, "second").previous is None
    assert settled(kept, "another") == kept
