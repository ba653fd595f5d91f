"""Who asks: basic login, or a personal access token (``Bearer``)."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Annotated

from fastapi import Depends, Request

from lab.jira.refusal import LoginFailed, Refusal
from lab.jira.settings import Settings


def user(request: Request) -> str:
    """Return the user's name.

    :raises Refusal: 401 without a login.
    :raises LoginFailed: with a wrong one.
    """
    settings: Settings = request.app.state.settings
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        raise Refusal(401, "You are not authenticated. Authentication required to perform this operation.")
    name, secret = settings.user, credentials.strip()
    if scheme.lower() == "basic":
        name, secret = _basic(credentials)
    if name != settings.user or not hmac.compare_digest(secret.encode(), settings.token.encode()):
        raise LoginFailed
    return name


def _basic(credentials: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise LoginFailed from None
    return name, password


User = Annotated[str, Depends(user)]
