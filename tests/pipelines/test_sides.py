"""A release's plans: read once by each task, with their platform's own type."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from pydantic import ValidationError

from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.ironic.spec import Ironic
from slipway.flow.plans import PLAN_TYPES, ReleasePlan, read_plan
from slipway.flow.platforms import PLATFORMS, Platform
from slipway.kubernetes import operators as kubernetes
from slipway.kubernetes.side import KubernetesSide
from slipway.kubernetes.triggers import RolloutTrigger
from slipway.openstack.ironic import operators as ironic
from slipway.openstack.ironic.side import IronicSide
from slipway.openstack.ironic.triggers import FleetTrigger
from slipway.openstack.nova import operators as nova
from slipway.openstack.nova.side import NovaSide
from slipway.openstack.nova.triggers import ServersTrigger
from slipway.pipelines.release.deployments import hand_on
from slipway.pipelines.release.sides import side_of, sides_of
from slipway.pipelines.release.turns import question_of
from slipway.rollout.operators import GoBackOperator, RolloutOperator
from slipway.rollout.side import Side
from slipway.rollout.triggers import WatchTrigger
from tests.flow import cloud
from tests.flow.builders import workload

VM = cloud.plan(1)
PLANS: dict[Platform, ReleasePlan] = {
    "container": workload(),
    "vm": VM,
    "bare_metal": IronicPlan(
        push=VM.push,
        application="shop",
        environment="production",
        cloud="slipway_openstack_elsewhere",
        image=VM.image.model_copy(update={"platform": "bare_metal"}),
        kind="whole-disk",
        ironic=Ironic.from_json({"resource_class": "metal"}),
    ),
}
JSON = {name: plan.to_json() for name, plan in PLANS.items()}
SIDES: dict[Platform, type[Side[Any]]] = {
    "container": KubernetesSide,
    "vm": NovaSide,
    "bare_metal": IronicSide,
}
ROLLOUTS: dict[Platform, Callable[..., RolloutOperator]] = {
    "container": kubernetes.RolloutOperator,
    "vm": nova.RolloutOperator,
    "bare_metal": ironic.RolloutOperator,
}
GO_BACKS: dict[Platform, Callable[..., GoBackOperator]] = {
    "container": kubernetes.GoBackOperator,
    "vm": nova.GoBackOperator,
    "bare_metal": ironic.GoBackOperator,
}


class Task:
    """What stands for a task instance whose release nobody has to approve."""

    dag_id, run_id = "deploy", "run-1"

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_pull(self, **_: Any) -> None:
        return None

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def no_turn(context: Any, plan: ReleasePlan) -> None:
    raise AssertionError("nobody asks for a turn")


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_plan_is_what_was_handed_on(name: Platform) -> None:
    assert read_plan(name, JSON[name]) == PLANS[name]
    assert type(PLANS[name]) is PLAN_TYPES[name]
    for other in PLATFORMS.keys() - {name}:
        with pytest.raises(ValidationError):
            read_plan(other, JSON[name])


def test_each_plan_has_the_side_of_its_platform() -> None:
    assert {name: type(side) for name, side in sides_of(JSON).items()} == SIDES
    assert {name: side.plan for name, side in sides_of(JSON).items()} == PLANS
    assert list(sides_of({"vm": JSON["vm"], "container": None, "bare_metal": JSON["bare_metal"]})) == [
        "vm",
        "bare_metal",
    ]
    assert sides_of({"vm": None}) == {}
    assert {side_of(plan).tried() for plan in PLANS.values()} == {
        "aaaaaaaaaaaa (sha256:dddddddddddd)",
        "111111111111 (sha256:111111111111)",
    }


@pytest.mark.parametrize("name", PLATFORMS)
@pytest.mark.parametrize("goes_back", [False, True], ids=["rollout", "go back"])
def test_an_operator_builds_its_side_once(name: Platform, goes_back: bool) -> None:
    if goes_back:
        operator: Any = GO_BACKS[name](task_id="one", plans=JSON, mark=lambda plan, run: None)
    else:
        operator = ROLLOUTS[name](task_id="one", plans=JSON, turn=no_turn, hand_on=hand_on)
    assert operator.platform == name
    assert operator.plan == PLANS[name]
    assert operator.plan is operator.plan
    assert isinstance(operator.side, SIDES[name])
    assert operator.side is operator.side
    assert operator.side.plan is operator.plan


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_rollout_waits_for_its_turn_before_it_logs_in(name: Platform) -> None:
    asked: list[ReleasePlan] = []

    def turn(context: Any, plan: ReleasePlan) -> TimeDeltaTrigger:
        asked.append(plan)
        question = question_of(context, plan)
        assert (question.mine.commit, question.mine.at) == (plan.push.commit, plan.push.at)
        assert (question.place.application, question.place.environment) == ("shop", "production")
        return TimeDeltaTrigger(VM.push.at - VM.push.at)

    operator = ROLLOUTS[name](task_id="one", plans=JSON, turn=turn, hand_on=hand_on)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute({"ti": Task(), "run_id": "run-1"})  # type: ignore[arg-type]
    assert deferred.value.method_name == "come"
    assert asked == [PLANS[name]]
    assert "side" not in vars(operator)


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_release_that_has_nothing_for_a_platform_skips_it(name: Platform) -> None:
    plans = JSON | {name: None}
    context: Any = {"ti": Task(), "run_id": "run-1"}
    rollout: Any = ROLLOUTS[name](task_id="one", plans=plans, turn=no_turn, hand_on=hand_on)
    back: Any = GO_BACKS[name](task_id="two", plans=plans, mark=lambda plan, run: None)
    for operator in (rollout, back):
        with pytest.raises(AirflowSkipException, match=f"no image for platform {name}"):
            operator.execute(context)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (RolloutTrigger, "slipway.kubernetes.triggers.RolloutTrigger"),
        (ServersTrigger, "slipway.openstack.nova.triggers.ServersTrigger"),
        (FleetTrigger, "slipway.openstack.ironic.triggers.FleetTrigger"),
    ],
)
def test_what_is_followed_is_written_down_as_it_has_been(kind: type[WatchTrigger], path: str) -> None:
    written = {"watch": {"run": "run-1"}, "conn_id": "elsewhere"}
    assert kind(**written).serialize() == (path, written)  # type: ignore[arg-type]


def test_a_task_that_cannot_go_on_says_why() -> None:
    task: Any = Task()
    operator = ROLLOUTS["vm"](task_id="one", plans=JSON, turn=no_turn, hand_on=hand_on)
    with pytest.raises(AirflowFailException, match="no room"):
        operator.fail({"ti": task}, "no room")  # type: ignore[arg-type]
    assert task.pushed == {"reason": "no room"}


def test_what_went_back_is_marked_with_its_own_plan() -> None:
    marked: list[tuple[ReleasePlan, str]] = []
    operator: Any = GO_BACKS["vm"](
        task_id="one", plans=JSON, mark=lambda plan, run: marked.append((plan, run))
    )
    vars(operator)["side"] = SimpleNamespace(before=lambda run: f"before {run}", tried=lambda: "tried")
    operator.back({"run_id": "run-1"})
    assert marked == [(PLANS["vm"], "run-1")]
