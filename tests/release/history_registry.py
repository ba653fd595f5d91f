"""The lab's code registry behind another door: what it sends of pushes waits for a test to deliver it."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from lab.access import Lab
from lab.git.__main__ import CHECKOUT
from lab.git.app import GitServer
from lab.git.repository import Repositories, write_settings
from slipway.cli.settings import Login
from tests.served import served

ANSWER_SECONDS = 120


@dataclass(frozen=True)
class SentDelivery:
    """A delivery as the code registry signed and sent it."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["x-github-delivery"]

    @cached_property
    def payload(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def renewed(self) -> SentDelivery:
        """Return the same body and signature under a new id: a replay needs no secret."""
        return replace(self, headers={**self.headers, "x-github-delivery": str(uuid.uuid4())})


@dataclass
class Mailbox:
    """Takes deliveries in the webhook's place."""

    sent: list[SentDelivery] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.sent.append(SentDelivery(headers, body))
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def empty(self) -> list[SentDelivery]:
        """Take out what is there."""
        taken, self.sent = self.sent, []
        return taken


@dataclass(frozen=True)
class Registry:
    """One door to the lab's repositories."""

    login: Login
    mailbox: Mailbox
    repositories: Repositories
    webhook: httpx.Client

    def deliver(self, one: SentDelivery) -> None:
        """Deliver to the real webhook, which takes it."""
        kept = {
            name: value
            for name, value in one.headers.items()
            if name.startswith("x-") or name in ("content-type", "user-agent")
        }
        answer = self.webhook.post("/slipway/webhooks/github", content=one.body, headers=kept)
        assert answer.status_code in (200, 202), answer.text

    def clear(self, repository: str) -> None:
        """Take away a repository's refs without telling anyone, and give it its first name back."""
        path = self.repositories.path(repository)
        if path.is_symlink():
            self.repositories.rename(renamed(repository), repository)
        if path.exists():
            git = ["git", "-C", str(path)]
            listed = [*git, "for-each-ref", "--format=delete %(refname)"]
            refs = subprocess.run(listed, check=True, capture_output=True, timeout=60).stdout
            subprocess.run([*git, "update-ref", "--stdin"], input=refs, check=True, timeout=60)


def renamed(repository: str) -> str:
    """Return a repository's second name."""
    return f"{repository}-renamed"


@contextmanager
def registry(lab: Lab, folder: Path) -> Iterator[Registry]:
    """Serve the lab's repositories, with a mailbox for what is sent of pushes."""
    git, mailbox = lab.git, Mailbox()
    repositories = Repositories((lab.state / "git").resolve())
    settings = write_settings(folder, [sys.executable, "-S", "-m", "lab.git.post_receive"])
    with served(mailbox) as receiver:
        environment = {
            "HOME": str(folder),
            "PYTHONPATH": str(CHECKOUT),
            "LAB_GIT_WEBHOOK_URL": receiver,
            "SLIPWAY_WEBHOOK_SECRET": lab.webhook_secret,
        }
        server = GitServer(repositories, git.user, git.password, git.url, settings, environment)
        web = httpx.Client(base_url=lab.airflow.url, timeout=ANSWER_SECONDS, trust_env=False)
        # Of uvloop's loops only one at a time can start programs.
        with served(server, loop="asyncio") as url, web:
            yield Registry(Login(f"{url}/git", git.user, git.password), mailbox, repositories, web)
