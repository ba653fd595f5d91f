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
from slipway.cli.query import find_keys, get_some, get_statuses
from slipway.cli.status import PushStatus
from slipway.cli.tables import console, print_statuses
from slipway.flow.push import parse_partition_key
from slipway.flow.record import SlipwayError

_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_WATCH_SECONDS = 1.0


def run(options: argparse.Namespace) -> int:
    """Print the status of one commit, or of every application's newest push."""
    if options.commit and not _COMMIT.fullmatch(options.commit):
        raise SlipwayError(f"{options.commit!r} is not a commit: give 7 to 64 hexadecimal digits of its id.")
    login = settings.airflow(settings.environment(Path.cwd()), options.airflow_url, options.airflow_user)
    with Airflow(login) as airflow:
        statuses = _statuses(airflow, options.commit or "", options.app or "")
        _show(statuses, as_json=options.json and not options.watch, alone=bool(options.commit))
        while options.watch and (open_keys := [key for key, one in statuses.items() if not one.settled]):
            time.sleep(_WATCH_SECONDS)
            before, statuses = statuses, statuses | get_some(airflow, open_keys)
            if statuses != before and not options.json:
                _show(statuses, as_json=False, alone=bool(options.commit))
        if options.watch and options.json:
            _show(statuses, as_json=True, alone=bool(options.commit))
    return NOT_SO if any(status.failed for status in statuses.values()) else OK


def _statuses(airflow: Airflow, commit: str, repository: str) -> dict[str, PushStatus]:
    """Return what became of the pushes that are asked for, by partition key.

    :raises SlipwayError: when there are none, or several of one commit.
    """
    if commit or repository:
        keys = find_keys(airflow, commit, repository)
        if commit and len(keys) > 1:
            names = ", ".join("@".join(parse_partition_key(key)[:2]) for key in keys)
            raise SlipwayError(
                f"{commit} is more than one push: {names}. Give more digits, or --app OWNER/NAME."
            )
        statuses = get_some(airflow, keys)
    else:
        statuses = get_statuses(airflow)
    if not statuses:
        asked = " ".join(part for part in (repository, commit) if part) or "any application"
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
