"""The ``slipway`` command.

Starting it costs an argument parser and nothing else: every subcommand imports what it needs when it
runs, and none of them imports Airflow. Exit codes are the same everywhere: 0 it is so, 1 it is not
(a document with errors, a push that failed), 2 it could not be asked (usage, a missing file, no answer).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

OK, NOT_SO, NOT_ASKED = 0, 1, 2

_EXIT_CODES = "exit codes: 0 it is so; 1 it is not (errors in a document, a push that failed); " + (
    "2 it could not be asked (usage, a missing file, Airflow does not answer)"
)


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser; ``command`` of its result names the module that runs it."""
    root = argparse.ArgumentParser(
        prog="slipway", description="One git push, built and deployed by Airflow.", epilog=_EXIT_CODES
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _schema(commands.add_parser("schema", help="print the JSON Schema of slipway.yaml or apps.yaml"))
    _validate(commands.add_parser("validate", help="check slipway.yaml and apps.yaml", epilog=_EXIT_CODES))
    _status(commands.add_parser("status", help="what a commit became, by platform", epilog=_EXIT_CODES))
    _demo(
        commands.add_parser("demo", help="push the example application twice and watch", epilog=_EXIT_CODES)
    )
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit code.

    :param arguments: without the program's name; ``sys.argv`` when None.
    """
    options = parser().parse_args(arguments)
    from slipway.flow.record import SlipwayError

    try:
        code: int = import_module(f"slipway.cli.{options.command}_command").run(options)
    except SlipwayError as error:
        print(f"slipway: {error}", file=sys.stderr)
        return NOT_ASKED
    except BrokenPipeError:
        sys.stderr.close()
        return NOT_ASKED
    except KeyboardInterrupt:
        print("slipway: stopped; what was pushed goes on without this command", file=sys.stderr)
        return NOT_ASKED
    return code


def _schema(command: argparse.ArgumentParser) -> None:
    command.add_argument("document", nargs="?", choices=("slipway", "apps", "tenancy"), default="slipway")


def _validate(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        default=["slipway.yaml"],
        help="default ./slipway.yaml; `apps*` is read as apps.yaml, `tenancy*` as tenancy.yaml",
    )


def _airflow(command: argparse.ArgumentParser) -> None:
    where = command.add_argument_group("Airflow (default: the environment, then .lab/env)")
    where.add_argument("--airflow-url", metavar="URL", help="AIRFLOW_URL")
    where.add_argument(
        "--airflow-user", metavar="NAME", help="AIRFLOW_USER; the password only by AIRFLOW_PASSWORD"
    )


def _status(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "commit", nargs="?", help="7 to 64 digits; without it, each application's newest push"
    )
    command.add_argument("--app", metavar="OWNER/NAME", help="only this application")
    command.add_argument("--json", action="store_true", help="print JSON (docs/cli.md has its shape)")
    command.add_argument("--watch", action="store_true", help="go on until every platform has settled")
    _airflow(command)


def _demo(command: argparse.ArgumentParser) -> None:
    command.add_argument("--timeout", type=int, default=300, metavar="SECONDS", help="for each push (300)")
    _airflow(command)
