"""The state of package sources: what an archive's ``Release`` says its indexes are now.

https://wiki.debian.org/DebianRepository/Format#A.22Release.22_files
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from slipway.diskimage_builder.errors import PackageSourceError, TransientPackageSourceError
from slipway.diskimage_builder.sources import AptSource
from slipway.flow.record import Digest

MAX_BYTES = 32 * 1024**2
TIMEOUT_SECONDS = 20
_ENTRY = re.compile(r"^ (?P<digest>[0-9a-f]{64}) +\d+ (?P<path>\S+)$", re.MULTILINE)


def states(sources: Iterable[AptSource], urls: Iterable[str], architecture: str) -> dict[str, Digest]:
    """Return the state of each source by its name, and of each file by its address.

    :raises PackageSourceError: when one does not exist, or has none of the wanted packages.
    :raises TransientPackageSourceError: when one does not answer.
    """
    with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as client:
        found = {source.name: _of_apt(client, source, architecture) for source in sources}
        for url in urls:
            found[url] = _sha256(_get(client, url) or _absent(url))
    return found


def index_digests(release: str, components: Iterable[str], architecture: str) -> list[str]:
    """Return, from the text of a ``Release``, the digests of the indexes of packages; they stay the same when
    an archive only signs anew.
    """
    digests = {found["path"]: found["digest"] for found in _ENTRY.finditer(release)}
    wanted = [
        f"{component}/binary-{which}/Packages" for component in components for which in (architecture, "all")
    ]
    return [f"{path} {digests[path]}" for path in wanted if path in digests]


def _of_apt(client: httpx.Client, source: AptSource, architecture: str) -> Digest:
    place = f"{source.mirror}/dists/{source.suite}"
    content = _get(client, f"{place}/InRelease") or _get(client, f"{place}/Release") or _absent(place)
    digests = index_digests(content.decode(errors="replace"), source.components, architecture)
    if not digests:
        raise PackageSourceError(
            f"{place} has no packages of {', '.join(source.components)} for {architecture}. "
            "Correct the components (DIB_APT_SOURCES_CONF), or the architecture."
        )
    return _sha256("\n".join(digests).encode())


@retry(
    retry=retry_if_exception_type(TransientPackageSourceError),
    stop=stop_after_attempt(3),
    wait=wait_random_exponential(multiplier=0.5, max=5),
    reraise=True,
)
def _get(client: httpx.Client, url: str) -> bytes | None:
    """Return what is at ``url``, or None when nothing is."""
    try:
        with client.stream("GET", url) as answer:
            if answer.status_code in (404, 410):
                return None
            if answer.status_code >= 500 or answer.status_code in (408, 429):
                raise TransientPackageSourceError(f"{url} answers {answer.status_code}")
            if answer.is_error:
                raise PackageSourceError(
                    f"{url} answers {answer.status_code}. Name a mirror that this worker may read."
                )
            content = b""
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise PackageSourceError(
                        f"{url} is larger than {MAX_BYTES // 1024**2} MiB: name an index"
                    )
            return content
    except httpx.InvalidURL as error:
        raise PackageSourceError(f"{url} is not a URL: {error}. Correct it.") from None
    except httpx.HTTPError as error:
        raise TransientPackageSourceError(f"{url} does not answer: {error or type(error).__name__}") from None


def _absent(place: str) -> bytes:
    raise PackageSourceError(
        f"{place} does not exist. Correct bare_metal.release or index_urls, or the worker's mirror "
        "(DIB_DISTRIBUTION_MIRROR and the like)."
    )


def _sha256(content: bytes) -> Digest:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
