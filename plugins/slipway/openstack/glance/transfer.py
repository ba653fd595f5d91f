"""Bytes into Glance and out of it, as the sink and the source of a stream.

The SDK's own upload and download are not used: the first would send the rest of a stream as a whole image
when it logs in anew or connects anew on its way; the second hashes in the thread that reads.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterable

import requests
from openstack.image.v2.image import Image

from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.glance.errors import accepted, told
from slipway.openstack.glance.glance import Glance
from slipway.streams.body import body
from slipway.streams.hashes import ALGORITHMS, Hashes
from slipway.streams.tee import CHUNK, Source

ANSWER_SECONDS = 900
"""How long Glance may take to put away what it got, and between two parts of what it sends."""
ACTIVE_SECONDS = 300
POLL_SECONDS = 0.2
ALSO = ("md5",)
"""What every Glance computes."""


class Upload:
    """A sink: its stream becomes the bytes of a queued image.

    :param size: bytes that will come, if known.
    """

    def __init__(self, glance: Glance, image: Image, size: int | None) -> None:
        self._glance = glance
        self._image = image
        self._size = size

    def __call__(self, chunks: Iterable[bytes]) -> None:
        """Send the chunks.

        :raises OpenstackError: when Glance refuses them.
        :raises TransientOpenstackError: when the upload broke off.
        """
        what = f"the bytes of image {self._image.name} ({self._image.id})"
        headers = {"Content-Type": "application/octet-stream"}
        if self._size is not None:
            headers["X-OpenStack-Image-Size"] = str(self._size)
        with told(what):
            answer = self._glance.cloud.image.put(
                f"/images/{self._image.id}/file",
                data=body(chunks, self._size),
                headers=headers,
                timeout=ANSWER_SECONDS,
                # Nothing would be left to send again.
                connect_retries=0,
                status_code_retries=0,
                allow_reauth=False,
                redirect=False,
                log=False,
            )
            if answer.status_code == requests.codes.unauthorized:
                raise TransientOpenstackError(f"the login ended before {what} were sent")
            accepted(what, answer)

    def verify(self, hashes: Hashes) -> Image:
        """Wait until the image is active and compare what Glance says of it with what passed.

        :raises OpenstackError: when it has other bytes, or will never be active.
        """
        image = wait_active(self._glance, str(self._image.id))
        if (why := difference(image, hashes)) is not None:
            self._glance.delete(str(image.id))
            raise TransientOpenstackError(
                f"Glance received other bytes of image {image.name} ({image.id}) than were sent: {why}. "
                "The image was deleted."
            )
        return image


def wait_active(glance: Glance, image: str, seconds: float = ACTIVE_SECONDS) -> Image:
    """Wait until an image whose bytes were sent is active.

    :raises OpenstackError: when Glance gave it up.
    :raises TransientOpenstackError: when it is not after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while (found := glance.get(image)).status != "active":
        if found.status in ("killed", "deleted", "pending_delete", "deactivated"):
            raise OpenstackError(
                f"image {found.name} ({image}) is {found.status} in Glance instead of active. "
                "See Glance's log; then start the run again."
            )
        if time.monotonic() > deadline:
            raise TransientOpenstackError(
                f"image {found.name} ({image}) is {found.status} in Glance after {seconds:.0f} s"
            )
        time.sleep(POLL_SECONDS)
    return found


def difference(image: Image, hashes: Hashes) -> str | None:
    """Return how the bytes of an active image differ from ``hashes``; None when they do not."""
    if image.size != hashes.size:
        return f"{image.size} bytes, not {hashes.size}"
    claims = [(str(image.hash_algo or ""), image.hash_value), ("md5", image.checksum)]
    known = [(kind, value, hashes.find(kind)) for kind, value in claims if value]
    compared = [(kind, value, own) for kind, value, own in known if own is not None]
    if not compared:
        return f"no hash to compare: Glance has {', '.join(kind for kind, _, _ in known) or 'none'}"
    for kind, value, own in compared:
        if str(value).lower() != own:
            return f"{kind} {value}, not {own}"
    return None


def needed(glance: Glance, image: Image | None = None) -> tuple[str, ...]:
    """Return the algorithms that an image is compared by, besides those that are always computed.

    Of an image without bytes nobody knows yet: then what this Glance did with its newest image counts.
    """
    found = image if image is not None and image.hash_algo else glance.find_newest()
    if found is None or not found.hash_value:
        return ALSO
    algorithm = str(found.hash_algo)
    if algorithm in ALGORITHMS:
        return ()
    return (algorithm,) if algorithm in hashlib.algorithms_available else ALSO


def source(glance: Glance, image: Image) -> Source:
    """Open an active image for one reading; its bytes are checked against Glance's hashes.

    :raises OpenstackError: when it has no bytes to read.
    """
    what = f"image {image.name} ({image.id})"
    if image.status != "active":
        raise OpenstackError(
            f"{what} is {image.status} in Glance, and has no data until it is active. Wait for that, or "
            "name another image."
        )

    def check(hashes: Hashes) -> None:
        if (why := difference(image, hashes)) is not None:
            raise TransientOpenstackError(
                f"{what} was downloaded with other bytes than Glance records: {why}"
            )

    return Source(what=what, chunks=_chunks(_open(glance, image, what), what), size=image.size, check=check)


def head(glance: Glance, image: Image, size: int) -> bytes:
    """Return the first ``size`` bytes of an image, or all that there are."""
    what = f"the head of image {image.name} ({image.id})"
    with told(what), _open(glance, image, what, {"Range": f"bytes=0-{size - 1}"}) as response:
        return bytes(response.raw.read(size))


def _open(
    glance: Glance, image: Image, what: str, headers: dict[str, str] | None = None
) -> requests.Response:
    with told(what):
        answer: requests.Response = glance.cloud.image.get(
            f"/images/{image.id}/file",
            headers={"Accept-Encoding": "identity", "Accept": "*/*", **(headers or {})},
            stream=True,
            timeout=ANSWER_SECONDS,
            skip_cache=True,
        )
        if answer.status_code == requests.codes.no_content:
            raise OpenstackError(f"{what} is empty in Glance (0 bytes). Build it again.")
        return accepted(what, answer)


def _chunks(response: requests.Response, what: str) -> Generator[bytes, None, None]:
    with told(what), response:
        yield from response.iter_content(CHUNK)
