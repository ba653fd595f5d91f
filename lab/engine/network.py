"""What a docker engine does to the machine, and how that is undone.

dockerd makes a bridge, iptables chains and a few folders, turns forwarding on and closes the FORWARD
chain, and leaves all of it behind when it ends.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.command import run

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
CHAIN = re.compile(r"^:(DOCKER\S*) ", re.MULTILINE)
RULE = re.compile(r"^-A (?P<chain>\S+) (?P<rest>.*)$", re.MULTILINE)
BRIDGE = "docker0"
FOLDERS = ("/opt/containerd", "/run/containerd", "/run/docker", "/run/runc")
"""What dockerd, containerd and BuildKit's runc make wherever their own folders are."""


@dataclass(frozen=True)
class Former:
    """The machine as it was before the engine's first start."""

    forwarding: str
    policy: str
    had_bridge: bool
    folders: list[str]
    """Those of :data:`FOLDERS` that were there."""

    @classmethod
    def read(cls) -> Former:
        """Return what is true now.

        :raises LabError: when iptables cannot be used on this machine.
        """
        rules = run(["iptables", "-S", "FORWARD"], seconds=30)
        return cls(
            forwarding=FORWARDING.read_text().strip(),
            policy=rules.split()[2],
            had_bridge=Path("/sys/class/net", BRIDGE).exists(),
            folders=[folder for folder in FOLDERS if Path(folder).exists()],
        )

    def keep(self, path: Path) -> None:
        """Write this down, unless an earlier start has."""
        if not path.exists():
            path.write_text(json.dumps(asdict(self)))


def remove_traces(kept: Path) -> None:
    """Remove the engine's chains, rules, bridge and folders, and restore the settings in ``kept``."""
    if not kept.exists():
        return
    former = Former(**json.loads(kept.read_text()))
    for folder in set(FOLDERS) - set(former.folders):
        shutil.rmtree(folder, ignore_errors=True)
    if former.had_bridge:  # another engine's, whose rules look the same
        return
    script = removal(run(["iptables-save"], seconds=30), former.policy)
    if script:
        run(["iptables-restore", "--noflush"], given=script, seconds=30)
    if Path("/sys/class/net", BRIDGE).exists():
        run(["ip", "link", "delete", BRIDGE], seconds=30)
    FORWARDING.write_text(former.forwarding)


def removal(saved: str, policy: str) -> str:
    """Return what ``iptables-restore --noflush`` must read to undo an engine's part of ``saved``.

    :param saved: what ``iptables-save`` printed.
    :param policy: the FORWARD chain's policy as it was before.
    """
    tables = re.findall(r"^\*(\S+)\n(.*?)^COMMIT$", saved, re.MULTILINE | re.DOTALL)
    scripts = ((table, list(_table_removal(content))) for table, content in tables)
    texts = []
    for table, lines in scripts:
        head = [f":FORWARD {policy}"] if table == "filter" and lines else []
        if lines:
            texts.append("\n".join([f"*{table}", *head, *lines, "COMMIT\n"]))
    return "".join(texts)


def _table_removal(content: str) -> Iterator[str]:
    chains = CHAIN.findall(content)
    for rule in RULE.finditer(content):
        ours = BRIDGE in rule["rest"].split() or re.search(r"-j DOCKER\S*$", rule["rest"])
        if ours and rule["chain"] not in chains:
            yield f"-D {rule['chain']} {rule['rest']}"
    yield from (f"-F {chain}" for chain in chains)
    yield from (f"-X {chain}" for chain in chains)
