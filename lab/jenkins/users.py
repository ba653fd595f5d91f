"""Who may enter: basic authentication, sessions, and crumbs bound to a session.

https://www.jenkins.io/doc/book/security/csrf-protection/
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from fastapi import Request

from lab.jenkins.refusal import Refusal
from lab.jenkins.settings import User

CRUMB = "Jenkins-Crumb"
COOKIE = "JSESSIONID.lab"


class Users:
    """One user, and the sessions that began since the server did."""

    def __init__(self, user: User) -> None:
        self.user = user
        self._key = secrets.token_bytes(32)

    def forget_sessions(self) -> None:
        """Have no crumb of before be valid any more, as after a restart."""
        self._key = secrets.token_bytes(32)

    def enter(self, request: Request) -> str:
        """Return the name of who asks.

        :raises Refusal: 401 when it is nobody; 403 when a change is asked for without a crumb.
        """
        secret = self._secret(request)
        if secret not in (self.user.password, self.user.token):
            raise Refusal(401, "Unauthorized" if not secret else "Invalid password/token")
        by_token = secret == self.user.token
        if request.method == "POST" and not by_token:
            given, session = request.headers.get(CRUMB, ""), request.cookies.get(COOKIE, "")
            if not session or given != self.crumb(session):
                raise Refusal(403, "No valid crumb was included in the request")
        return self.user.name

    def crumb(self, session: str) -> str:
        """Return the crumb of a session."""
        return hmac.new(self._key, f"{self.user.name}:{session}".encode(), hashlib.sha256).hexdigest()

    def _secret(self, request: Request) -> str:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return ""
        try:
            name, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return secret if name == self.user.name else ""
