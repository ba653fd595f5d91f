"""The server itself and its repositories: https://jfrog.com/help/r/jfrog-rest-apis/system-configuration."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from lab.artifactory import repositories
from lab.artifactory.auth import Reader
from lab.artifactory.refusal import Refusal
from lab.artifactory.request import Base, Kept

router = APIRouter()

VERSION = "7.98.7"
"""The release whose API this server speaks a part of."""


@router.get("/api/system/ping")
def ping() -> PlainTextResponse:
    """Say that the server serves; the one call without a login."""
    return PlainTextResponse("OK")


@router.get("/api/system/version")
def version(_: Reader) -> dict[str, Any]:
    """Name the release."""
    return {"version": VERSION, "revision": "stand-in", "addons": ["build", "docker", "properties", "search"]}


@router.get("/api/repositories")
def every(_: Reader, store: Kept, base: Base) -> list[dict[str, str]]:
    """List the repositories."""
    with store.db.reading() as db:
        return [one.summary(base) for one in repositories.every(db)]


@router.get("/api/repositories/{key}")
def one(key: str, _: Reader, store: Kept) -> dict[str, Any]:
    """Show a repository's configuration.

    :raises Refusal: 400, as Artifactory has it, when there is none.
    """
    with store.db.reading() as db:
        found = repositories.find(db, key)
    if found is None:
        raise Refusal(400, f"Bad Request: there is no repository '{key[:80]}'.")
    return found.configuration()
