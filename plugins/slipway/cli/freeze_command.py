"""``slipway freeze``: keeps releases out of an environment, lets one in, and lists what is closed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from slipway.cli import NOT_PERMITTED, OK, settings
from slipway.cli.answers import ForbiddenError, Json
from slipway.cli.api import Airflow
from slipway.cli.tables import printable
from slipway.flow.freezes import WantedExemption, WantedFreeze
from slipway.flow.moments import read_end, shown
from slipway.flow.record import SlipwayError

A_DAY = "+1d"
"""For how long a commit is let through, when nothing else is said."""
_OPTIONS = {"environment": "ENVIRONMENT", "repository": "--app", "reason": "--reason", "commit": "--let"}


def run(options: argparse.Namespace) -> int:
    """List, begin or end freezes, or let a commit through."""
    wanted = _wanted(options)
    login = settings.airflow(settings.environment(Path.cwd()), options.airflow_url, options.airflow_user)
    try:
        with Airflow(login) as airflow:
            found = _carry_out(airflow, options, wanted)
    except ForbiddenError as error:
        print(f"slipway: {error}", file=sys.stderr)
        return NOT_PERMITTED
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for line in lines(found):
            print(line)
    return OK


def _wanted(options: argparse.Namespace) -> Json:
    """Return what is sent for a freeze, or for a commit that is let through; empty for the others.

    :raises SlipwayError: when the options do not go together, or one breaks a rule.
    """
    if options.end or not options.environment:
        if options.until or options.reason or options.also_rollbacks or options.let:
            raise SlipwayError(
                "--until, --reason, --also-rollbacks and --let begin something: name an environment, and "
                "leave --end out."
            )
        if options.end and not options.environment:
            raise SlipwayError("--end needs an environment: `slipway freeze production --end`.")
        return {}
    if not (options.until or options.let):
        raise SlipwayError(
            "give --until TIME, like '2026-12-18 18:00 Europe/Berlin' or +2h: a freeze that everybody "
            "forgets ends then."
        )
    sent: Json = {
        "environment": options.environment,
        "repository": options.app,
        "until": read_end(options.until or A_DAY, datetime.now(UTC)),
        "reason": options.reason or "",
    }
    if not options.let:
        return _checked(WantedFreeze, sent | {"also_rollbacks": options.also_rollbacks})
    if options.also_rollbacks:
        raise SlipwayError("--also-rollbacks is about a freeze, and not about --let: leave it out.")
    return _checked(WantedExemption, sent | {"commit": options.let})


def _checked(model: type[WantedFreeze | WantedExemption], sent: Json) -> Json:
    try:
        return model.model_validate(sent).to_json()
    except ValidationError as error:
        [first, *_] = error.errors()
        field = _OPTIONS.get(str(first["loc"][0]), str(first["loc"][0]))
        raise SlipwayError(f"{field}: {first['msg']}.") from None


def _carry_out(airflow: Airflow, options: argparse.Namespace, wanted: Json) -> Json:
    """Ask the API server; returns what was begun, ended or found, as the listing has it."""
    if options.let:
        return {"exemptions": [airflow.let_through(wanted)]}
    if wanted:
        return {"freezes": [airflow.create_freeze(wanted)]}
    if not options.end:
        return airflow.get_freezes()
    if not (ended := airflow.end_freezes(options.environment, options.app or "")):
        whose = f" for {options.app}" if options.app else " for every application"
        raise SlipwayError(
            f"no freeze of {options.environment} was begun{whose} by `slipway freeze`. `slipway freeze` "
            "lists what is in force; what apps.yaml says ends there."
        )
    return {"ended": ended}


def lines(found: Json) -> Iterator[str]:
    """Yield what people read: a line for each freeze, each commit, and each environment that is closed."""
    for one in found.get("freezes", ()):
        rollbacks = ", rollbacks too" if one["also_rollbacks"] else ""
        yield _line(one, f"frozen until {_moment(one['until'])}{rollbacks}")
    for one in found.get("ended", ()):
        yield _line(one, "frozen no more")
    for one in found.get("exemptions", ()):
        yield _line(one, f"{one['commit'][:12]} is let through until {_moment(one['until'])}")
    for one in found.get("closed", ()):
        yield printable(f"{one['repository']}: {one['hold']['why']} (apps.yaml)")
    if not any(found.values()):
        yield "nothing is frozen, and every window is open"


def _line(one: Json, what: str) -> str:
    where = one["environment"] + (f" of {one['repository']}" if one["repository"] else "")
    return printable(f"{where}: {what} ({one['reason']}; by {one['by']}, {_moment(one['at'])})")


def _moment(text: str) -> str:
    return shown(datetime.fromisoformat(text))
