"""The errors of the OpenStack SDK, and the answers of its services, as what the caller does next.

https://docs.openstack.org/openstacksdk/latest/user/exceptions.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests
from keystoneauth1.exceptions import (
    CatalogException,
    ClientException,
    ConnectFailure,
    DiscoveryFailure,
    HttpError,
)
from openstack.exceptions import HttpException, SDKException, ServiceDisabledException

from slipway.flow.record import SlipwayError
from slipway.openstack.errors import OpenstackError, TransientOpenstackError, may_pass

SHOWN = 600
"""Characters of a service's own words that an error repeats."""
LOGIN = (
    "Check the application credential of connection slipway_openstack (or of the environment's own, in "
    "apps.yaml)"
)
"""How the cure of a refused login begins."""

Failure = type[OpenstackError] | type[TransientOpenstackError]


@dataclass(frozen=True)
class Translation:
    """How the errors of one service are reported.

    :param service: its name.
    :param cure: returns what cures an answer with this status and these words, which is permanent then; ""
        where nothing more is known.
    :param others: errors of their own for some statuses.
    :param refused: what other refusals are.
    :param lacking: the cure where the catalogue lacks the service; "" where that is worth another try.
    :param unknown: what failures of the client are that are neither an answer nor a lost connection.
    :param words: returns what an answer says.
    """

    service: str
    cure: Callable[[int, str], str] = lambda status, said: ""  # noqa: ARG005
    others: Mapping[int, Failure] = field(default_factory=dict)
    refused: Failure = OpenstackError
    lacking: str = ""
    unknown: Failure = TransientOpenstackError
    words: Callable[[requests.Response], str] = lambda answer: answer.text

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Turn errors of the SDK and of its login into ours.

        :param what: was asked for, in words.
        :raises OpenstackError: when the same request will fail again.
        :raises TransientOpenstackError: when it is worth another try.
        """
        try:
            yield
        except HttpException as error:
            raise self._answered(what, error.status_code or 0, str(error.details or error)) from error
        except HttpError as error:
            raise self._answered(what, error.http_status or 0, str(error)) from error
        except (SDKException, ClientException, requests.RequestException) as error:
            raise self._unanswered(what, error) from error

    def accepted(self, what: str, answer: requests.Response) -> requests.Response:
        """Return ``answer`` when it is one of success.

        :raises OpenstackError: when the same request will fail again.
        :raises TransientOpenstackError: when it is worth another try.
        """
        if not answer.ok:
            raise self._answered(what, answer.status_code, self.words(answer))
        return answer

    def _answered(self, what: str, status: int, said: str) -> SlipwayError:
        said = _short(said)
        told = f"{what}: {status or 'no status'} {said}"
        cure = self.cure(status, said)
        if cure:
            told = f"{told}. {cure}"
        if other := self.others.get(status):
            return other(f"{self.service} failed on {told}")
        if may_pass(status) and not cure:
            return TransientOpenstackError(f"{self.service} failed on {told}")
        return self.refused(f"{self.service} refuses {told}")

    def _unanswered(self, what: str, error: Exception) -> SlipwayError:
        said = _short(str(error))
        if self.lacking and isinstance(error, CatalogException | ServiceDisabledException):
            return OpenstackError(f"the cloud has no service for {what}: {said}. {self.lacking}")
        if isinstance(error, ConnectFailure | DiscoveryFailure | requests.RequestException):
            return TransientOpenstackError(f"{self.service} does not answer on {what}: {said}")
        return self.unknown(f"{self.service} does not answer on {what}: {said}")


def _short(text: str) -> str:
    return " ".join(text[: 8 * SHOWN].split())[:SHOWN].rstrip(".")
