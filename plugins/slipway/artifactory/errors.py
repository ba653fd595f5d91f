"""Errors of Artifactory, named by what the caller does next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from dohq_artifactory.exception import ArtifactoryException
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from slipway.flow.record import SlipwayError, TransientError

SHOWN = 500
_LOGIN = (
    ". Check user and password of connection slipway_artifactory, and that this user may deploy and annotate"
)
_FULL = ". The repository is full: delete unused files, or raise its storage quota"
CURES = {401: _LOGIN, 403: _LOGIN, 413: _FULL, 507: _FULL}


class ArtifactoryError(SlipwayError):
    """Permanent: the same request will fail again."""


class TransientArtifactoryError(TransientError):
    """Artifactory did not answer as it should: worth another try."""


retried = retry(
    retry=retry_if_exception_type(TransientArtifactoryError),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.5, max=10),
    reraise=True,
)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise ArtifactoryError(f"Artifactory has no {what}: was it deleted?") from error
    except (ArtifactoryException, requests.HTTPError) as error:
        cause = error if isinstance(error, requests.HTTPError) else error.__cause__
        response = getattr(cause, "response", None)
        status = getattr(response, "status_code", 0)
        said = f"{str(error)[:SHOWN]} {getattr(response, 'text', '')[:SHOWN]}".strip()
        if status not in CURES and (status == 429 or status >= 500 or not status):
            raise TransientArtifactoryError(f"Artifactory failed on {what}: {said}") from error
        cure = CURES.get(status, "")
        raise ArtifactoryError(f"Artifactory refuses {what}: {status} {said}{cure}") from error
    except (requests.RequestException, OSError) as error:
        raise TransientArtifactoryError(f"Artifactory does not answer on {what}: {error}") from error
