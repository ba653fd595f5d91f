"""kubectl's login: what is asked of the plugin, and the token that is kept between calls."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.cli.keystone_token_command import asked, credential
from slipway.cli.token_store import TokenStore
from slipway.flow.record import SlipwayError
from slipway.openstack.errors import OpenstackError
from slipway.openstack.keystone.login import only_project, settings_of
from slipway.openstack.keystone.token import Token

HOUR = timedelta(hours=1)


def token(left: timedelta = HOUR) -> Token:
    return Token("gAAAAAsecret", datetime.now(UTC) + left)


def store(tmp_path: Path, **variables: str) -> TokenStore:
    return TokenStore.of({"cloud": None}, {"XDG_CACHE_HOME": str(tmp_path), **variables})


def by_another(path: Path) -> None:
    """Let the file be as if another process had been given the token."""
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "askers": ["1:1"]}))


def test_a_token_is_kept_for_its_owner(tmp_path: Path) -> None:
    kept = store(tmp_path)
    assert kept.find() is None
    kept.keep(token())
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert kept.path.parent.stat().st_mode & 0o077 == 0
    assert [one.name for one in kept.path.parent.iterdir()] == [kept.path.name]
    by_another(kept.path)
    found = kept.find()
    assert found
    assert found.text == "gAAAAAsecret"


def test_the_process_that_asks_again_was_refused_with_it(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.keep(token())
    assert kept.find() is None
    by_another(kept.path)
    assert kept.find()
    assert kept.find() is None


@pytest.mark.parametrize("left", [timedelta(seconds=59), timedelta(hours=-1)])
def test_a_token_that_ends_is_not_handed_out(tmp_path: Path, left: timedelta) -> None:
    kept = store(tmp_path)
    kept.keep(token(left))
    by_another(kept.path)
    assert kept.find() is None


def test_a_file_that_others_may_read_is_not_trusted(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.keep(token())
    by_another(kept.path)
    kept.path.chmod(0o644)
    assert kept.find() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"token": 1}', '{"token": "x", "expires_at": "soon"}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    kept = store(tmp_path)
    kept.keep(token())
    kept.path.write_text(text)
    assert kept.find() is None


def test_each_login_has_a_file_of_its_own_whose_name_says_no_secret(tmp_path: Path) -> None:
    users = {store(tmp_path, OS_USERNAME=name).path for name in ("alice", "bob")}
    projects = {store(tmp_path, OS_USERNAME="alice", OS_PROJECT_ID=name).path for name in ("p1", "p2")}
    assert len(users | projects) == 4
    passwords = {store(tmp_path, OS_USERNAME="alice", OS_PASSWORD=word).path for word in ("a", "b")}
    assert len(passwords) == 1


def test_a_login_works_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "slipway").touch()
    store(tmp_path).keep(token())


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_kubectl_is_answered_in_the_version_it_asks_for(version: str) -> None:
    info = {"apiVersion": f"client.authentication.k8s.io/{version}", "kind": "ExecCredential", "spec": {}}
    wanted = asked({"KUBERNETES_EXEC_INFO": json.dumps(info)})
    expires = datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    assert credential(wanted["version"], Token("t", expires)) == {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "kind": "ExecCredential",
        "status": {"token": "t", "expirationTimestamp": "2030-01-02T03:04:05Z"},
    }


def test_another_version_is_refused_with_the_cure() -> None:
    info = json.dumps({"apiVersion": "client.authentication.k8s.io/v1alpha1"})
    with pytest.raises(SlipwayError, match="Set apiVersion in the kubeconfig's `exec` to one of them"):
        asked({"KUBERNETES_EXEC_INFO": info})
    with pytest.raises(SlipwayError, match="kubectl must set it"):
        asked({"KUBERNETES_EXEC_INFO": "[]"})


def options(**given: str) -> Namespace:
    names = ("cloud", "auth_url", "user_domain", "project", "project_domain")
    return Namespace(**{**dict.fromkeys(names), **given})


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ({}, {"OS_USERNAME": "a"}, {"user_domain_id": "default"}),
        ({"user_domain": "x"}, {"OS_USERNAME": "a"}, {"user_domain_name": "x"}),
        ({}, {"OS_USERNAME": "a", "OS_USER_DOMAIN_NAME": "x"}, {}),
        ({}, {"OS_CLOUD": "c", "OS_USERNAME": "a"}, {}),
        ({"project": "a" * 32}, {}, {"project_id": "a" * 32}),
        (
            {"project": "shop"},
            {"OS_USERNAME": "a"},
            {"project_name": "shop", "user_domain_id": "default", "project_domain_id": "default"},
        ),
    ],
)
def test_a_user_without_a_domain_is_of_the_default_one(
    given: dict[str, str], environment: dict[str, str], expected: dict[str, Any]
) -> None:
    assert settings_of(options(**given), environment) == expected


def test_several_projects_are_named_with_the_cure() -> None:
    one, other = {"id": "1", "name": "shop"}, {"id": "2", "name": "blog"}
    assert only_project([one]) == one
    with pytest.raises(OpenstackError, match=r"shop \(1\), blog \(2\)\. Name one: OS_PROJECT_ID"):
        only_project([one, other])
    with pytest.raises(OpenstackError, match="no role in any project"):
        only_project([])


def test_a_kept_token_is_answered_without_loading_any_library(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['slipway', 'keystone-token']; from slipway.cli import main; main(); "
        "print(sorted({'pydantic', 'openstack', 'httpx', 'yaml', 'airflow'} & set(sys.modules)))"
    )
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "OS_USERNAME": "alice"}
    named = {"command": "keystone-token", **vars(options())}
    kept = TokenStore.of(named, environment)
    kept.keep(token())
    by_another(kept.path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=500,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    answer, loaded = done.stdout.splitlines()
    assert json.loads(answer)["status"]["token"] == "gAAAAAsecret"
    assert loaded == "[]"
