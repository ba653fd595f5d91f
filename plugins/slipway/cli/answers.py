"""Airflow's answers: JSON, or an error that says what to do."""

from __future__ import annotations

from typing import Any

import httpx

from slipway.flow.record import SlipwayError

Json = dict[str, Any]

_SHOWN = 300  # characters of a foreign answer that an error repeats


class AirflowError(SlipwayError):
    """Airflow did not answer what was asked."""


class ServerError(AirflowError):
    """Airflow itself failed (5xx), several times."""


class AwayError(AirflowError):
    """Airflow does not answer at all."""


class ForbiddenError(AirflowError):
    """The login is refused, or its roles do not allow this."""


class TakenError(AirflowError):
    """The name is already in use (409)."""


class AirflowRefusedError(AirflowError):
    """The input breaks a rule of Airflow, or of the DAG's form."""


def object_of(response: httpx.Response) -> Json:
    """Return the JSON object that was answered.

    :raises AirflowError: when it is another answer; its kind says which.
    """
    if response.is_error:
        raise _error(response)
    try:
        value = response.json()
    except ValueError as error:
        raise AirflowError(
            f"{response.url} is not JSON. Check that AIRFLOW_URL is an Airflow 3 API server."
        ) from error
    if not isinstance(value, dict):
        raise AirflowError(f"{response.url} is not a JSON object. Check AIRFLOW_URL.")
    return value


def _error(response: httpx.Response) -> AirflowError:
    asked = f"{response.request.method} {response.url.path}"
    match response.status_code:
        case httpx.codes.FORBIDDEN:
            return ForbiddenError(
                f"this user may not do that: Airflow answered 403 to {asked}. docs/permissions.md says which "
                "role may; `slipway roles --apply` makes the roles, an administrator gives them."
            )
        case httpx.codes.CONFLICT:
            return TakenError(f"Airflow answered 409 to {asked}: {response.text[:_SHOWN]}")
        case httpx.codes.BAD_REQUEST | httpx.codes.UNPROCESSABLE_ENTITY if response.request.method != "GET":
            return AirflowRefusedError(f"Airflow refuses this input: {_detail(response)}")
    kind = ServerError if response.is_server_error else AirflowError
    return kind(
        f"Airflow answered {response.status_code} to {response.url.path}: {response.text[:_SHOWN]}. "
        "If it stays, the API server's log says why."
    )


def _detail(response: httpx.Response) -> str:
    try:
        told = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        told = response.text
    return str(told)[:_SHOWN]


def list_of(answer: Json, key: str) -> list[Json]:
    """Return the list that an answer has under ``key``."""
    found = answer.get(key)
    if not isinstance(found, list):
        raise AirflowError(f"Airflow's answer has no list {key!r}. Slipway needs Airflow 3.3's REST API.")
    return found
