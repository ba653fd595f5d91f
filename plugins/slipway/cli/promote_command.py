"""``slipway promote``: deploys an environment's release to another one, with the same images."""

from __future__ import annotations

import argparse
import sys

from slipway.cli import NOT_SO, OK
from slipway.cli.run_command import carry_out
from slipway.cli.starting import PROMOTE_FROM, Wish
from slipway.cli.status import DEPLOY_DAG


def run(options: argparse.Namespace) -> int:
    """Start the promotion; with ``--wait``, follow it until it has ended or was rejected."""
    params = {PROMOTE_FROM: options.source, "environment": options.target}
    code, told = carry_out(Wish(DEPLOY_DAG, options.app, params=params), options)
    if code == OK and options.wait and not told.deployments:
        url = told.runs[-1].url
        print(
            f"slipway: nothing was deployed; see the logs of its tasks `approve` and `release`: {url}",
            file=sys.stderr,
        )
        return NOT_SO
    return code
