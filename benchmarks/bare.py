"""The named peer: the bare tools, run one after the other as a person or a shell script would."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.application import DOCKERFILE, MANIFESTS, say

NAMESPACE = "demo"
NAME = "bench-bare"


class Bare:
    """docker build, docker push, kubectl apply, kubectl rollout status, and a request to the page."""

    def __init__(self, known: dict[str, str], folder: Path, application: Path) -> None:
        self._folder = folder
        self._application = application
        self._registry = known["SLIPWAY_REGISTRY"]
        self._base = f"{known['SLIPWAY_DOCKERHUB']}/library/busybox:1.36"
        self._config = folder / "docker"
        self._config.mkdir(parents=True)
        logins = {
            known[name]: {
                "auth": base64.b64encode(
                    f"{known[name + '_USER']}:{known[name + '_PASSWORD']}".encode()
                ).decode()
            }
            for name in ("SLIPWAY_REGISTRY", "SLIPWAY_DOCKERHUB")
        }
        (self._config / "config.json").write_text(json.dumps({"auths": logins}))

    def _docker(self, *arguments: str) -> str:
        # The classic builder: the one that the engine's SDK talks to as well.
        return say("docker", "--config", str(self._config), *arguments, DOCKER_BUILDKIT="0")

    def _kubectl(self, *arguments: str) -> str:
        return say("kubectl", "--namespace", NAMESPACE, *arguments)

    def build_push_roll_out(self, page: str) -> float:
        """Build, push and roll out a new page; returns the seconds until it answered."""
        context = self._folder / "context"
        (context / "www").mkdir(parents=True, exist_ok=True)
        (context / "www" / "index.html").write_text(page + "\n")
        (context / "Dockerfile").write_text(DOCKERFILE.replace("busybox:1.36", self._base))
        image = f"{self._registry}/docker-local/{NAME}:{abs(hash(page))}"
        manifests = self._folder / "manifests.yaml"
        manifests.write_text(MANIFESTS.format(image=image))
        started = time.monotonic()
        self._docker("build", "--quiet", "--tag", image, str(context))
        self._docker("push", "--quiet", image)
        self._kubectl("apply", "--filename", str(manifests))
        self._kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=180s")
        self._answered(page)
        return time.monotonic() - started

    def _answered(self, page: str) -> None:
        port = self._kubectl("get", "service", NAME, "--output", "jsonpath={.spec.ports[0].nodePort}")
        url = f"http://127.0.0.1:{port}/"
        deadline, said = time.monotonic() + 60, ""
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    said = answer.read().decode()
            except (urllib.error.URLError, OSError) as error:
                said = str(error)
            if said.strip() == page:
                return
            time.sleep(0.1)
        raise SystemExit(f"{url} answers {said!r}, not {page!r}")

    def remove(self) -> None:
        """Remove what ran."""
        self._kubectl("delete", "deployment,service", NAME, "--ignore-not-found")
