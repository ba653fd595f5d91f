"""Messages as a real mail server, and a Slack API, receive them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowNotFoundException

from slipway import config
from slipway.dagkit.deadlines import deadline, tell_late
from slipway.flow import telling
from slipway.flow.audience import Notify
from slipway.flow.ended import Account
from slipway.flow.record import SlipwayError, TransientError
from slipway.notices.channels import CHANNELS, EMAIL, SLACK, NoticeChannel
from slipway.notices.errors import sending
from slipway.notices.mail import by_mail
from slipway.notices.slack import in_slack
from slipway.pipelines.people import notify
from tests.flow.builders import NOON
from tests.flow.ends import LINK, ended, incident
from tests.systems.notices.conftest import Mailbox, Slack

MESSAGE = telling.failure(incident("{{ 1 + 1 }} <b> is wrong. Correct it", lines=("the last line",)), LINK)
APPS = """\
version: 1
applications:
  octo/shop:
    tenant: shop
    environments:
      production: {refs: [refs/heads/main], namespace: shop}
    notify: {email: [team@example.org, boss@example.org], slack: '#deploys'}
    tickets: {project: OPS}
  octo/quiet:
    tenant: shop
    environments:
      production: {refs: [refs/heads/main], namespace: shop}
    notify: {email: [team@example.org], on: [recovery]}
