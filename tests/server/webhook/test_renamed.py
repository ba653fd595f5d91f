"""P5: a repository is renamed, or its name registered again, as deliveries show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from slipway.flow.apps import Apps
from slipway.webhook.reception import Reception
from tests.server.conftest import Rows
from tests.server.sender import COMMIT, Sender, push

Queued = Callable[[], list[tuple[str, str]]]


def apps(name: str, **more: Any) -> Apps:
    environments = {"production": {"refs": ["refs/heads/main"], "namespace": "demo"}}
    application = {"tenant": "demo", "environments": environments, **more}
    return Apps.from_json({"version": 1, "events": ["workflow_run"], "applications": {name: application}})


def pushed(name: str, number: int | None = 41, commit: str = COMMIT) -> dict[str, Any]:
    repository = {"full_name": name} | ({} if number is None else {"id": number})
    return push(repository=repository, after=commit, head_commit={"id": commit})


def test_a_renamed_repository_carries_on_before_and_after_apps_yaml_follows(
    reception: Reception, sender: Sender, queued: Queued, inbox: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    reception.apps = lambda: apps("octo/hello", id=41)
    assert "warnings" not in sender.deliver(pushed("octo/hello", commit="a" * 40)).json()
    followed = sender.deliver(pushed("octo/welcome", commit="b" * 40)).json()
    assert followed["status"] == "accepted"
    assert followed["warnings"] == [
        "repository octo/hello is called octo/welcome at the sender now, and is followed by its id 41. In "
        "apps.yaml, rename octo/hello to octo/welcome and give it `renamed_from: [octo/hello]`"
    ]
    assert followed["warnings"][0] in caplog.text
    reception.apps = lambda: apps("octo/welcome", id=41, renamed_from=["octo/hello"])
    assert "warnings" not in sender.deliver(pushed("octo/welcome", commit="c" * 40)).json()
    keys = [f"octo/hello@{'a' * 40}", f"octo/hello@{'b' * 40}", f"octo/welcome@{'c' * 40}"]
    assert [key for _, key in queued()] == keys
    assert [row["repository"] for row in inbox()] == ["octo/hello", "octo/hello", "octo/welcome"]


def test_a_name_that_was_registered_again_inherits_nothing(
    reception: Reception, sender: Sender, queued: Queued
) -> None:
    reception.apps = lambda: apps("octo/hello", id=41)
    for event in ("push", "workflow_run"):
        answer = sender.deliver(pushed("octo/hello", 42), event)
        assert answer.status_code == 403
        assert "of this delivery has the id 42, and octo/hello in apps.yaml has the id 41" in answer.text
    reception.apps = lambda: apps("octo/welcome", id=41, renamed_from=["octo/hello"])
    for number in (42, None):
        answer = sender.deliver(pushed("octo/hello", number))
        assert (answer.status_code, "octo/welcome in apps.yaml now" in answer.text) == (403, True)
    assert queued() == []


@pytest.mark.parametrize("number", [True, -1, 0, 2**63, 41.0, "41", [41], {"id": 41}, None])
def test_an_id_that_is_none_is_no_id(reception: Reception, sender: Sender, number: Any) -> None:
    reception.apps = lambda: apps("octo/hello", id=41)
    payload = pushed("octo/hello")
    payload["repository"]["id"] = number
    answer = sender.deliver(payload)
    assert (answer.status_code, "has no repository.id" in answer.text) == (403, True)
    reception.apps = lambda: apps("octo/hello")
    assert sender.deliver(payload).status_code == 202


def test_an_event_that_is_kept_is_followed_too(reception: Reception, sender: Sender, inbox: Rows) -> None:
    reception.apps = lambda: apps("octo/hello", id=41)
    answer = sender.deliver({"repository": {"full_name": "x/y", "id": 41}}, "workflow_run")
    assert (answer.status_code, len(answer.json()["warnings"])) == (202, 1)
    assert inbox()[0]["repository"] == "octo/hello"
    nameless = {"repository": {"full_name": "octo/hello"}}  # a build of Jenkins does not know the id
    assert sender.deliver(nameless, "workflow_run").status_code == 202
