"""What Neutron tells the hypervisor's DHCP server, as Neutron's own agent would.

https://docs.openstack.org/neutron/latest/configuration/dhcp-agent.html
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Dhcp:
    """dnsmasq on ``bridge``: it reads each file of the folder ``ports``; its id is in ``dnsmasq.pid``."""

    folder: Path
    bridge: str

    def give(self, port: Mapping[str, Any]) -> None:
        """Let a port's server have the port's addresses; dnsmasq sees new files by itself."""
        text = "".join(f"{port['mac_address']},{address}\n" for address in _addresses(port))
        file = self._file(port)
        if not file.exists() or file.read_text() != text:
            aside = file.with_name(f".{file.name}")
            aside.write_text(text)
            aside.rename(file)

    def take(self, port: Mapping[str, Any]) -> None:
        """Forget a port and its lease, so that another may have the address."""
        if not self._file(port).exists():
            return
        self._file(port).unlink()
        try:
            os.kill(int((self.folder / "dnsmasq.pid").read_text()), signal.SIGHUP)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return  # its next start reads what is there
        for address in _addresses(port):
            release = ["dhcp_release", self.bridge, address, port["mac_address"]]
            subprocess.run(release, check=False, timeout=30)

    def _file(self, port: Mapping[str, Any]) -> Path:
        return self.folder / "ports" / str(port["id"])


def _addresses(port: Mapping[str, Any]) -> list[str]:
    return [fixed["ip_address"] for fixed in port["fixed_ips"]]
