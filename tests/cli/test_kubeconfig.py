"""``slipway kubeconfig`` and ``slipway keystone-auth``: what they write, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.cli import NOT_ASKED, OK, main

ID = "0fafd1462d614854ac3ee1e4c9de8f36"
CLUSTER = ["--server=https://k.example.org:6443", "--auth-url=https://keystone.example.org/v3"]


def written(path: Path, *more: str) -> dict[str, Any]:
    """Run the command for one project; return what it wrote."""
    assert main(["kubeconfig", *CLUSTER, "--namespace=shop", f"--output={path}", *more]) == OK
    assert path.stat().st_mode & 0o777 == 0o600
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def test_a_project_that_is_named_needs_no_login(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text("certificate")
    found = written(
        tmp_path / "config", f"--project={ID}", "--name=alice", f"--certificate-authority={authority}"
    )
    assert found["current-context"] == "alice"
    [context], [user], [cluster] = found["contexts"], found["users"], found["clusters"]
    assert context["context"] == {"cluster": "kubernetes", "user": "alice", "namespace": "shop"}
    assert cluster["cluster"]["certificate-authority-data"] == "Y2VydGlmaWNhdGU="
    login = user["user"]["exec"]
    assert login["apiVersion"] == "client.authentication.k8s.io/v1beta1"
    assert login["args"][:2] == ["keystone-token", f"--project={ID}"]
    assert "--auth-url=https://keystone.example.org/v3" in login["args"]
    assert login["interactiveMode"] == "IfAvailable"


def test_a_project_by_name_needs_its_domain(tmp_path: Path) -> None:
    found = written(tmp_path / "config", "--project=shop", "--project-domain=Default", "--exec-version=v1")
    login = found["users"][0]["user"]["exec"]
    assert "--project-domain=Default" in login["args"]
    assert login["apiVersion"] == "client.authentication.k8s.io/v1"


def test_no_password_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_USERNAME", "alice")
    monkeypatch.setenv("OS_PASSWORD", "top-secret")
    written(tmp_path / "config", f"--project={ID}")
    assert "top-secret" not in (tmp_path / "config").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--listen=127.0.0.1:1"], "Keystone's address is missing. Give --auth-url"),
        (["--auth-url=http://k/v3", "--listen=8443"], "must be ADDRESS:PORT"),
        (["--auth-url=http://k/v3", "--listen=127.0.0.1:99999"], "must be ADDRESS:PORT"),
        (["--auth-url=http://k/v3", "--listen=0.0.0.0:8443"], "must not cross a network unencrypted"),
        (["--auth-url=http://k/v3", "--tls-cert=x"], "belong together"),
        (["--auth-url=http://k/v3", "--good-seconds=301"], "--good-seconds 301 must be 0 to 300"),
        (["--auth-url=http://k/v3", "--good-seconds=nan"], "--good-seconds nan must be 0 to 300"),
        (["--auth-url=http://k/v3", "--tls-cert=/no/x", "--tls-key=/no/y"], "/no/x cannot be read"),
    ],
)
def test_a_webhook_that_would_not_be_safe_does_not_start(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OS_AUTH_URL", raising=False)
    assert main(["keystone-auth", *arguments]) == NOT_ASKED
    assert says in capsys.readouterr().err


def test_an_authority_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["kubeconfig", *CLUSTER, f"--project={ID}", "--namespace=x", "--certificate-authority=/no/ca"]
    assert main(arguments) == NOT_ASKED
    assert "/no/ca cannot be read" in capsys.readouterr().err
