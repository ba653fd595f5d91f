"""What the services answer, told as what to do next; each service's cures, and one translator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import keystoneauth1.exceptions
import openstack.connection
import pytest
import requests
from keystoneauth1.session import Session
from keystoneauth1.token_endpoint import Token
from openstack.exceptions import ConflictException, HttpException, SDKException

from slipway.flow.record import SlipwayError, TransientError
from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.glance.errors import GLANCE
from slipway.openstack.ironic.errors import IRONIC, IronicConflictError, IronicRefusedError
from slipway.openstack.keystone.quotas import read_quotas
from slipway.openstack.nova.errors import NOVA, NovaConflictError
from slipway.openstack.translation import Translation
from tests.broken_server import Answer, Asked, serving

FAULT = '{"error_message": "{\\"faultstring\\": \\"Node n is locked\\"}"}'


def answer(status: int, text: str = "no") -> requests.Response:
    made = requests.Response()
    made.status_code, made._content = status, text.encode()
    return made


@pytest.mark.parametrize(
    ("service", "status", "text", "kind", "said"),
    [
        (
            GLANCE,
            401,
            "no",
            OpenstackError,
            "Glance refuses image a: 401 no. Check the application credential",
        ),
        (GLANCE, 415, "no", OpenstackError, "build the image in the format of its name"),
        (GLANCE, 413, "no", OpenstackError, "Glance is full"),
        (GLANCE, 503, "no space left", OpenstackError, "Glance is full"),
        (GLANCE, 503, "<h1>503</h1> away", TransientOpenstackError, "Glance failed on image a: 503 away"),
        (GLANCE, 409, "no", TransientOpenstackError, "Glance failed on image a: 409 no"),
        (GLANCE, 404, "no", OpenstackError, "Glance refuses image a: 404 no"),
        (NOVA, 404, "no", NovaConflictError, "OpenStack failed on image a: 404 no"),
        (NOVA, 409, "no", NovaConflictError, "OpenStack failed on image a: 409 no"),
        (
            NOVA,
            403,
            "Quota exceeded for cores.",
            OpenstackError,
            "403 Quota exceeded for cores. The project's quota is used up",
        ),
        (NOVA, 403, "no", OpenstackError, "has it the role `member`"),
        (NOVA, 413, "no", OpenstackError, "quota is used up: delete unneeded servers"),
        (NOVA, 429, "no", TransientOpenstackError, "OpenStack failed on image a: 429 no"),
        (NOVA, 400, "no", OpenstackError, "OpenStack refuses image a: 400 no"),
        (IRONIC, 409, FAULT, IronicConflictError, "Ironic failed on image a: 409 Node n is locked"),
        (
            IRONIC,
            403,
            FAULT,
            IronicRefusedError,
            "it needs the role member in the project that owns the nodes",
        ),
        (IRONIC, 404, "no", IronicRefusedError, "Ironic refuses image a: 404 no"),
        (IRONIC, 500, "no", TransientOpenstackError, "Ironic failed on image a: 500 no"),
    ],
)
def test_an_answer_says_what_to_do_next(
    service: Translation, status: int, text: str, kind: type[SlipwayError], said: str
) -> None:
    with pytest.raises((OpenstackError, TransientOpenstackError)) as raised:
        service.accepted("image a", answer(status, text))
    assert type(raised.value) is kind
    assert said in str(raised.value)


def test_an_answer_of_success_is_returned() -> None:
    good = answer(204)
    assert GLANCE.accepted("image a", good) is good


@pytest.mark.parametrize(
    ("service", "error", "kind", "said"),
    [
        (
            NOVA,
            ConflictException("busy", answer(409)),
            NovaConflictError,
            "OpenStack failed on image a: 409 busy",
        ),
        (NOVA, HttpException("lost"), TransientOpenstackError, "OpenStack failed on image a: no status lost"),
        (NOVA, SDKException("odd"), TransientOpenstackError, "OpenStack does not answer on image a: odd"),
        (NOVA, requests.ConnectionError("cut"), TransientOpenstackError, "does not answer on image a: cut"),
        (NOVA, keystoneauth1.exceptions.Unauthorized("who"), OpenstackError, "401 who (HTTP 401). Check the"),
        (
            NOVA,
            keystoneauth1.exceptions.EndpointNotFound("none"),
            OpenstackError,
            "Check the connection's region.",
        ),
        (GLANCE, keystoneauth1.exceptions.EndpointNotFound("none"), OpenstackError, "has the service image."),
        (IRONIC, keystoneauth1.exceptions.EndpointNotFound("none"), TransientOpenstackError, "none"),
        (IRONIC, keystoneauth1.exceptions.ConnectFailure("off"), TransientOpenstackError, "off"),
    ],
)
def test_an_error_of_the_sdk_says_what_to_do_next(
    service: Translation, error: Exception, kind: type[SlipwayError], said: str
) -> None:
    with pytest.raises((OpenstackError, TransientOpenstackError)) as raised, service.told("image a"):
        raise error
    assert type(raised.value) is kind
    assert said in str(raised.value)
    assert raised.value.__cause__ is error


def test_only_a_lost_connection_passes_where_other_failures_are_for_good() -> None:
    keystone = Translation("Keystone", unknown=OpenstackError)
    with (
        pytest.raises(OpenstackError, match="Keystone does not answer on roles: no trust"),
        keystone.told("roles"),
    ):
        raise keystoneauth1.exceptions.AuthorizationFailure("no trust")
    with (
        pytest.raises(TransientError, match="Keystone does not answer on roles: off"),
        keystone.told("roles"),
    ):
        raise keystoneauth1.exceptions.ConnectFailure("off")


@contextmanager
def nova(status: int, body: str) -> Iterator[openstack.connection.Connection]:
    """A Nova that says which version it is, and answers all else with this."""

    def answered(asked: Asked, _: object) -> Answer:
        if "quota" in asked.path:
            return status, {}, body.encode()
        links = [{"rel": "self", "href": f"http://{asked.headers['host']}/v2.1/"}]
        version = {"id": "v2.1", "status": "CURRENT", "links": links}
        return 200, {"Content-Type": "application/json"}, json.dumps({"version": version}).encode()

    with serving(answered) as far:
        url = f"http://{far.host}/v2.1"
        session = Session(Token(url, "token"))
        yield openstack.connection.Connection(session=session, compute_endpoint_override=url)


def test_quotas_are_read_for_each_project() -> None:
    with nova(200, '{"quota_set": {"cores": 4, "ram": -1, "instances": 3}}') as cloud:
        assert read_quotas(cloud, ["a", "b"]) == {"a": {"cores": 4}, "b": {"cores": 4}}


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (403, OpenstackError, "remove `quotas` from tenancy.yaml"),
        (404, TransientOpenstackError, "Nova refuses the quotas of project a: 404"),
        (500, TransientOpenstackError, "Nova failed on the quotas of project a: 500"),
        (200, TransientOpenstackError, "Nova's quotas cannot be read: 'quota_set'"),
    ],
)
def test_quotas_that_are_not_told_say_why(status: int, kind: type[SlipwayError], said: str) -> None:
    with nova(status, "{}") as cloud, pytest.raises(kind, match=said):
        read_quotas(cloud, ["a"])
