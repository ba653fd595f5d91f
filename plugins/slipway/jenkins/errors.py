"""Errors of Jenkins, named by what the caller does next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jenkins
import requests

from slipway.flow.record import SlipwayError, TransientError

SHOWN = 300
_LOGIN = "Check user and API token of connection slipway_jenkins, and that the user may see and build the job"


class JenkinsError(SlipwayError):
    """Permanent: the same request will fail again."""


class MissingError(JenkinsError):
    """There is no such thing, or the user may not see it."""


class DeniedError(JenkinsError):
    """The login is refused, or lacks a right."""


class TransientJenkinsError(TransientError):
    """Jenkins did not answer as it should, as while it restarts: worth another try."""


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn the client's errors into ours.

    :param what: what was asked for, as the error names it.
    """
    try:
        yield
    except jenkins.NotFoundException as error:
        raise MissingError(
            f"Jenkins answered 404 to {what}: it does not exist, or the user of connection slipway_jenkins "
            "may not read it. Correct the name, or allow the user to read it."
        ) from error
    except jenkins.TimeoutException as error:
        raise TransientJenkinsError(f"Jenkins does not answer on {what} in time") from error
    except (jenkins.JenkinsException, requests.HTTPError) as error:
        raise _of_status(what, error) from error
    except requests.exceptions.SSLError as error:
        raise JenkinsError(
            f"Jenkins' certificate is not trusted: {str(error)[:SHOWN]}. Give its authority's certificate as "
            "ca_certificate of connection slipway_jenkins."
        ) from error
    except requests.RequestException as error:
        reason = getattr(error.args[0] if error.args else None, "reason", error)  # without its wrappings
        raise TransientJenkinsError(f"Jenkins does not answer on {what}: {str(reason)[:SHOWN]}") from error


def _of_status(what: str, error: Exception) -> SlipwayError:
    # The client raises its own exceptions for some statuses, with the answer in their context.
    cause = error if isinstance(error, requests.HTTPError) else error.__context__
    response = cause.response if isinstance(cause, requests.HTTPError) else None
    if response is None:
        return TransientJenkinsError(f"Jenkins failed on {what}: {str(error)[:SHOWN]}")
    status, said = response.status_code, response.headers.get("X-Error", response.reason or "")[:SHOWN]
    if status in (401, 403):
        return DeniedError(f"Jenkins refuses {what}: {status} {said}. {_LOGIN}.")
    # A change that ends in an exception of Jenkins' own would do so again; what is read may come right.
    if status == 429 or status > 500 or (status == 500 and response.request.method == "GET"):
        return TransientJenkinsError(f"Jenkins failed on {what}: {status} {said}")
    return JenkinsError(f"Jenkins refuses {what}: {status} {said}")
