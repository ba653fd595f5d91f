"""What Ironic answers, as what the caller does next.

https://docs.openstack.org/api-ref/baremetal/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from keystoneauth1.exceptions import ClientException, HttpError
from openstack.exceptions import HttpException, SDKException

from slipway.openstack.errors import OpenstackError, TransientOpenstackError

SHOWN = 600
_LOGIN = (
    ". Check the application credential of connection slipway_openstack (or of the environment's own, in "
    "apps.yaml): it needs the role member in the project that owns the nodes; for nodes that the project "
    "leases it needs the role manager"
)
CURES = {401: _LOGIN, 403: _LOGIN}


class IronicRefusedError(OpenstackError):
    """Ironic refuses what is asked of one node, or of all."""


class IronicConflictError(TransientOpenstackError):
    """A node is locked by something that Ironic does to it, or a name is taken: look, and ask again."""


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours.

    :param what: was asked for, in words.
    """
    try:
        yield
    except (HttpException, HttpError) as error:
        status = getattr(error, "status_code", None) or getattr(error, "http_status", None) or 0
        raise answered(what, int(status), str(error)) from error
    except (ClientException, SDKException, requests.RequestException) as error:
        raise TransientOpenstackError(f"OpenStack does not answer on {what}: {_short(str(error))}") from error


def accepted(what: str, answer: requests.Response) -> requests.Response:
    """Return ``answer`` when it is one of success.

    :raises IronicRefusedError: when the same request will fail again.
    :raises TransientOpenstackError: when it is worth another try.
    """
    if not answer.ok:
        raise answered(what, answer.status_code, fault(answer.text))
    return answer


def answered(what: str, status: int, said: str) -> OpenstackError | TransientOpenstackError:
    """Return the error that a status means."""
    said = _short(said)
    if status == requests.codes.conflict:
        return IronicConflictError(f"Ironic on {what}: {said}")
    if status in (408, 429) or status >= 500 or not status:
        return TransientOpenstackError(f"Ironic on {what}: {status or 'no status'} {said}")
    return IronicRefusedError(f"Ironic refuses {what}: {status} {said}{CURES.get(status, '')}")


def fault(text: str) -> str:
    """Return the sentence inside Ironic's JSON of an error, which is JSON in a string of JSON."""
    try:
        message = json.loads(text)["error_message"]
        message = json.loads(message) if isinstance(message, str) else message
        return str(message["faultstring"])
    except (ValueError, KeyError, TypeError):
        return text


def _short(text: str) -> str:
    return " ".join(text[: 4 * SHOWN].split())[:SHOWN].rstrip(".")
