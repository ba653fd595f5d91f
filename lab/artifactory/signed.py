"""Addresses that let anybody fetch one file for a while.

https://jfrog.com/help/r/jfrog-rest-apis/create-signed-url: of JFrog's cloud only; here always.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import jwt

from lab.artifactory.item_path import ItemPath
from lab.artifactory.refusal import Refusal
from lab.artifactory.settings import Settings

SECONDS = 24 * 3600
LONGEST = 365 * 24 * 3600
PARAMETER = "sig"
_ALGORITHM = "HS256"


def expiry(asked: Any) -> int:
    """Read when the address is to end, in seconds since 1970: ``valid_for_secs``, or ``expiry`` in ms.

    :raises Refusal: 400 when that is no such time, or more than a year ahead.
    """
    now = int(time.time())
    given, milliseconds = asked.get("valid_for_secs"), asked.get("expiry")
    for value in (given, milliseconds):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value <= 0):
            raise Refusal(400, "valid_for_secs and expiry must be whole numbers above 0.")
    end = now + (given or SECONDS) if milliseconds is None else milliseconds // 1000
    if end > now + LONGEST:
        raise Refusal(400, "A signed URL ends after a year at the latest.")
    return end


def sign(settings: Settings, at: ItemPath, user: str, end: int) -> str:
    """Return the signature that ``?sig=`` carries."""
    claims = {"iss": user, "sub": str(at), "exp": end, "iat": int(time.time())}
    return jwt.encode(claims, _key(settings), algorithm=_ALGORITHM)


def signed_by(settings: Settings, at: ItemPath, signature: str) -> str:
    """Return who signed the address of ``at``.

    :raises Refusal: 403 when nobody did, or it has ended.
    """
    try:
        claims = jwt.decode(signature, _key(settings), algorithms=[_ALGORITHM], subject=str(at))
    except jwt.InvalidTokenError as error:
        raise Refusal(403, f"The signed URL is not valid: {error}") from None
    return str(claims["iss"])


def _key(settings: Settings) -> bytes:
    return hashlib.sha256(f"signed-url {settings.login.password}".encode()).digest()
