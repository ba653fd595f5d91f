"""``slipway validate``: the check that the first task of every pipeline makes, before the push."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from slipway.cli import NOT_ASKED, NOT_SO, OK
from slipway.flow.apps import Apps
from slipway.flow.document import DocumentError, load
from slipway.flow.record import Record
from slipway.flow.spec import BuildSpec
from slipway.flow.tenancy.policy import Policy


def model_of(path: Path) -> type[Record]:
    """Return what a file of this name holds: ``apps*`` the allow-list, ``tenancy*`` a policy, else a spec."""
    if path.name.startswith("tenancy"):
        return Policy
    return Apps if path.name.startswith("apps") else BuildSpec


def run(options: argparse.Namespace) -> int:
    """Check every file and print ``ok`` or its errors; the worst answer is the exit code."""
    return max(_check(Path(name)) for name in options.files)


def _check(path: Path) -> int:
    try:
        data = path.read_bytes()
    except OSError as error:
        print(f"{path}: cannot be read: {error.strerror}. Name an existing file.", file=sys.stderr)
        return NOT_ASKED
    try:
        load(data, model_of(path), str(path))
    except DocumentError as error:
        print(error, file=sys.stderr)
        return NOT_SO
    print(f"{path}: ok")
    return OK
