"""The ledgers of Kubernetes and of Ironic: one set of rules, each kept in the form that it has had."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.release import SupersededError
from slipway.kubernetes import ledger as kubernetes
from slipway.kubernetes.errors import ClusterRefusedError
from slipway.openstack.ironic import ledger as ironic
from slipway.openstack.ironic.errors import IronicRefusedError
from tests.flow.builders import NOON, push, workload
from tests.pipelines.test_sides import PLANS


def fleet(number: int, repository: str = "octo/shop") -> IronicPlan:
    plan = PLANS["bare_metal"]
    assert isinstance(plan, IronicPlan)
    return plan.model_copy(update={"push": push(str(number), number, repository)})


def kubernetes_attempt(number: int, repository: str = "octo/shop") -> kubernetes.KubernetesAttempt:
    plan = workload("", push(str(number), number, repository))
    return kubernetes.KubernetesAttempt(run=f"run-{number}", workload=plan)


def ironic_attempt(number: int, repository: str = "octo/shop") -> ironic.IronicAttempt:
    return ironic.IronicAttempt(run=f"run-{number}", fleet=fleet(number, repository))


KINDS: Any = pytest.mark.parametrize(
    ("rules", "empty", "attempt", "refused"),
    [
        (kubernetes, kubernetes.KubernetesLedger(), kubernetes_attempt, ClusterRefusedError),
        (ironic, ironic.IronicLedger(), ironic_attempt, IronicRefusedError),
    ],
    ids=["kubernetes", "ironic"],
)


@KINDS
def test_the_newest_push_takes_its_turn_and_what_it_brought_can_be_taken_back(
    rules: Any, empty: Any, attempt: Any, refused: type[Exception]
) -> None:
    first, second = attempt(1), attempt(2)
    known = rules.succeeded(rules.claim(empty, first), "run-1", NOON)
    assert rules.is_good(known, "run-1")
    assert rules.before(known, "run-1") is None
    known = rules.claim(known, second)
    assert rules.is_mine(known, "run-2")
    assert rules.mine(known, "run-2") == second.plan
    assert rules.before(known, "run-2").plan == first.plan
    with pytest.raises(SupersededError, match=r"222222222222, pushed at .* is newer than"):
        rules.claim(known, first.model_copy(update={"run": "again"}))
    with pytest.raises(refused, match=r"octo/shop.* Choose another name in slipway\.yaml"):
        rules.claim(known, attempt(3, "octo/other"))
    with pytest.raises(SupersededError, match=r"superseded by 222222222222 \(run run-2\), which continues"):
        rules.mine(known, "run-3")
    known = rules.succeeded(known, "run-2", NOON + timedelta(hours=1))
    assert rules.before(known, "run-2").run == "run-1"
    assert rules.settled(known, "run-1") == known
    assert rules.settled(known, "run-2").previous is None
    back = rules.taken_back(known, "run-2")
    assert rules.taken_back(known, "run-1") == known
    assert (back.good.run, back.previous, back.attempt) == ("run-1", None, second)
    with pytest.raises(SupersededError, match="superseded by an unknown run"):
        rules.mine(empty, "run-1")


@KINDS
def test_a_ledger_is_written_as_it_has_been(
    rules: Any, empty: Any, attempt: Any, refused: type[Exception]
) -> None:
    known = rules.claim(rules.succeeded(rules.claim(empty, attempt(1)), "run-1", NOON), attempt(2))
    written = known.to_json()
    plan = "workload" if rules is kubernetes else "fleet"
    own = ["applied", "version"] if rules is kubernetes else []
    assert list(written) == ["good", "previous", "attempt", *own]
    assert list(written["good"]) == ["run", plan, "since"]
    assert list(written["attempt"]) == ["run", plan]
    assert written["good"]["run"] == "run-1"
    assert written["attempt"][plan] == attempt(2).plan.to_json()
    assert type(known).from_json(written) == known
