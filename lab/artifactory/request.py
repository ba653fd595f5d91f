"""What a route reads from a request: the store, the raw path, and the address that replies begin with."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request

from lab.artifactory import item_path
from lab.artifactory.item_path import Target
from lab.artifactory.refusal import Refusal
from lab.artifactory.store import Store


def store(request: Request) -> Store:
    """Return what the server keeps."""
    kept: Store = request.app.state.store
    return kept


def base(request: Request) -> str:
    """Return the address of ``/artifactory``, as the client knows it."""
    return f"{request.base_url}artifactory"


def raw_path(request: Request, prefix: str) -> str:
    """Return the path after ``/artifactory/<prefix>``, still percent-encoded."""
    raw: bytes = request.scope["raw_path"]
    return raw.decode("latin-1").removeprefix(f"/artifactory/{prefix}")


def target(request: Request, prefix: str = "") -> Target:
    """Read which item the path after ``prefix`` names.

    :raises Refusal: 400 when it is no such path.
    """
    return item_path.parse(raw_path(request, prefix))


def target_in(text: str) -> Target:
    """Read which item ``text``, a decoded query parameter, names.

    :raises Refusal: 400 when it is no such path.
    """
    return item_path.parse(quote(text, safe="/"))


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """Read a query parameter that is 0 or 1.

    :raises Refusal: 400 when it is something else.
    """
    given = request.query_params.get(name)
    if given is None:
        return default
    if given not in ("0", "1", "true", "false"):
        raise Refusal(400, f"Parameter '{name}' must be 0 or 1, not '{given[:20]}'.")
    return given in ("1", "true")


def number(request: Request, name: str) -> int | None:
    """Read a query parameter that is a whole number.

    :raises Refusal: 400 when it is something else.
    """
    given = request.query_params.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise Refusal(400, f"Parameter '{name}' must be a whole number, not '{given[:20]}'.")
    return int(given)


async def body(request: Request) -> Any:
    """Read a request's JSON.

    :raises Refusal: 400 when it is none.
    """
    try:
        return json.loads(await request.body())
    except ValueError:
        raise Refusal(400, "Bad request: the body is not JSON.") from None


async def text(request: Request) -> str:
    """Read a request's body as UTF-8.

    :raises Refusal: 400 when it is something else.
    """
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "Bad request: the body is not UTF-8.") from None


Kept = Annotated[Store, Depends(store)]
Base = Annotated[str, Depends(base)]
Body = Annotated[Any, Depends(body)]
Text = Annotated[str, Depends(text)]
