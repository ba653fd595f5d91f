"""The ASGI application: who may speak, which repository is meant, then ``git http-backend``."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.git.backend import Receive, Send, exchange
from lab.git.repository import Repositories, RepositoryNameError

ROUTE = re.compile(
    r"/git/(?P<owner>[^/]+)/(?P<name>[^/]+?)(?:\.git)?/(?P<call>info/refs|git-upload-pack|git-receive-pack)"
)
SERVICES = {"git-upload-pack", "git-receive-pack"}

Scope = MutableMapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One request of the smart HTTP protocol."""

    repository: str
    path: str
    service: str

    @property
    def pushes(self) -> bool:
        """Whether it is part of a push."""
        return self.service == "git-receive-pack"

    @property
    def method(self) -> str:
        """The HTTP method this call takes."""
        return "GET" if self.path == "info/refs" else "POST"


def parse_call(path: str, query: str) -> Call | None:
    """Read a request's path and query; None when it is no call of the smart protocol."""
    route = ROUTE.fullmatch(path)
    if route is None:
        return None
    service = query.removeprefix("service=") if route["call"] == "info/refs" else route["call"]
    if service not in SERVICES:
        return None
    return Call(f"{route['owner']}/{route['name']}", route["call"], service)


@dataclass(frozen=True)
class GitServer:
    """Serves the smart HTTP protocol for every repository below one folder.

    ``settings`` is the Git configuration file all repositories share; ``environment`` is handed to the
    ``post-receive`` hook (where deliveries go, and the secret that signs them).
    """

    repositories: Repositories
    user: str
    password: str
    url: str
    settings: Path
    environment: Mapping[str, str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/git/health":
            await _say(send, 200, "ok")
        elif not self._knows(_header(scope, b"authorization")):
            await _say(send, 401, "log in with the lab's user and password", b'Basic realm="Slipway lab git"')
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = parse_call(scope["path"], scope["query_string"].decode("latin-1"))
        if call is None:
            await _say(send, 404, "not found: /git/<owner>/<name>.git speaks Git's smart HTTP protocol only")
        elif call.method != scope["method"]:
            await _say(send, 405, f"method not allowed: {call.path} takes {call.method}")
        else:
            await self._exchange(call, scope, receive, send)

    async def _exchange(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        choose = self.repositories.ensure if call.pushes else self.repositories.find
        try:
            path = await asyncio.to_thread(choose, call.repository)
        except RepositoryNameError as error:
            await _say(send, 400, str(error))
            return
        if path is None:
            await _say(send, 404, f"repository {call.repository} does not exist; the first push creates it")
            return
        present = self.repositories.name_of(path)
        await exchange(self._cgi(scope, present, f"{path}/{call.path}"), receive, send)

    def _knows(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        expected = f"{self.user}:{self.password}".encode()
        return scheme.lower() == "basic" and hmac.compare_digest(given, expected)

    def _cgi(self, scope: Scope, full_name: str, translated: str) -> dict[str, str]:
        environment = {
            **self.environment,
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_CONFIG_GLOBAL": str(self.settings),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_TRANSLATED": translated,
            "REQUEST_METHOD": scope["method"],
            "QUERY_STRING": scope["query_string"].decode("latin-1"),
            "CONTENT_TYPE": _header(scope, b"content-type"),
            "HTTP_CONTENT_ENCODING": _header(scope, b"content-encoding"),
            "GIT_PROTOCOL": _header(scope, b"git-protocol"),
            "REMOTE_USER": self.user,
            "REMOTE_ADDR": scope["client"][0] if scope.get("client") else "",
            "LAB_GIT_REPOSITORY": full_name,
            "LAB_GIT_REPOSITORY_URL": f"{self.url}/{full_name}",
        }
        length = _header(scope, b"content-length")
        return {**environment, "CONTENT_LENGTH": length} if length.isdecimal() else environment


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


async def _say(send: Send, status: int, text: str, challenge: bytes = b"") -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if challenge:
        headers.append((b"www-authenticate", challenge))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode() + b"\n"})
