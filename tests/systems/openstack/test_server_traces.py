"""A rollout of servers that nobody ends is found on the lab's Nova, and taken back."""

from __future__ import annotations

import pytest

from slipway.flow.nova.plan import NovaPlan
from slipway.flow.orphans import Trace
from slipway.openstack.errors import TransientOpenstackError
from slipway.openstack.nova.traces import ServerTraces
from slipway.rollout.side import Json
from tests.systems.openstack.nova import Application

pytestmark = pytest.mark.lab


def traces(app: Application, **plans: NovaPlan) -> ServerTraces:
    known: dict[str, Json] = {run: plan.to_json() for run, plan in plans.items()}
    return ServerTraces(app.cloud, known.get)


def found(places: ServerTraces, app: Application) -> list[Trace]:
    return [one for one in places.find() if one.name.startswith(app.name)]


def test_a_first_rollout_that_nobody_ends_goes_altogether(app: Application) -> None:
    plan = app.plan(1, count=2)
    app.roll_out(plan, "one")
    places = traces(app, one=plan)
    [trace] = found(places, app)
    assert (trace.run, trace.name) == ("one", f"{app.name}-staging-111111111111")
    assert places.remove(trace)
    assert app.states() == []
    assert places.remove(trace)


def test_the_servers_before_come_back(app: Application) -> None:
    old, new = app.plan(1), app.plan(2)
    app.release(old, "one")
    places = traces(app, two=new)
    assert found(places, app) == []
    app.roll_out(new, "two")
    [trace] = found(places, app)
    assert places.remove(trace)
    assert app.states() == [("1", 0, "ACTIVE")]
    assert found(places, app) == []


def test_without_its_plan_nothing_is_touched(app: Application) -> None:
    app.roll_out(app.plan(1), "one")
    places = traces(app)
    [trace] = found(places, app)
    with pytest.raises(TransientOpenstackError, match="the plan of run one is no longer known"):
        places.remove(trace)
    assert app.states() == [("1", 0, "ACTIVE")]


def test_a_newer_push_that_came_meanwhile_goes_on(app: Application) -> None:
    one, two = app.plan(1), app.plan(2)
    app.roll_out(one, "one")
    places = traces(app, one=one)
    [trace] = found(places, app)
    app.roll_out(two, "two")
    places.remove(trace)
    assert app.states() == [("2", 0, "ACTIVE")]
