"""``WebhookSensor``: any DAG can wait for a delivery."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.configuration import conf
from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowException

from slipway.webhook.search import Scalar, Search
from slipway.webhook.triggers import DeliveryTrigger

URL = "SLIPWAY_URL"


class WebhookSensor(BaseSensorOperator):  # type: ignore[misc]
    """Waits, without a worker slot, for a stored delivery; returns it (its payload inside).

    The event must be among those that are kept: ``push``, and ``events`` of ``apps.yaml``. Of several
    deliveries that match, the oldest is returned.

    :param event: the webhook's event, like ``workflow_run``.
    :param match: what must be equal: ``repository``, ``ref``, ``commit``, ``action``, or a path into the
        payload (``workflow_run.conclusion``). Payloads of more than 256 KiB are not kept, and match only
        by the first four.
    :param since: ISO 8601; deliveries before it do not count. The start of the DAG run when it is left out,
        so that one that comes between the request for it and this task is seen.
    :param source: who delivers.
    :param poll_seconds: between two looks.
    """

    template_fields: Sequence[str] = ("event", "match", "since")
    ui_color = "#d7e8f7"

    def __init__(
        self,
        *,
        event: str,
        match: Mapping[str, Scalar] | None = None,
        since: str | None = None,
        source: str = "github",
        poll_seconds: float = 5.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.event = event
        self.match = dict(match or {})
        self.since = since
        self.source = source
        self.poll_seconds = poll_seconds

    def execute(self, context: Context) -> None:
        """Hand the waiting to the triggerer.

        :raises pydantic.ValidationError: when ``match`` or ``since`` cannot be looked for.
        """
        since = self.since or context["dag_run"].start_date or datetime.now(UTC)
        search = Search.model_validate(
            {"source": self.source, "event": self.event, "since": since, "match": self.match}
        )
        self.log.info(
            "waiting for %s of %s since %s that matches %s", search.event, search.source, since, self.match
        )
        self.defer(
            trigger=DeliveryTrigger(
                url=server_url(), search=search.to_json(), poll_seconds=self.poll_seconds
            ),
            method_name="resume",
            timeout=timedelta(seconds=self.timeout),
        )

    def resume(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return the delivery.

        :raises AirflowException: when it could not be looked for.
        """
        if error := event.get("error"):
            raise AirflowException(f"cannot wait for a delivery: {error}")
        delivery: dict[str, Any] = event["delivery"]
        self.log.info("found delivery %s of %s", delivery["delivery"], delivery["received_at"])
        return delivery


def server_url() -> str:
    """Return the API server's ``/slipway``: under ``SLIPWAY_URL``, or Airflow's ``[api] base_url``."""
    base = os.environ.get(URL) or conf.get("api", "base_url", fallback="") or "http://localhost:8080"
    return f"{base.rstrip('/')}/slipway"
