"""The cloud's login, lent to a program that is not trusted with it, for as long as it runs.

The program logs in at a small Keystone on the worker's loopback address, by a password that only it has.
That logs in at the real one and hands on the token: as often as the program asks, so no build is too long for
a token. The application credential stays in this process, and a token got by one cannot get another. When the
program has ended the tokens are revoked.

https://docs.openstack.org/api-ref/identity/v3/index.html#authentication-and-token-management
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from keystoneauth1.exceptions import ClientException
from openstack.connection import Connection

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
TOKENS = "/v3/auth/tokens"
USER = DOMAIN = "slipway"
MAX_BYTES = 64 * 1024
SUBJECT = "X-Subject-Token"


@contextmanager
def lent(cloud: Connection) -> Iterator[dict[str, str]]:
    """Lend the login of ``cloud``; yields the environment variables by which OpenStack's clients find it.

    https://docs.openstack.org/python-openstackclient/latest/cli/man/openstack.html#environment-variables
    """
    lender = _Lender(cloud)
    server = ThreadingHTTPServer((HOST, 0), _handler(lender))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, name="slipway-lending", daemon=True)
    thread.start()
    try:
        yield _environment(cloud, f"http://{HOST}:{server.server_port}/v3", lender.password)
    finally:
        server.shutdown()
        server.server_close()
        lender.revoke()


def _environment(cloud: Connection, address: str, password: str) -> dict[str, str]:
    found = {
        "OS_AUTH_URL": address,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_USERNAME": USER,
        "OS_PASSWORD": password,
        "OS_USER_DOMAIN_NAME": DOMAIN,
        "OS_DOMAIN_NAME": DOMAIN,
        "OS_PROJECT_ID": str(cloud.current_project_id or ""),
        "OS_REGION_NAME": str(cloud.config.get_region_name() or ""),
        "OS_CACERT": str(cloud.config.config.get("cacert") or ""),
    }
    return {name: value for name, value in found.items() if value}


class _Lender:
    """Logs in anew for who knows the password."""

    def __init__(self, cloud: Connection) -> None:
        self.password = secrets.token_urlsafe(32)
        self._cloud = cloud
        self._tokens: list[str] = []

    def knows(self, asked: Any) -> bool:
        """Say whether a request for a token brings the password."""
        try:
            given = str(asked["auth"]["identity"]["password"]["user"]["password"])
        except (KeyError, TypeError):
            return False
        return hmac.compare_digest(given.encode(), self.password.encode())

    def log_in(self) -> tuple[str, bytes]:
        """Return a new token, and what Keystone says of it."""
        auth = self._cloud.config.auth
        own = {"id": auth["application_credential_id"], "secret": auth["application_credential_secret"]}
        identity = {"methods": ["application_credential"], "application_credential": own}
        answer = self._cloud.session.post(
            self._address, json={"auth": {"identity": identity}}, authenticated=False, log=False
        )
        token = str(answer.headers[SUBJECT])
        self._tokens.append(token)
        return token, answer.content

    def revoke(self) -> None:
        """Have Keystone forget the tokens; one that it keeps ends by itself."""
        for token in self._tokens:
            headers = {"X-Auth-Token": token, SUBJECT: token}
            try:
                self._cloud.session.delete(self._address, headers=headers, authenticated=False, log=False)
            except ClientException as error:
                log.warning(
                    "a lent token could not be revoked; it expires by itself: %s", type(error).__name__
                )

    @property
    def _address(self) -> str:
        return f"{str(self._cloud.config.auth['auth_url']).rstrip('/').removesuffix('/v3')}{TOKENS}"


def _handler(lender: _Lender) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            if self.path.rstrip("/") != TOKENS:
                return self._refuse(404, "only a login is served here")
            if not lender.knows(self._asked()):
                return self._refuse(401, "this is not the lent password")
            try:
                token, content = lender.log_in()
            except ClientException as error:
                return self._refuse(503, f"Keystone refuses the login: {type(error).__name__}")
            return self._answer(201, content, {SUBJECT: token})

        def do_GET(self) -> None:
            links = [{"rel": "self", "href": f"http://{self.headers.get('Host', HOST)}/v3/"}]
            version = {"id": "v3.14", "status": "stable", "links": links}
            self._answer(200, json.dumps({"version": version, "versions": {"values": [version]}}).encode())

        def log_message(self, *_: object) -> None:
            pass

        def _asked(self) -> Any:
            length = int(self.headers.get("Content-Length") or 0)
            try:
                return json.loads(self.rfile.read(min(length, MAX_BYTES)))
            except ValueError:
                return None

        def _refuse(self, status: int, why: str) -> None:
            self._answer(status, json.dumps({"error": {"code": status, "message": why}}).encode())

        def _answer(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            sent = {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **(headers or {}),
            }
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    return Handler
