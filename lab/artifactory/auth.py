"""Who asks: basic login, access token (``Bearer``), API key (``X-JFrog-Art-Api``) or a signed URL."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Annotated

from fastapi import Depends, Request

from lab.artifactory import signed
from lab.artifactory.refusal import Refusal
from lab.artifactory.request import target
from lab.artifactory.settings import Login, Settings

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Artifactory Realm"'}


def reader(request: Request) -> str:
    """Return the name of the user who asks.

    :raises Refusal: 401 when nobody known does; 403 when an address is not signed as it says.
    """
    settings: Settings = request.app.state.store.settings
    if (signature := request.query_params.get(signed.PARAMETER)) is not None:
        request.state.writes = False
        return signed.signed_by(settings, target(request).at, signature)
    login = _who(request, settings)
    if login is None:
        given = "authorization" in request.headers or "x-jfrog-art-api" in request.headers
        raise Refusal(401, "Bad credentials" if given else "Authentication is required", _CHALLENGE)
    request.state.writes = login == settings.login
    return login.user


def writer(request: Request, user: Annotated[str, Depends(reader)]) -> str:
    """Return the name of a user who may change things.

    :raises Refusal: 401 as :func:`reader`; 403 when the user may read only.
    """
    if not request.state.writes:
        raise Refusal(403, f"Not enough permissions for user '{user}': deploy, annotate, delete and manage")
    return user


def _who(request: Request, settings: Settings) -> Login | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    user, secret = None, request.headers.get("x-jfrog-art-api")
    if scheme.lower() == "bearer":
        secret = credentials.strip()
    elif scheme.lower() == "basic":
        user, secret = _basic(credentials)
    known = [settings.login, *([settings.reader] if settings.reader else [])]
    return next((login for login in known if secret is not None and _is(login, user, secret)), None)


def _basic(credentials: str) -> tuple[str, str | None]:
    try:
        user, colon, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", None
    return user, password if colon else None


def _is(login: Login, user: str | None, secret: str) -> bool:
    right = hmac.compare_digest(secret.encode(), login.password.encode())
    return right and (user is None or user == login.user)


Reader = Annotated[str, Depends(reader)]
Writer = Annotated[str, Depends(writer)]
