"""What Glance answers, as what the caller does next.

https://docs.openstack.org/api-ref/image/v2/index.html
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from keystoneauth1.exceptions import CatalogException, ClientException, HttpError
from openstack.exceptions import HttpException, SDKException, ServiceDisabledException

from slipway.openstack.errors import OpenstackError, TransientOpenstackError

SHOWN = 500
_LOGIN = (
    ". Check the application credential of connection slipway_openstack (or of the environment's own, in "
    "apps.yaml): does it still exist, and may it make images in its project?"
)
_FULL = (
    ". Glance has no room for it: delete images that nobody uses, or have the project's quota "
    "(image_size_total, image_stage_total) or Glance's store made larger."
)
_FORMAT = (
    ". The bytes are of another format than was said, or unsafe: build the image in the format of its name."
)
CURES = {401: _LOGIN, 403: _LOGIN, 413: _FULL, 507: _FULL, 415: _FORMAT}
_NO_ROOM = re.compile(r"no space|insufficient storage|storage (is )?full|disk quota|store.* is full", re.I)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours.

    :param what: was asked for, in words.
    """
    try:
        yield
    except HttpException as error:
        raise _answered(what, error.status_code or 0, str(error.details or error)) from error
    except HttpError as error:
        raise _answered(what, error.http_status or 0, str(error)) from error
    except (CatalogException, ServiceDisabledException) as error:
        raise OpenstackError(
            f"the cloud has no Glance for {what}: {_short(str(error))}. Check the region of connection "
            "slipway_openstack, and that the project's catalogue has the service image."
        ) from error
    except (ClientException, SDKException) as error:
        raise TransientOpenstackError(f"OpenStack does not answer on {what}: {_short(str(error))}") from error
    except requests.RequestException as error:
        raise TransientOpenstackError(f"Glance broke off on {what}: {_short(str(error))}") from error


def accepted(what: str, answer: requests.Response) -> requests.Response:
    """Return ``answer`` when it is one of success.

    :raises OpenstackError: when the same request will fail again.
    :raises TransientOpenstackError: when it is worth another try.
    """
    if not answer.ok:
        raise _answered(what, answer.status_code, text(answer))
    return answer


def _answered(what: str, status: int, said: str) -> OpenstackError | TransientOpenstackError:
    said = _short(said)
    if status == 503 and _NO_ROOM.search(said):
        status = 507  # what Glance says of a store that is full: 503 from some drivers
    if status in CURES:
        return OpenstackError(f"Glance refuses {what}: {status} {said}{CURES[status]}")
    if status in (408, 409, 429) or status >= 500 or not status:
        return TransientOpenstackError(f"Glance on {what}: {status or 'no status'} {said}")
    return OpenstackError(f"Glance refuses {what}: {status} {said}")


def text(answer: requests.Response) -> str:
    """Return what Glance's page of an error says."""
    plain = re.sub(r"<title>.*?</title>|<h1>.*?</h1>|<[^>]*>", " ", answer.text[: 8 * SHOWN], flags=re.S)
    return html.unescape(" ".join(plain.split()))


def _short(text: str) -> str:
    return text.strip()[:SHOWN].rstrip(".")
