"""A real API server with a store of its own: tenants' rights are tried without a pod that runs.

Its webhook is the product's own command, and Keystone is the lab's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx

from lab.environment import inherited
from lab.ground import Ground, ground_of
from lab.kubernetes import control_plane
from lab.kubernetes.api import Cluster
from lab.kubernetes.components import layout_of
from lab.kubernetes.files import Registry, write_files
from lab.kubernetes.layout import Layout
from lab.kubernetes.programs import Programs, ensure_kubernetes
from lab.kubernetes.tenants import ensure_namespaces, ensure_rights
from lab.kubernetes.versions import choose_version, version_of
from lab.paths import Paths, this_checkout
from lab.process import Process

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS = 60


@dataclass(frozen=True)
class ControlPlane:
    """etcd, API servers, the webhook."""

    folder: Path
    keystone: str

    @cached_property
    def ground(self) -> Ground:
        paths = Paths(checkout=self.folder, cache=this_checkout().cache)
        paths.make()
        return ground_of(paths)

    @cached_property
    def layout(self) -> Layout:
        version = version_of(this_checkout())
        choose_version(self.ground.paths, version)
        return layout_of(self.ground, Programs(kubernetes=ensure_kubernetes(version, this_checkout())))

    @property
    def authority(self) -> Path:
        return self.layout.certificates / "authority.crt"

    def kubeconfig(self, user: str) -> Path:
        return self.folder / f"kubeconfig-{user}"

    @cached_property
    def admin(self) -> Cluster:
        return Cluster(str(self.kubeconfig("admin")))

    def start(self) -> None:
        """Start it with RBAC, and give the product its logins there."""
        logins = {user: self.kubeconfig(user) for user in ("admin", "tenants", "slipway")}
        write_files(self.layout, Registry("127.0.0.1:1", "u", "p"), logins)
        self._process("etcd", control_plane.etcd(self.layout)).start()
        server = self._process("api-server", control_plane.api_server(self.layout))
        server.start()
        server.wait_until(self.admin.is_ready, SECONDS)
        ensure_namespaces(self.admin, "tests")
        ensure_rights(self.admin, CHECKOUT / "include" / "recipes" / "kubernetes")
        self.start_webhook()

    def start_webhook(self) -> None:
        """Serve ``slipway keystone-auth``."""
        keys, port = self.layout.certificates, self.layout.ports.token_webhook
        webhook = self._process(
            "webhook",
            [
                *(sys.executable, "-m", "slipway.cli", "keystone-auth", f"--auth-url={self.keystone}"),
                f"--listen=127.0.0.1:{port}",
                "--good-seconds=3",  # tests wait for revocations
                f"--tls-cert={keys / 'serving.crt'}",
                f"--tls-key={keys / 'serving.key'}",
            ],
        )
        webhook.start()
        webhook.wait_until(self._webhook_answers, SECONDS)

    def stop_webhook(self) -> None:
        self._process("webhook", []).stop()

    def start_abac(self, policy: Path) -> str:
        """Start a second API server on the same store, which goes by an ABAC file alone; return its URL."""
        port = self.ground.ports.get("abac", 16443)
        replaced = {"--secure-port": str(port), "--authorization-mode": "ABAC"}
        command = [
            f"{flag}={replaced[flag]}" if (flag := word.partition("=")[0]) in replaced else word
            for word in control_plane.api_server(self.layout)
        ]
        server = self._process("abac", [*command, f"--authorization-policy-file={policy}"])
        server.start()
        url = f"https://127.0.0.1:{port}"
        server.wait_until(lambda: self._answers(f"{url}/readyz"), SECONDS)
        return url

    def stop_abac(self) -> None:
        self._process("abac", []).stop()

    def stop(self) -> None:
        for name in ("abac", "webhook", "api-server", "etcd"):
            self._process(name, []).stop()

    def log(self, name: str) -> str:
        return self._process(name, []).log.read_text(errors="replace")

    def _webhook_answers(self) -> bool:
        return self._answers(f"https://127.0.0.1:{self.layout.ports.token_webhook}/slipway/keystone/healthz")

    def _answers(self, url: str) -> bool:
        try:
            token = next(row for row in self.layout.tokens.read_text().splitlines() if ",admin," in row)
            headers = {"Authorization": f"Bearer {token.partition(',')[0]}"}
            answer = httpx.get(url, headers=headers, verify=str(self.authority), timeout=2, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    def _process(self, name: str, command: list[str]) -> Process:
        environment = inherited(HOME=str(self.folder), PYTHONPATH=str(CHECKOUT / "plugins"))
        return Process(f"tenants-{name}", command, self.ground.paths, environment)


@dataclass(frozen=True)
class Person:
    """Somebody with kubectl, and nothing set but OS_USERNAME and OS_PASSWORD."""

    home: Path
    name: str
    password: str

    def variables(self) -> Mapping[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "OS_USERNAME": self.name,
            "OS_PASSWORD": self.password,
        }

    def slipway(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("slipway", *arguments)

    def kubectl(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return self._run("kubectl", f"--kubeconfig={self.home / 'config'}", *arguments, given=given)

    def _run(self, *command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.variables(),
            input=given or "",
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
