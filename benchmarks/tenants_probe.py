"""``python -m benchmarks.tenants_probe URL``: read a Keystone and plan, in a process that is measured.

Prints JSON: seconds of reading, of the first plan, of a plan that finds nothing to do; MiB at the peak.
The reader's password comes in the environment.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from openstack.connection import Connection

from slipway.flow.document import load
from slipway.flow.tenancy import abac
from slipway.flow.tenancy.difference import difference
from slipway.flow.tenancy.policy import Policy
from slipway.flow.tenancy.wanted import wanted
from slipway.kubernetes.tenancy.cluster import namespaces
from slipway.openstack.keystone.reader import read_directory

POLICY = Path(__file__).resolve().parents[1] / "include" / "tenancy.yaml"


def main(url: str) -> None:
    """Measure."""
    policy = load(POLICY.read_bytes(), Policy, POLICY.name)
    auth = {
        "auth_url": url,
        "username": os.environ["READER_USER"],
        "password": os.environ["READER_PASSWORD"],
        "user_domain_name": "Default",
        "system_scope": "all",
    }
    with Connection(auth_type="v3password", auth=auth, api_timeout=900) as cloud:
        begun = time.monotonic()
        directory = read_directory(cloud.session, url)
        read = time.monotonic()
    now = datetime.now(UTC)
    first = wanted(directory, policy, {})
    made = difference(first, [], policy, now)
    text = abac.render(first.grants, discovery=True)
    abac.check(text)
    planned = time.monotonic()
    live = first.objects
    again = difference(wanted(directory, policy, namespaces(live, policy.name)), live, policy, now)
    ended = time.monotonic()
    figures = {
        "read": read - begun,
        "plan": planned - read,
        "unchanged": ended - planned,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "assignments": len(directory.assignments),
        "made": len(made.apply),
        "left": len(again.lines),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
