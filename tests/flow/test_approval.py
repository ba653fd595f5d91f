"""What people are asked, and what their answers mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from slipway.flow.approval import (
    SLIPWAY,
    SUPERSEDED,
    ApprovalRequest,
    body,
    check_known,
    refusal,
    subject,
    unanswered,
)
from slipway.flow.environments import Approval
from slipway.flow.image import Image
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.flow.release import NOTHING, ReleaseRow

PUSH = PushEvent(
    repository="octo/shop",
    ref="refs/heads/a|b`c",
    commit="ab" * 20,
    pusher="<b>eve</b> `|",
    at=datetime(2030, 1, 2, 3, 4, tzinfo=UTC),
)
DIGEST = f"sha256:{'1' * 64}"
IMAGE = Image(
    platform="vm",
    application="shop",
    repository="octo/shop",
    commit=PUSH.commit,
    digest=DIGEST,
    input_digest=DIGEST,
    reference="generic-local/acme/shop/vm/1/shop.qcow2",
)
ALICE = {"id": "7", "name": "alice"}


def request(**more: Any) -> ApprovalRequest:
    given = {"push": PUSH, "application": "shop", "environment": "production", "approval": Approval(**more)}
    return ApprovalRequest(**given)


def answer(option: str, by: dict[str, str] | None = ALICE, **params: str) -> dict[str, Any]:
    return {"chosen_options": [option], "responded_by_user": by, "params_input": params}


def test_question_names_application_commit_and_environment() -> None:
    assert subject(request()) == f"Deploy shop {'ab' * 6} of octo/shop to production?"


def test_what_would_change_is_a_table_in_which_nothing_of_others_is_markdown() -> None:
    rows = [ReleaseRow(platform="vm", before=NOTHING, tried="abab (sha256:1)", now="abab (sha256:1)")]
    told = body(request(otherwise="fail"), rows, {"vm": IMAGE}, datetime(2030, 1, 5, 3, 4, tzinfo=UTC))
    assert (
        f"| vm | `nothing` | `abab (sha256:1)` | `generic-local/acme/shop/vm/1/shop.qcow2 {DIGEST}` |" in told
    )
    assert "(`refs/heads/a\\|b'c` by `<b>eve</b> '\\|`, 2030-01-02 03:04 UTC)" in told
    assert "Without an answer until 2030-01-05 03:04 UTC nothing is deployed, and its run fails." in told


def test_promotion_says_where_from() -> None:
    promoted = request().model_copy(update={"promoted_from": "staging"})
    assert "(promoted from **staging** by " in body(promoted, [], {}, PUSH.at)


def test_approval_lets_in() -> None:
    assert refusal(request(), answer("Approve")) is None


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (answer("Reject"), "rejected by alice"),
        (answer("Reject", **{SUPERSEDED: "abc"}), "rejected by alice"),
        (answer("Approve", by=None), "rejected by a user whose name Airflow does not give"),
        (
            answer("Reject", SLIPWAY, **{SUPERSEDED: "0123 (run r)"}),
            "superseded by 0123 (run r), which waits",
        ),
        ({}, "rejected by a user whose name Airflow does not give"),
    ],
)
def test_all_else_lets_nothing_in(event: dict[str, Any], why: str) -> None:
    told = refusal(request(), event)
    assert told is not None
    assert told.startswith(f"{'ab' * 6} is not deployed to production: {why}")


def test_silence_says_how_long_it_was() -> None:
    assert "nobody answered within 0.5 hours" in unanswered(request(within=0.5))


def test_a_question_that_nobody_can_answer_is_refused() -> None:
    asked = request(by=("alice", "role:releasers"))
    check_known(asked, ["alice"])
    check_known(request(), [])
    with pytest.raises(
        SlipwayError, match=r"environments.production.approval.by names no user or role .*alice, role:rel"
    ):
        check_known(asked, ["role:releasers", "alice"])
