"""The end of ``slipway demo``: a tenant logs in with her OpenStack password, and what she may do then."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import yaml
from rich.console import Console

from slipway.cli.api import DIRECT, TokenAuth
from slipway.cli.settings import Login
from slipway.cli.tables import printable
from slipway.flow.record import SlipwayError

DAG, USER, HERS, ANOTHERS = "tenant_sync", "alice", "demo", "other"
POLL_SECONDS = 0.5
SHOWN_LINES = 6
_ASKED = (
    ("--namespace", HERS, "get", "pods"),
    ("--namespace", HERS, "auth", "can-i", "create", "deployments"),
    ("--namespace", HERS, "auth", "can-i", "delete", "resourcequotas"),
    ("--namespace", ANOTHERS, "get", "pods"),
)


class TenantError(SlipwayError):
    """The tenant's login did not do what it should."""


def show(variables: Mapping[str, str], login: Login, seconds: int, out: Console) -> None:
    """Sync tenants, and do as alice would: with nothing set but her name and password.

    :param variables: of ``.lab/env``.
    :raises TenantError: when the sync fails, or she may do less or more than she should.
    """
    if variables["KUBECONFIG"] == variables.get("SLIPWAY_TENANTS_KUBECONFIG"):
        out.print("\nTenants: your cluster does not ask Keystone yet; docs/tenants.md says how", markup=False)
        return
    out.print("\nA tenant's login: Keystone's roles, on Kubernetes", style="bold", markup=False)
    _sync(login, seconds)
    out.print(f"  {DAG} has brought Keystone's projects and roles onto the cluster", markup=False)
    config = _kubeconfig(variables)
    out.print(
        f"  OS_USERNAME={USER} OS_PASSWORD=... (project {HERS}); no token, no certificate", markup=False
    )
    for asked in _ASKED:
        _ask(variables, config, asked, out)
    out.print(
        f"\n  export OS_USERNAME={USER} OS_PASSWORD={_password(variables)}\n"
        f"  kubectl --kubeconfig={config} --namespace {HERS} get pods",
        markup=False,
        soft_wrap=True,
    )


def _sync(login: Login, seconds: int) -> None:
    """Start ``tenant_sync`` and wait for it; from then on it runs every five minutes."""
    path = f"{login.url}/api/v2/dags/{DAG}"
    try:
        with httpx.Client(auth=TokenAuth(login), timeout=20, mounts=DIRECT) as client:
            client.patch(path, json={"is_paused": False}).raise_for_status()
            started = client.post(f"{path}/dagRuns", json={"logical_date": None})
            run = started.raise_for_status().json()["dag_run_id"]
            deadline = time.monotonic() + seconds
            while (
                state := client.get(f"{path}/dagRuns/{run}").raise_for_status().json()["state"]
            ) != "success":
                if state == "failed":
                    raise TenantError(f"{DAG} failed: its log says why ({login.url}/dags/{DAG}/runs/{run})")
                if time.monotonic() > deadline:
                    raise TenantError(f"{DAG} is {state} after {seconds} s. Look at {login.url}/dags/{DAG}")
                time.sleep(POLL_SECONDS)
    except httpx.HTTPError as error:
        raise TenantError(f"{DAG} cannot be started: {error}. Is Airflow up? make lab-status") from error


def _kubeconfig(variables: Mapping[str, str]) -> Path:
    """Write alice's kubeconfig beside the lab's own, with ``slipway kubeconfig``."""
    lab = Path(variables["KUBECONFIG"])
    cluster = yaml.safe_load(lab.read_text())["clusters"][0]["cluster"]
    authority, config = lab.with_name("authority.crt"), lab.with_name(f"kubeconfig-{USER}")
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    command = [
        *(sys.executable, "-m", "slipway.cli", "kubeconfig", f"--server={cluster['server']}"),
        *(f"--certificate-authority={authority}", f"--auth-url={variables['SLIPWAY_OPENSTACK_URL']}"),
        *(f"--project={HERS}", "--project-domain=Default", f"--namespace={HERS}", f"--name={USER}"),
        *(f"--command-path={Path(sys.executable).with_name('slipway')}", f"--output={config}"),
    ]
    done = _run(command, variables)
    if done.returncode:
        raise TenantError(f"slipway kubeconfig: {done.stderr.strip()}")
    return config


def _ask(variables: Mapping[str, str], config: Path, asked: tuple[str, ...], out: Console) -> None:
    done = _run(["kubectl", f"--kubeconfig={config}", *asked], variables)
    said = (done.stdout or done.stderr).strip().splitlines() or ["(nothing)"]
    out.print(f"  $ kubectl --user {USER} {' '.join(asked)}", markup=False, soft_wrap=True)
    for line in said[:SHOWN_LINES]:
        out.print(f"    {printable(line)}", markup=False, soft_wrap=True)
    refused = ANOTHERS in asked or "resourcequotas" in asked
    if refused is (done.returncode == 0):
        raise TenantError(
            f"that should have been {'refused' if refused else 'allowed'}. Look at the log of {DAG}, and at "
            ".lab/log/keystone-auth.log"
        )


def _run(command: list[str], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run as alice: nothing of OpenStack is set but her name and password."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    mine |= {"OS_USERNAME": USER, "OS_PASSWORD": _password(variables)}
    try:
        return subprocess.run(
            command,
            env=mine,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TenantError(f"{command[0]} does not run: {error}") from error


def _password(variables: Mapping[str, str]) -> str:
    return variables[f"SLIPWAY_{USER.upper()}_PASSWORD"]
