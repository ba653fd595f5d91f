"""The script that Jenkins runs: what it sends is what the webhook takes, and a sensor finds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from slipway.delegation.request import EVENT, JenkinsRequest, news_of
from slipway.flow.apps import Apps
from slipway.flow.jenkins import JenkinsJob
from slipway.flow.webhook_sources import INSTALLATION
from slipway.webhook.github import receive
from slipway.webhook.search import Search, finds
from slipway.webhook.secret import WebhookSecret
from slipway.webhook.verdict import Accepted
from tests.systems.jenkins.product import PUSH

RECIPE = Path(__file__).parents[3] / "include" / "recipes" / "jenkins" / "notify.sh"
SECRET = "a $ecret with 'quotes'"
APPS = Apps.model_validate(
    {
        "version": 1,
        "events": [EVENT],
        "applications": {
            "tests/app": {
                "tenant": "demo",
                "environments": {"production": {"refs": ["refs/heads/main"], "namespace": "demo"}},
            }
        },
    }
)


@contextmanager
def receiving() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Keep headers and bodies that come."""
    came: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", came
    server.shutdown()
    server.server_close()


def run(url: str, **variables: str) -> str:
    known = {"SLIPWAY_WEBHOOK": url, "SLIPWAY_WEBHOOK_SECRET": SECRET, "BUILD_NUMBER": "7"}
    jenkins = {"BUILD_URL": "https://jenkins/job/app/7/", "PATH": os.environ["PATH"], "no_proxy": "127.0.0.1"}
    command = ["sh", "-e", str(RECIPE), "UNSTABLE"]
    done = subprocess.run(
        command, env={**known, **jenkins, **variables}, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_webhook_takes_it_and_who_waits_finds_it() -> None:
    job = JenkinsJob(job="team/app", artifacts=("a",))
    now = datetime.now(UTC)
    request = JenkinsRequest(wanted=job, push=PUSH, own="abc123", page="", deadline=now)
    with receiving() as (url, came):
        run(url, SLIPWAY_BUILD=request.own, SLIPWAY_REPOSITORY="tests/app")
    [(headers, body)] = came
    verdict = receive(headers, body, APPS, {INSTALLATION: (WebhookSecret(SECRET),)}, now)
    assert isinstance(verdict, Accepted)
    delivery = verdict.delivery
    assert (delivery.event, delivery.repository, verdict.reported) == (EVENT, "tests/app", None)
    assert delivery.payload["build"]["status"] == "UNSTABLE"
    search = Search.from_json(news_of(request, now))
    assert search.since < now
    assert finds(search, {"payload": delivery.payload})
    other = request.model_copy(update={"own": "another's"})
    assert not finds(Search.from_json(news_of(other, now)), {"payload": delivery.payload})
    assert not isinstance(
        receive(headers, body, APPS, {INSTALLATION: (WebhookSecret("other"),)}, now), Accepted
    )


def test_a_build_of_somebody_elses_tells_nobody() -> None:
    with receiving() as (url, came):
        assert "no notification sent" in run(url)
    assert came == []
