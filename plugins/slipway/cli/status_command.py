"""``slipway status``: what a commit became, on every platform."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

from slipway.cli import NOT_SO, OK, settings
from slipway.cli.api import Airflow
from slipway.cli.query import find_pushes, get_some, get_statuses
from slipway.cli.starting import full_ref
from slipway.cli.status import PushStatus
from slipway.cli.tables import console, print_statuses
from slipway.flow.record import SlipwayError

_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_WATCH_SECONDS = 1.0


def run(options: argparse.Namespace) -> int:
    """Print the status of one commit, or of every application's newest push."""
    if options.commit and not _COMMIT.fullmatch(options.commit):
        raise SlipwayError(f"{options.commit!r} is not a commit: give 7 to 64 hexadecimal digits of its id.")
    if options.ref and not (options.commit or options.app):
        raise SlipwayError("--ref chooses among the pushes of one application: give COMMIT or --app, too.")
    login = settings.airflow(settings.environment(Path.cwd()), options.airflow_url, options.airflow_user)
    with Airflow(login) as airflow:
        statuses = _statuses(airflow, options.commit or "", options.app or "", full_ref(options.ref or ""))
        alone = bool(options.commit) and len(statuses) == 1
        _show(statuses, as_json=options.json and not options.watch, alone=alone)
        while options.watch and (open_ids := [one for one, status in statuses.items() if not status.settled]):
            time.sleep(_WATCH_SECONDS)
            before, statuses = statuses, statuses | get_some(airflow, open_ids)
            if statuses != before and not options.json:
                _show(statuses, as_json=False, alone=alone)
        if options.watch and options.json:
            _show(statuses, as_json=True, alone=alone)
    return NOT_SO if any(status.failed for status in statuses.values()) else OK


def _statuses(airflow: Airflow, commit: str, repository: str, ref: str) -> dict[str, PushStatus]:
    """Return what became of the pushes that are asked for, by id: of one commit each of its refs.

    :raises SlipwayError: when there are none, or pushes of several commits or applications.
    """
    if commit or repository:
        found = find_pushes(airflow, commit, repository, ref)
        names = dict.fromkeys(f"{one.push.repository}@{one.push.commit}" for one in found)
        if commit and len(names) > 1:
            raise SlipwayError(
                f"{commit} is more than one push: {', '.join(names)}. Give more digits, or --app OWNER/NAME."
            )
        statuses = get_some(airflow, [one.id for one in found])
    else:
        statuses = get_statuses(airflow)
    if not statuses:
        asked = " ".join(part for part in (repository, commit, ref) if part) or "any application"
        raise SlipwayError(
            f"Airflow has no pipeline run of {asked}. Was it pushed, and did the webhook take it? "
            "(docs/webhook.md says what each answer means.)"
        )
    return statuses


def _show(statuses: Mapping[str, PushStatus], *, as_json: bool, alone: bool) -> None:
    if as_json:
        values = [status.to_json() for status in statuses.values()]
        print(json.dumps(values[0] if alone else values, indent=2))
    else:
        print_statuses(console(), statuses.values())
