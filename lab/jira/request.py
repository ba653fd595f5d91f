"""What a route reads from a request."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends, Request

from lab.jira.issues import Issue, Issues
from lab.jira.refusal import Refusal


def kept(request: Request) -> Issues:
    """Return what the server keeps."""
    found: Issues = request.app.state.issues
    return found


def named(key: str, issues: Annotated[Issues, Depends(kept)]) -> Issue:
    """Return the issue that the address names.

    :raises Refusal: 404 when there is none.
    """
    if (found := issues.find(key)) is None:
        raise Refusal(404, "Issue Does Not Exist")
    return found


async def body(request: Request) -> dict[str, Any]:
    """Read a request's JSON object.

    :raises Refusal: 415 when it does not say that it is JSON, 400 when it is none.
    """
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refusal(415, "Unsupported Media Type")
    try:
        read = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Refusal(400, "Unexpected character in the request's JSON") from None
    if not isinstance(read, dict):
        raise Refusal(400, "Can not deserialize the request: an object is expected")
    return read


Kept = Annotated[Issues, Depends(kept)]
Named = Annotated[Issue, Depends(named)]
Body = Annotated[dict[str, Any], Depends(body)]
