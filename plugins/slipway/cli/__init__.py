"""The ``slipway`` command.

Starting it costs an argument parser and nothing else: every subcommand imports what it needs when it
runs, and none of them imports Airflow. Exit codes are the same everywhere: 0 success, 1 check failed
(a document with errors, a push that failed), 2 could not run (usage, a missing file, no answer).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from slipway.flow.platforms import PIPELINES

OK, NOT_SO, NOT_ASKED, NOT_PERMITTED, TIMED_OUT, INTERRUPTED = 0, 1, 2, 3, 4, 130

_EXIT_CODES = "exit codes: 0 success; 1 check failed (errors in a document, a push that failed); " + (
    "2 could not run (usage, a missing file, Airflow does not answer)"
)

_RUN_CODES = "exit codes: 0 the run succeeded (or was started, without --wait); 1 it failed; " + (
    "2 could not run (refused input, Airflow does not answer); 3 not permitted; 4 not finished in time; 130 "
    "interrupted"
)


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser; ``command`` of its result names the module that runs it."""
    root = argparse.ArgumentParser(
        prog="slipway", description="One git push, built and deployed by Airflow.", epilog=_EXIT_CODES
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _schema(commands.add_parser("schema", help="print the JSON Schema of slipway.yaml or apps.yaml"))
    _validate(commands.add_parser("validate", help="check slipway.yaml and apps.yaml", epilog=_EXIT_CODES))
    _status(
        commands.add_parser("status", help="show the state of a commit on each platform", epilog=_EXIT_CODES)
    )
    _run(commands.add_parser("run", help="start a pipeline for a commit, and follow it", epilog=_RUN_CODES))
    _promote(
        commands.add_parser("promote", help="deploy one environment's release to another", epilog=_RUN_CODES)
    )
    _freeze(commands.add_parser("freeze", help="keep releases out of an environment", epilog=_EXIT_CODES))
    _roles(commands.add_parser("roles", help="show or apply Slipway's roles in Airflow", epilog=_EXIT_CODES))
    _demo(
        commands.add_parser("demo", help="push the example application twice and watch", epilog=_EXIT_CODES)
    )
    _keystone_token(
        commands.add_parser("keystone-token", help="kubectl credential plugin for OpenStack logins")
    )
    _kubeconfig(commands.add_parser("kubeconfig", help="write a kubeconfig for an OpenStack user"))
    _keystone_auth(commands.add_parser("keystone-auth", help="serve kube-apiserver's token webhook"))
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit code.

    :param arguments: without the program's name; ``sys.argv`` when None.
    """
    options = parser().parse_args(arguments)
    from slipway.flow.errors import SlipwayError

    try:
        code: int = import_module(f"slipway.cli.{options.command.replace('-', '_')}_command").run(options)
    except SlipwayError as error:
        print(f"slipway: {error}", file=sys.stderr)
        return NOT_ASKED
    except BrokenPipeError:
        sys.stderr.close()
        return NOT_ASKED
    except KeyboardInterrupt:
        print("slipway: interrupted; runs that were started continue in Airflow", file=sys.stderr)
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
        "--airflow-user", metavar="NAME", help="AIRFLOW_USER; the password comes from AIRFLOW_PASSWORD only"
    )


def _status(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "commit", nargs="?", help="7 to 64 digits; without it, each application's newest push"
    )
    command.add_argument("--app", metavar="OWNER/NAME", help="only this application")
    command.add_argument("--ref", metavar="REF", help="only pushes of this ref: full name, or a branch")
    command.add_argument("--json", action="store_true", help="print JSON (format: docs/cli.md)")
    command.add_argument(
        "--watch", action="store_true", help="wait until every platform has reached a final state"
    )
    _airflow(command)


def _run(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "pipeline",
        metavar="PIPELINE",
        choices=("push", *PIPELINES.values(), "deploy", "rollback"),
        help=f"push (all, and deploy), {', '.join(PIPELINES.values())}, deploy, rollback",
    )
    command.add_argument("--app", required=True, metavar="OWNER/NAME", help="the application's repository")
    command.add_argument("--commit", metavar="ID", help="40 digits; without it, --ref's newest")
    command.add_argument("--ref", metavar="REF", help="full name, or a branch; decides the environment")
    command.add_argument(
        "--deploy",
        action=argparse.BooleanOptionalAction,
        help="deploy the built image (needs --wait); `push` deploys anyway",
    )
    command.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a field of the DAG's form"
    )
    _following(command)
    _airflow(command)


def _promote(command: argparse.ArgumentParser) -> None:
    command.add_argument("app", metavar="OWNER/NAME", help="the application's repository")
    command.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="ENVIRONMENT",
        help="environment to take the release from",
    )
    command.add_argument(
        "--to", dest="target", required=True, metavar="ENVIRONMENT", help="environment to deploy it to"
    )
    _following(command)
    _airflow(command)


def _following(command: argparse.ArgumentParser) -> None:
    command.add_argument("--wait", action="store_true", help="wait until the run has ended")
    command.add_argument(
        "--timeout", type=float, default=7200, metavar="SECONDS", help="limit of --wait (7200)"
    )
    command.add_argument(
        "--idempotency-key",
        metavar="KEY",
        help="start at most one run for this key; used again, it finds that run",
    )
    command.add_argument("--json", action="store_true", help="print JSON (format: docs/cli.md)")


def _freeze(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "environment", nargs="?", metavar="ENVIRONMENT", help="without it: list what is frozen, or closed"
    )
    what = command.add_mutually_exclusive_group()
    what.add_argument("--end", action="store_true", help="end the freezes that were begun by this command")
    what.add_argument("--let", metavar="COMMIT", help="let this commit in, although others wait (40 digits)")
    command.add_argument(
        "--until", metavar="TIME", help="'2026-12-18 18:00 Europe/Berlin', +2h, +3d (--let: +1d)"
    )
    command.add_argument("--reason", metavar="TEXT", help="what people read who wait")
    command.add_argument("--app", metavar="OWNER/NAME", help="only this application")
    command.add_argument("--also-rollbacks", action="store_true", help="rollbacks wait, too")
    command.add_argument("--json", action="store_true", help="print JSON (format: docs/cli.md)")
    _airflow(command)


def _roles(command: argparse.ArgumentParser) -> None:
    command.add_argument("--apply", action="store_true", help="create or update them")
    _airflow(command)


def _demo(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--timeout", type=int, default=300, metavar="SECONDS", help="limit for each push (300)"
    )
    _airflow(command)


def _login(command: argparse.ArgumentParser) -> None:
    who = command.add_argument_group("login (default: OS_* variables, or OS_CLOUD and clouds.yaml)")
    who.add_argument("--cloud", metavar="NAME", help="of clouds.yaml")
    who.add_argument("--auth-url", metavar="URL", help="Keystone's address")
    who.add_argument("--user-domain", metavar="NAME", help="the user's domain, by name")
    who.add_argument("--project", metavar="ID", help="the project's id, or its name with --project-domain")
    who.add_argument("--project-domain", metavar="NAME", help="the project's domain, by name")


def _keystone_token(command: argparse.ArgumentParser) -> None:
    _login(command)


def _kubeconfig(command: argparse.ArgumentParser) -> None:
    command.add_argument("--server", required=True, metavar="URL", help="the cluster's address")
    command.add_argument("--certificate-authority", metavar="FILE", help="CA certificate of the cluster")
    command.add_argument("--cluster-name", default="kubernetes", metavar="NAME")
    command.add_argument(
        "--namespace",
        metavar="NAME",
        help="the project's namespace, where --namespace-format does not give it",
    )
    command.add_argument("--namespace-format", default="{project}", metavar="TEXT", help="as in tenancy.yaml")
    command.add_argument("--name", metavar="NAME", help="name of the user and context, with one project")
    command.add_argument(
        "--command-path", default="slipway", metavar="FILE", help="command that kubectl runs"
    )
    command.add_argument("--exec-version", choices=("v1", "v1beta1"), default="v1beta1")
    command.add_argument("--output", metavar="FILE", help="write to this file instead of printing")
    _login(command)


def _keystone_auth(command: argparse.ArgumentParser) -> None:
    command.add_argument("--listen", default="127.0.0.1:8443", metavar="ADDRESS:PORT")
    command.add_argument("--auth-url", metavar="URL", help="Keystone's address (OS_AUTH_URL)")
    command.add_argument("--ca-certificate", metavar="FILE", help="CA certificate of Keystone")
    command.add_argument("--tls-cert", metavar="FILE", help="certificate to serve with")
    command.add_argument("--tls-key", metavar="FILE", help="its key")
    command.add_argument(
        "--client-ca", metavar="FILE", help="CA certificate of the API server's client certificate"
    )
    command.add_argument(
        "--good-seconds",
        type=float,
        default=30,
        metavar="N",
        help="seconds for which a valid token is cached: 0 to 300 (30)",
    )
