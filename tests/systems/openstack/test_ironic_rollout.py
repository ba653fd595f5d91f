"""What a rollout on nodes takes from looks that Ironic has not finished yet."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from slipway.flow.image import Image
from slipway.flow.ironic.fleet import IronicPlan, instance_info
from slipway.flow.ironic.spec import Ironic
from slipway.openstack.ironic import rollout
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.ironic import Node
from slipway.openstack.ironic.rollout import IronicOutcome, Nodes, Rollout
from slipway.openstack.ironic.watch import IronicWatch, Placed
from slipway.polling import Feed
from tests.flow.builders import DIGEST, push

RUN = "run-1"


class Looks(Feed[Nodes]):
    """Looks at one node, one after the other; the last one again and again."""

    def __init__(self, looks: Sequence[dict[str, str]]) -> None:
        super().__init__("shop")
        self.looks = list(looks)

    async def next(self) -> Nodes:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {"n": Node({"uuid": "n", "name": "node-1", **look, "instance_info": INFO})}


FLEET = IronicPlan(
    push=push("1"),
    application="shop",
    environment="staging",
    image=Image(
        platform="bare_metal",
        application="shop",
        repository="octo/shop",
        commit="1" * 40,
        digest=DIGEST,
        input_digest=DIGEST,
        reference="generic-local/x",
        glance="00000000-0000-0000-0000-000000000001",
    ),
    kind="whole-disk",
    ironic=Ironic.from_json({"resource_class": "metal", "attempts": 1}),
)
INFO = instance_info(FLEET, 0, RUN, 1, "before")
FAILED = {"provision_state": "deploy failed", "provision_updated_at": "now"}


async def ended(looks: Sequence[dict[str, str]]) -> IronicOutcome:
    watch = IronicWatch(run=RUN, effort=RUN, prefix="shop-", fleet=FLEET, nodes=(Placed(index=0, node="n"),))
    return await Rollout(Fleets(None), watch).follow(Looks(looks))  # type: ignore[arg-type]


async def test_a_failure_is_told_with_its_reason_which_comes_a_moment_later() -> None:
    why = {"last_error": "Timeout reached while waiting for callback"}
    outcome = await ended([FAILED, FAILED, FAILED | why])
    assert (outcome.state, outcome.reason) == ("failed", f"1 of 1 nodes failed: node-1: {why['last_error']}")


async def test_a_failure_without_a_reason_is_one_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "REASON_SECONDS", 0.0)
    outcome = await ended([FAILED])
    assert outcome.reason == "1 of 1 nodes failed: node-1: deploy failed"
