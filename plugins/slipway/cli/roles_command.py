"""``slipway roles``: prints Slipway's roles, and creates them in Airflow."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from slipway.cli import NOT_PERMITTED, OK, settings
from slipway.cli.answers import AirflowRefusedError, ForbiddenError
from slipway.cli.api import Airflow
from slipway.cli.roles import ROLES, Permission, actions, permissions
from slipway.flow.record import SlipwayError


def run(options: argparse.Namespace) -> int:
    """Print the roles, or create and update them in Airflow."""
    if not options.apply:
        print(json.dumps([{"name": name, "actions": actions(ROLES[name])} for name in ROLES], indent=2))
        return OK
    login = settings.airflow(settings.environment(Path.cwd()), options.airflow_url, options.airflow_user)
    try:
        with Airflow(login) as airflow:
            for name in ROLES:
                print(f"{name}: {apply(airflow, name, ROLES[name])}")
    except ForbiddenError as error:
        print(f"slipway: {error}", file=sys.stderr)
        return NOT_PERMITTED
    return OK


def apply(airflow: Airflow, name: str, wanted: frozenset[Permission]) -> str:
    """Create or update a role with exactly these permissions; returns what was done.

    :raises SlipwayError: when Airflow does not know one of the DAGs.
    """
    try:
        return _apply(airflow, name, wanted)
    except AirflowRefusedError as error:
        raise SlipwayError(
            f"{error}. The DAG processor must read Slipway's DAGs first: wait a minute after the start, or "
            "look for import errors in the UI."
        ) from error


def _apply(airflow: Airflow, name: str, wanted: frozenset[Permission]) -> str:
    if (role := airflow.find_role(name)) is None:
        airflow.create_role(name, actions(wanted))
        return "made"
    if permissions(role) == wanted:
        return "up to date"
    airflow.update_role(name, actions(wanted))
    return "updated"
