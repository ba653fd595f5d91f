"""The login that is lent: good for what the credential is good for, while it is lent, and to nobody else."""

from __future__ import annotations

import openstack
import pytest
import requests
from openstack.connection import Connection

from lab.access import Lab
from slipway.openstack.lending import SUBJECT, TOKENS, lent

pytestmark = pytest.mark.lab


def borrower(given: dict[str, str]) -> Connection:
    """Log in as a program does that has nothing but these variables."""
    return openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth_type="v3password",
        auth={
            "auth_url": given["OS_AUTH_URL"],
            "username": given["OS_USERNAME"],
            "password": given["OS_PASSWORD"],
            "user_domain_name": given["OS_USER_DOMAIN_NAME"],
            "project_id": given["OS_PROJECT_ID"],
        },
        region_name=given["OS_REGION_NAME"],
        api_timeout=30,
    )


def asked(given: dict[str, str], password: str, path: str = TOKENS) -> requests.Response:
    user = {
        "name": given["OS_USERNAME"],
        "domain": {"name": given["OS_USER_DOMAIN_NAME"]},
        "password": password,
    }
    identity = {"methods": ["password"], "password": {"user": user}}
    address = given["OS_AUTH_URL"].removesuffix("/v3") + path
    return requests.post(address, json={"auth": {"identity": identity}}, timeout=30)


def is_valid(cloud: Connection, token: str) -> bool:
    answer = cloud.session.get(
        f"{cloud.config.auth['auth_url'].removesuffix('/v3')}{TOKENS}",
        headers={SUBJECT: token},
        raise_exc=False,
    )
    return bool(answer.status_code == 200)


def test_borrower_works_in_the_project_and_not_beyond_the_loan(cloud: Connection, lab: Lab) -> None:
    with lent(cloud) as given:
        assert not any(lab["SLIPWAY_OPENSTACK_CREDENTIAL_SECRET"] in value for value in given.values())
        assert given["OS_AUTH_URL"].startswith("http://127.0.0.1:")
        with borrower(given) as friend:
            assert friend.current_project_id == cloud.current_project_id
            assert any(image.name == "slipway-lab" for image in friend.image.images())
            token = friend.auth_token
        assert is_valid(cloud, token)
    assert not is_valid(cloud, token)
    with pytest.raises(requests.ConnectionError):
        asked(given, given["OS_PASSWORD"])


def test_token_that_is_lent_gets_no_other_and_makes_no_credential(cloud: Connection) -> None:
    with lent(cloud) as given, borrower(given) as friend:
        token = {"identity": {"methods": ["token"], "token": {"id": friend.auth_token}}}
        address = f"{cloud.config.auth['auth_url'].removesuffix('/v3')}{TOKENS}"
        assert requests.post(address, json={"auth": token}, timeout=30).status_code == 403
        user = friend.current_user_id
        mine = f"{address.removesuffix('/auth/tokens')}/users/{user}/application_credentials"
        body = {"application_credential": {"name": "stolen"}}
        headers = {"X-Auth-Token": str(friend.auth_token)}
        assert requests.post(mine, json=body, headers=headers, timeout=30).status_code == 403


@pytest.mark.parametrize("password", ["", "wrong", "é"])
def test_nobody_else_gets_a_token(cloud: Connection, password: str) -> None:
    with lent(cloud) as given:
        answer = asked(given, password)
        assert answer.status_code == 401
        assert SUBJECT not in answer.headers


def test_nothing_but_a_login_is_had_there(cloud: Connection) -> None:
    with lent(cloud) as given:
        assert asked(given, given["OS_PASSWORD"], "/v3/users").status_code == 404
        for body in (b"", b"{", b"[]", b'{"auth": null}', b"x" * 200_000):
            address = given["OS_AUTH_URL"].removesuffix("/v3") + TOKENS
            try:
                assert requests.post(address, data=body, timeout=30).status_code == 401
            except requests.ConnectionError:  # it does not read on
                assert len(body) > 100_000


def test_each_loan_has_a_password_of_its_own(cloud: Connection) -> None:
    with lent(cloud) as one, lent(cloud) as other:
        assert asked(other, one["OS_PASSWORD"]).status_code == 401
        assert asked(one, one["OS_PASSWORD"]).status_code == 201
