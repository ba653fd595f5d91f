"""The application that both sides build and run: equal files, changed alike from round to round."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

DOCKERFILE = """\
FROM busybox:1.36
COPY www /www
USER 1000
EXPOSE 8080
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
"""

SPEC = """\
version: 1
name: bench
container:
  kubernetes:
    replicas: 1
    service: NodePort
    ports: [{name: http, container: 8080}]
    probes: {readiness: {http: /, period_seconds: 1}}
    health: {path: /, within_seconds: 60}
"""

MANIFESTS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: bench-bare, labels: {{app: bench-bare}}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: bench-bare}}}}
  template:
    metadata: {{labels: {{app: bench-bare}}}}
    spec:
      containers:
        - name: bench-bare
          image: {image}
          ports: [{{name: http, containerPort: 8080}}]
          readinessProbe: {{httpGet: {{path: /, port: http}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: bench-bare}}
spec:
  type: NodePort
  selector: {{app: bench-bare}}
  ports: [{{name: http, port: 80, targetPort: http, protocol: TCP}}]
"""


def say(*command: str, cwd: Path | None = None, **environment: str) -> str:
    """Run a command and return its output; its error output is part of the error it raises."""
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Checkout:
    """A working copy of the application, with a remote to push to."""

    folder: Path

    @classmethod
    def create(cls, folder: Path, remote: str) -> Checkout:
        """Make the repository in the empty ``folder``."""
        checkout = cls(folder)
        (folder / "www").mkdir(parents=True)
        (folder / "Dockerfile").write_text(DOCKERFILE)
        (folder / "slipway.yaml").write_text(SPEC)
        (folder / ".dockerignore").write_text("README.md\n.git\n")
        checkout.git("init", "--quiet", "--initial-branch", "main")
        checkout.git("config", "user.name", "Benchmark")
        checkout.git("config", "user.email", "benchmark@example.com")
        checkout.git("remote", "add", "origin", remote)
        return checkout

    def git(self, *arguments: str) -> str:
        """Run git in the working copy."""
        return say("git", *arguments, cwd=self.folder, GIT_TERMINAL_PROMPT="0")

    def change(self, page: str) -> None:
        """Give the application a new page: another input, another image."""
        (self.folder / "www" / "index.html").write_text(page + "\n")

    def commit(self, message: str) -> str:
        """Commit everything; returns the commit id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def push(self) -> None:
        """Push main."""
        self.git("push", "--quiet", "--force", "origin", "main")
