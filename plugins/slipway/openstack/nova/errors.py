"""What Nova and Neutron answer, as what the caller does next.

https://docs.openstack.org/api-ref/compute/ and https://docs.openstack.org/api-ref/network/v2/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from keystoneauth1.exceptions import (
    AuthorizationFailure,
    ClientException,
    DiscoveryFailure,
    EndpointNotFound,
    HttpError,
)
from openstack.exceptions import HttpException, SDKException

from slipway.openstack.errors import OpenstackError, TransientOpenstackError

SHOWN = 500
_LOGIN = (
    "Check the application credential of connection slipway_openstack (or of the environment's own, in "
    "apps.yaml): does it still exist, has it not expired, and has it the role `member` in its project?"
)
_QUOTA = (
    "The project has no room for it: remove servers that nobody needs, have the quota raised, or use a "
    "smaller flavor, batch or count"
)


class NovaConflictError(TransientOpenstackError):
    """The server is busy with another order, or just went away: look at it again."""


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours.

    :param what: was asked for, in words.
    :raises NovaConflictError: when it is worth to look again at once.
    :raises OpenstackError: when the same request will fail again.
    :raises TransientOpenstackError: when it is worth another try.
    """
    try:
        yield
    except HttpException as error:
        raise _answered(what, error.status_code or 0, str(error.details or error)) from error
    except HttpError as error:
        raise _answered(what, error.http_status or 0, str(error)) from error
    except EndpointNotFound as error:
        raise OpenstackError(
            f"the cloud has no service for {what}: {_short(str(error))}. Check the connection's region."
        ) from error
    except (AuthorizationFailure, DiscoveryFailure, ClientException, SDKException) as error:
        raise TransientOpenstackError(f"OpenStack does not answer on {what}: {_short(str(error))}") from error
    except requests.RequestException as error:
        raise TransientOpenstackError(f"OpenStack broke off on {what}: {_short(str(error))}") from error


def _answered(what: str, status: int, said: str) -> OpenstackError | TransientOpenstackError:
    said = _short(said)
    if status in (404, 409):
        return NovaConflictError(f"{what}: {status} {said}")
    if status == 403 and ("quota" in said.lower() or "exceeded" in said.lower()):
        return OpenstackError(f"OpenStack refuses {what}: {said}. {_QUOTA}.")
    if status == 413:
        return OpenstackError(f"OpenStack refuses {what}: {said}. {_QUOTA}.")
    if status in (401, 403):
        return OpenstackError(f"OpenStack refuses {what}: {status} {said}. {_LOGIN}")
    if status in (408, 429) or status >= 500 or not status:
        return TransientOpenstackError(f"OpenStack on {what}: {status or 'no status'} {said}")
    return OpenstackError(f"OpenStack refuses {what}: {status} {said}")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
