"""Errors of Glance, named by what the caller does next.

https://docs.openstack.org/api-ref/image/v2/index.html
"""

from __future__ import annotations

import html
import re

import requests

from slipway.openstack.errors import TransientOpenstackError
from slipway.openstack.translation import LOGIN, SHOWN, Translation

_LOGIN = f"{LOGIN}: does it still exist, and may it create images in its project?"
_FULL = (
    "Glance is full: delete unused images, or have the project's quota (image_size_total, image_stage_total) "
    "or Glance's store enlarged."
)
_FORMAT = (
    "The bytes have another format than declared, or are unsafe: build the image in the format of its name."
)
CURES = {401: _LOGIN, 403: _LOGIN, 413: _FULL, 507: _FULL, 415: _FORMAT}
_NO_ROOM = re.compile(r"no space|insufficient storage|storage (is )?full|disk quota|store.* is full", re.I)


def text(answer: requests.Response) -> str:
    """Return what Glance's page of an error says."""
    plain = re.sub(r"<title>.*?</title>|<h1>.*?</h1>|<[^>]*>", " ", answer.text[: 8 * SHOWN], flags=re.S)
    return html.unescape(" ".join(plain.split()))


def _cure(status: int, said: str) -> str:
    if status == 503 and _NO_ROOM.search(said):  # what some drivers say of a store that is full
        return _FULL
    return CURES.get(status, "")


GLANCE = Translation(
    "Glance",
    _cure,
    others={409: TransientOpenstackError},
    lacking="Check the region of connection slipway_openstack, and that the project's catalogue has the "
    "service image.",
    words=text,
)
told, accepted = GLANCE.told, GLANCE.accepted
