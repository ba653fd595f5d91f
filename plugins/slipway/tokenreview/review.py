"""``TokenReview`` in its two versions: bytes to a question, an answer to JSON; no I/O.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from slipway.flow.record import SlipwayError
from slipway.flow.tenancy.identity import Identity

VERSIONS = ("authentication.k8s.io/v1", "authentication.k8s.io/v1beta1")


class NoReviewError(SlipwayError):
    """The body is no TokenReview; the text says what is wrong, and repeats nothing of it."""


@dataclass(frozen=True)
class Review:
    """The question of kube-apiserver."""

    version: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class ReviewVerdict:
    """The user, or why the token is refused."""

    identity: Identity | None
    reason: str = ""


def read(body: bytes) -> Review:
    """Read a request.

    :raises NoReviewError: when it is none.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise NoReviewError("the body is not JSON") from None
    if not isinstance(asked, dict) or asked.get("kind") != "TokenReview":
        raise NoReviewError("the body is not a TokenReview")
    version, spec = asked.get("apiVersion"), asked.get("spec")
    if version not in VERSIONS:
        raise NoReviewError(f"apiVersion must be one of {', '.join(VERSIONS)}")
    token = spec.get("token") if isinstance(spec, dict) else None
    if not isinstance(token, str) or not token:
        raise NoReviewError("spec.token must be a non-empty string")
    return Review(version, token)


def answer(review: Review, verdict: ReviewVerdict) -> dict[str, Any]:
    """Return the TokenReview with its status.

    It names no audience: then the token is good for the API server that asks, and for nobody else.
    """
    status: dict[str, Any] = {"authenticated": verdict.identity is not None}
    if verdict.identity is not None:
        status["user"] = verdict.identity.to_json()
    elif verdict.reason:
        status["error"] = verdict.reason
    return {"apiVersion": review.version, "kind": "TokenReview", "status": status}
