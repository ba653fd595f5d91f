"""``slipway keystone-auth``: the API server's token webhook, on the loopback address, with TLS."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.daemon import Daemon, asked
from lab.environment import inherited
from lab.ground import Ground
from lab.kubernetes.components import port
from lab.openstack.cloud import Cloud
from lab.ports import HOST
from lab.process import Process


@dataclass(frozen=True)
class KeystoneAuth(Daemon):
    """The product's webhook, as its command serves it; its certificate is the node's."""

    ground: Ground
    name: str = "keystone-auth"
    needs: tuple[str, ...] = ("kubernetes", "keystone")
    packages: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self._authority.exists() else 'http'}://{HOST}:{self._port}"

    def answers(self) -> bool:
        """Say whether it answers."""
        authority = ssl.create_default_context(cafile=self._authority) if self._authority.exists() else None
        return asked(f"{self.url}/slipway/keystone/healthz", authority=authority) is not None

    def exports(self) -> Mapping[str, str]:
        """Where it takes reviews."""
        return {"SLIPWAY_TOKEN_WEBHOOK_URL": f"{self.url}/slipway/keystone/tokenreviews"}

    @property
    def _port(self) -> int:
        return port(self.ground, "token_webhook")

    @property
    def _certificates(self) -> Path:
        return self.ground.paths.state / "kubernetes" / "certificates"

    @property
    def _authority(self) -> Path:
        """There is none when the cluster is the user's."""
        return self._certificates / "authority.crt"

    @property
    def process(self) -> Process:
        """``slipway keystone-auth``."""
        command = [sys.executable, "-m", "slipway.cli", "keystone-auth", f"--listen={HOST}:{self._port}"]
        command += [f"--auth-url={Cloud(self.ground).identity}"]
        if self._authority.exists():
            keys = self._certificates
            command += [f"--tls-cert={keys / 'serving.crt'}", f"--tls-key={keys / 'serving.key'}"]
        mine = {name: value for name, value in inherited().items() if not name.startswith("OS_")}
        return Process(self.name, command, self.ground.paths, mine)
