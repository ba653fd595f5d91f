"""Errors of Ironic, named by what the caller does next.

https://docs.openstack.org/api-ref/baremetal/
"""

from __future__ import annotations

import json

import requests

from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.translation import LOGIN, Translation

_LOGIN = (
    f"{LOGIN}: it needs the role member in the project that owns the nodes; for nodes that the project "
    "leases it needs the role manager"
)


class IronicRefusedError(OpenstackError):
    """Ironic refuses what is asked of one node, or of all."""


class IronicConflictError(TransientOpenstackError):
    """A node is locked by an action of Ironic, or a name is taken: look, and try again."""


def fault(answer: requests.Response) -> str:
    """Return the sentence inside Ironic's JSON of an error, which is JSON in a string of JSON."""
    try:
        message = answer.json()["error_message"]
        message = json.loads(message) if isinstance(message, str) else message
        return str(message["faultstring"])
    except (ValueError, KeyError, TypeError):
        return answer.text


IRONIC = Translation(
    "Ironic",
    lambda status, _: _LOGIN if status in (401, 403) else "",
    others={409: IronicConflictError},
    refused=IronicRefusedError,
    words=fault,
)
told, accepted = IRONIC.told, IRONIC.accepted
