"""A mail server and a Slack that take messages and keep them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tests.served import served

TOKEN = "xoxb-a-token-of-the-test"


@dataclass
class Mailbox:
    """What the mail server took."""

    mails: list[EmailMessage] = field(default_factory=list)
    refuses: str = ""

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


class Server(Controller):
    """Listens on a port that nobody else can take meanwhile."""

    def __init__(self, box: Mailbox, listener: socket.socket) -> None:
        super().__init__(box, hostname="127.0.0.1", port=listener.getsockname()[1])
        self._listener = listener

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._listener)


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    box = Mailbox()
    server = Server(box, socket.create_server(("127.0.0.1", 0)))
    server.start()
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "slipway@example.org", "retry_limit": 0}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_SMTP", json.dumps(connection))
    yield box
    server.stop()


@dataclass
class Slack:
    """What Slack took."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=lambda: {"ok": True, "ts": "1"})
    status: int = 200

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/api/chat.postMessage")
        async def post(request: Request) -> Any:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return {"ok": False, "error": "invalid_auth"}
            if self.answers["ok"]:
                self.messages.append(await request.json())
            return JSONResponse(self.answers, self.status)

        return app


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    found = Slack()
    with served(found.app()) as url:
        connection = {"conn_type": "slack", "password": TOKEN, "extra": {"base_url": f"{url}/api/"}}
        monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_SLACK", json.dumps(connection))
        yield found
