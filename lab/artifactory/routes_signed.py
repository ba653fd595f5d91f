"""Signed URLs: https://jfrog.com/help/r/jfrog-rest-apis/create-signed-url."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from lab.artifactory import signed
from lab.artifactory.auth import Writer
from lab.artifactory.refusal import Refusal
from lab.artifactory.request import Base, Body, Kept, target_in

router = APIRouter()


@router.post("/api/signed/url")
def create(user: Writer, store: Kept, base: Base, asked: Body) -> PlainTextResponse:
    """Return the address from which anybody may fetch file ``repo_path`` for a while.

    :raises Refusal: 400 when the body is not as it must be; 404 when there is no such file.
    """
    if not isinstance(asked, dict) or not isinstance(asked.get("repo_path"), str):
        raise Refusal(400, "repo_path is missing: give the file as /repository/path.")
    at = target_in(asked["repo_path"].lstrip("/")).at
    end = signed.expiry(asked)
    if store.get(at)[0].is_folder:
        raise Refusal(400, f"Expected a file but found a folder: '{at}'")
    signature = signed.sign(store.settings, at, user, end)
    return PlainTextResponse(f"{base}/{at.url()}?{signed.PARAMETER}={signature}")
