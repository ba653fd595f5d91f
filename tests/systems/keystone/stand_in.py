"""What a Keystone does with tokens, counted: it knows those it is told, and may be slow, broken or away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from slipway.openstack.keystone.validation import TokenValidation
from slipway.tokenreview.authenticator import Authenticator, Rules
from tests.served import served


def token(name: str) -> str:
    """Return text in the shape of a Fernet token."""
    return "gAAAAA" + name.encode().hex().ljust(120, "0")


def document(name: str, seconds: float = 3600) -> dict[str, Any]:
    """Return the token document of a member of project p1."""
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    return {
        "token": {
            "user": {"id": f"id-{name}", "name": name, "domain": {"id": "default", "name": "Default"}},
            "project": {"id": "p1", "name": "shop", "domain": {"id": "default", "name": "Default"}},
            "roles": [{"id": "r1", "name": "member"}],
            "expires_at": expires.isoformat(),
            "audit_ids": ["a"],
        }
    }


@dataclass
class Keystone:
    """The far side."""

    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    status: int | None = None
    arrived: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event | None = None

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v3/auth/tokens")
        async def validate(request: Request) -> JSONResponse:
            subject = request.headers["x-subject-token"]
            assert request.headers["x-auth-token"] == subject
            self.asked.append(subject)
            self.arrived.set()
            if self.go_on is not None:
                await asyncio.to_thread(self.go_on.wait, 30)
            if self.status is not None:
                return JSONResponse({"error": "broken"}, status_code=self.status)
            found = self.known.get(subject)
            return JSONResponse(found or {"error": {"code": 404}}, status_code=200 if found else 404)

        return app


class Clock:
    """Moves when it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def authenticator(keystone: Keystone, rules: Rules | None = None) -> Iterator[tuple[Authenticator, Clock]]:
    """An authenticator that asks the stand-in over HTTP, on a clock of the test's."""
    clock = Clock()
    with served(keystone.app()) as url:
        asking = TokenValidation(f"{url}/v3")
        yield Authenticator(asking.validate, rules, clock), clock