"""


@pytest.fixture
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "apps.yaml"
    path.write_text(APPS)
    monkeypatch.setenv(config.APPS_FILE, str(path))


def told(**more: Any) -> notify.Told:
    return notify.Told(ended=ended(**more), at=NOON, account=Account(cause="rule", error="it broke. Mend it"))


def test_a_mail_arrives_as_text_that_nothing_renders(mailbox: Mailbox) -> None:
    by_mail(MESSAGE, ["team@example.org", "boss@example.org"]).notify({})
    [mail] = mailbox.mails
    assert mail["From"] == "slipway@example.org"
    assert mail["To"] == "team@example.org, boss@example.org"
    assert mail["Subject"].startswith("octo/shop (production): deployment failed: {{ 1 + 1 }}")
    body = mail.get_body()
    assert body is not None
    assert "{{ 1 + 1 }} &lt;b&gt; is wrong. Correct it" in body.get_content()
    assert "the last line" in body.get_content()


def test_a_message_arrives_in_slack(slack: Slack) -> None:
    in_slack(MESSAGE, "#deploys").notify({})
    [message] = slack.messages
    assert message["channel"] == "#deploys"
    assert "{{ 1 + 1 }} &lt;b&gt; is wrong. Correct it" in message["text"]
    assert f"<{LINK}|The run>" in message["text"]


def test_a_server_that_is_away_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"conn_type": "smtp", "host": "127.0.0.1", "port": 1, "extra": {"from_email": "a@example.org"}}
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_SMTP", json.dumps(gone))
    with pytest.raises(TransientError, match="slipway_smtp"), sending(EMAIL):
        by_mail(MESSAGE, ["team@example.org"]).notify({})
    gone = {"conn_type": "slack", "password": "x", "extra": {"base_url": "http://127.0.0.1:1/api/"}}
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_SLACK", json.dumps(gone))
    with pytest.raises(TransientError, match="slipway_slack"), sending(SLACK):
        in_slack(MESSAGE, "#deploys").notify({})


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        ({"ok": False, "error": "channel_not_found"}, 200, SlipwayError),
        ({"ok": False, "error": "ratelimited"}, 429, TransientError),
        ({"ok": False, "error": "internal_error"}, 200, TransientError),
    ],
)
def test_what_slack_refuses_has_a_cure(slack: Slack, answer: Any, status: int, kind: type[Exception]) -> None:
    slack.answers, slack.status = answer, status
    with pytest.raises(kind, match=answer["error"]) as refused, sending(SLACK):
        in_slack(MESSAGE, "#deploys").notify({})
    assert isinstance(refused.value, TransientError) is (kind is TransientError)


def test_a_wrong_token_is_no_passing_trouble(slack: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = json.loads(os.environ["AIRFLOW_CONN_SLIPWAY_SLACK"]) | {"password": "wrong"}
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_SLACK", json.dumps(connection))
    with pytest.raises(SlipwayError, match=r"invalid_auth\. Correct the token") as refused, sending(SLACK):
        in_slack(MESSAGE, "#deploys").notify({})
    assert not isinstance(refused.value, TransientError)


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (AirflowNotFoundException("no"), SlipwayError, "no connection {}. Create it"),
        (ValueError("no host"), SlipwayError, "connection {} is incomplete: no host"),
        (ConnectionResetError("gone"), TransientError, "connection {} did not accept the message: gone"),
        (KeyError("a defect"), KeyError, "a defect"),
    ],
)
def test_what_any_channel_may_raise(
    channel: NoticeChannel, raised: Exception, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind) as found, sending(channel):
        raise raised
    assert type(found.value) is kind
    assert text.format(channel.connection) in str(found.value)


def test_an_address_that_is_refused_has_a_cure(mailbox: Mailbox) -> None:
    mailbox.refuses = "550 no such user"
    with pytest.raises(SlipwayError, match="no such user") as refused, sending(EMAIL):
        by_mail(MESSAGE, ["team@example.org"]).notify({})
    assert not isinstance(refused.value, TransientError)


def test_the_tasks_tell_whom_the_application_names(apps: None, mailbox: Mailbox, slack: Slack) -> None:
    assert notify.idle(told()) == ()
    notify.tell(EMAIL, told(), {})
    notify.tell(SLACK, told(), {})
    assert mailbox.mails[0]["To"] == "team@example.org, boss@example.org"
    assert "it broke. Mend it" in slack.messages[0]["text"]
    good = told(good=True, over=ended())
    notify.tell(EMAIL, good, {})
    assert mailbox.mails[1]["Subject"] == "octo/shop (production): deployment succeeds again"


def test_every_field_of_notify_is_a_channel_or_the_occasions() -> None:
    assert [channel.name for channel in CHANNELS] == [name for name in Notify.model_fields if name != "on"]
    assert len({channel.connection for channel in CHANNELS}) == len(CHANNELS)


def test_tasks_that_nobody_asked_for_are_idle(apps: None) -> None:
    assert notify.idle(told(repository="octo/quiet")) == ("ticket", "email", "slack")
    assert notify.idle(told(repository="octo/quiet", good=True, over=ended())) == ("ticket", "slack")
    spec = Account(cause="spec", error="slipway.yaml: no")
    assert notify.idle(notify.Told(ended=ended("push"), at=NOON, account=spec)) == ()


@pytest.mark.parametrize(
    "run",
    [
        {"partition_key": f"octo/shop@{'a' * 40}", "conf": {}},
        {"partition_key": None, "conf": {"repository": "octo/shop", "commit": "a" * 40}},
    ],
)
async def test_a_run_that_takes_long_is_told(apps: None, mailbox: Mailbox, slack: Slack, run: Any) -> None:
    context = {
        "dag_run": {"dag_id": "vm_image", "dag_run_id": "a run", "state": "running", **run},
        "deadline": {"id": "1", "deadline_time": "2030-01-02T12:00:00Z"},
    }
    await tell_late(context)
    assert mailbox.mails[0]["Subject"] == "octo/shop: VM image takes too long"
    assert "/dags/vm_image/runs/a%20run" in slack.messages[0]["text"]
    run = {"partition_key": None, "conf": {"repository": "octo/quiet"}}
    quiet = {"dag_id": "vm_image", "dag_run_id": "1", "state": "running", **run}
    await tell_late({**context, "dag_run": quiet})
    await tell_late({**context, "dag_run": {**context["dag_run"], "state": "failed"}})
    waits = "waits: production is frozen until noon (holidays)\nocto/shop to production"
    await tell_late({**context, "dag_run": {**context["dag_run"], "note": waits}})
    assert len(mailbox.mails) == len(slack.messages) == 1


@pytest.mark.parametrize(("chosen", "minutes"), [("", 60), ("5", 5), ("none", None)])
def test_an_installation_says_how_long_is_long(
    chosen: str, minutes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_DEADLINE_DEPLOY", chosen)
    alert = deadline("deploy", 60)
    assert (alert and alert.interval / 60) == minutes
    if alert:
        assert alert.callback.path == "slipway.dagkit.deadlines.tell_late"


@pytest.mark.parametrize("chosen", ["0", "-1", "1h", "1.5"])
def test_a_limit_that_is_none_is_refused(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_DEADLINE_DEPLOY", chosen)
    with pytest.raises(SlipwayError, match="whole number of minutes"):
        deadline("deploy", 60)
