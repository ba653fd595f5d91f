"""``slipway keystone-auth``: the token webhook alone, with TLS, without Airflow."""

from __future__ import annotations

import argparse
import os
import ssl
import sys
from typing import Any

from slipway.cli import OK
from slipway.flow.record import SlipwayError

LONGEST_SECONDS = 300


def run(options: argparse.Namespace) -> int:
    """Serve until the process is asked to end."""
    import uvicorn
    from fastapi import FastAPI

    from slipway.openstack.keystone.validation import TokenValidation
    from slipway.tokenreview.app import create_app
    from slipway.tokenreview.authenticator import Authenticator, Rules

    url = options.auth_url or os.environ.get("OS_AUTH_URL")
    if not url:
        raise SlipwayError("Keystone's address is missing. Give --auth-url, or set OS_AUTH_URL.")
    host, port = _listen(options.listen)
    rules = Rules(good_seconds=_good_seconds(options.good_seconds))
    made: list[Authenticator] = []

    async def authenticator() -> Authenticator:
        if not made:  # inside the loop that serves
            made.append(Authenticator(TokenValidation(url, options.ca_certificate).validate, rules))
        return made[0]

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/slipway/keystone", create_app(authenticator))
    secure = _tls(options)
    scheme = "https" if secure else "http"
    print(
        f"{scheme}://{options.listen}/slipway/keystone/tokenreviews asks {url}", file=sys.stderr, flush=True
    )
    uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning", lifespan="off", **secure)
    return OK


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise SlipwayError(f"--listen {text!r} must be ADDRESS:PORT, like 127.0.0.1:8443.")
    return host.strip("[]"), int(port)


def _good_seconds(seconds: float) -> float:
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise SlipwayError(
            f"--good-seconds {seconds:g} must be 0 to {LONGEST_SECONDS}: a revoked token stays valid for so "
            "long."
        )
    return seconds


def _tls(options: argparse.Namespace) -> dict[str, Any]:
    """Return uvicorn's settings: https://www.uvicorn.org/settings/#https"""
    if not options.tls_cert and not options.tls_key:
        if not options.listen.startswith(("127.", "[::1]", "localhost:")):
            raise SlipwayError(
                "tokens must not cross a network unencrypted: give --tls-cert and --tls-key, or listen "
                "on 127.0.0.1."
            )
        return {}
    if not (options.tls_cert and options.tls_key):
        raise SlipwayError("--tls-cert and --tls-key belong together: give both.")
    for name in filter(None, (options.tls_cert, options.tls_key, options.client_ca)):
        if not os.access(name, os.R_OK):
            raise SlipwayError(f"{name} cannot be read. Name a file that this user may read.")
    found: dict[str, Any] = {"ssl_certfile": options.tls_cert, "ssl_keyfile": options.tls_key}
    if options.client_ca:
        found |= {"ssl_ca_certs": options.client_ca, "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return found
