"""Takes a node's packet filter rules off the machine.

kube-proxy and the kubelet put chains whose names begin with ``KUBE-`` beside everybody else's, the lab those
of the pods' bridge (``SLIPWAY-``), and rules that jump to them. ``kube-proxy --cleanup`` leaves the
kubelet's.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

from lab.command import run

FAMILIES = ("iptables", "ip6tables")
CHAIN = re.compile(r":(?P<name>(?:KUBE|SLIPWAY)-\S+) ")
RULE = re.compile(r"-A (?P<chain>\S+) (?P<rest>.*)")
JUMP = re.compile(r"-[jg] (?:KUBE|SLIPWAY)-\S+$")


def remove_rules() -> None:
    """Remove every chain of the node and every jump to one, in each table of each address family.

    :raises LabError: when iptables fails.
    """
    for family in FAMILIES:
        if shutil.which(f"{family}-save") is None:
            continue
        script = removal(run([f"{family}-save"], seconds=30))
        if script:
            run([f"{family}-restore", "--noflush"], given=script, seconds=30)


def removal(saved: str) -> str:
    """Return what ``iptables-restore --noflush`` has to read to undo the node's part of ``saved``."""
    tables = re.findall(r"^\*(\S+)\n(.*?)^COMMIT$", saved, re.MULTILINE | re.DOTALL)
    scripts = ((table, list(_table_removal(content))) for table, content in tables)
    return "".join("\n".join([f"*{table}", *lines, "COMMIT\n"]) for table, lines in scripts if lines)


def _table_removal(content: str) -> Iterator[str]:
    chains = CHAIN.findall(content)
    for rule in RULE.finditer(content):
        if rule["chain"] not in chains and JUMP.search(rule["rest"]):
            yield f"-D {rule['chain']} {rule['rest']}"
    yield from (f"-F {chain}" for chain in chains)
    yield from (f"-X {chain}" for chain in chains)
