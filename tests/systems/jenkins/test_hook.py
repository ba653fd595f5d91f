"""The login: token, password with crumbs, TLS; and what is said of one that does not work."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from slipway.flow.record import SlipwayError
from slipway.jenkins.builds import find, start
from slipway.jenkins.errors import DeniedError, JenkinsError, MissingError, TransientJenkinsError
from slipway.jenkins.hook import JenkinsHook
from tests.broken_server import Asked, serving
from tests.systems.jenkins.conftest import PASSWORD, TOKEN, Served, free_port
from tests.systems.jenkins.product import connected, connection, made, until


@pytest.mark.parametrize("secret", [TOKEN, PASSWORD])
def test_a_token_and_a_password_start_builds(served: Served, secret: str) -> None:
    job = made(served)
    server = connected(served.url, secret)
    item = start(server, job, {"SLIPWAY_BUILD": "a"})
    assert start(server, job, {"SLIPWAY_BUILD": "b"}) != item


def test_a_crumb_of_before_a_restart_is_fetched_anew(restarted: Served) -> None:
    job = made(restarted)
    server = connected(restarted.url, PASSWORD)
    start(server, job, {"SLIPWAY_BUILD": "a"})
    restarted.stop()
    restarted.start()
    start(server, job, {"SLIPWAY_BUILD": "b"})
    assert until(lambda: find(server, job, "b"))


def test_the_button_of_the_form(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(**fields: str) -> tuple[bool, str]:
        known = {**connection(served.url), **fields}
        monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_JENKINS", json.dumps(known))
        return JenkinsHook().test_connection()

    assert told() == (True, "logged in to Jenkins 2.504.1")
    good, said = told(password="wrong")
    assert (good, "401" in said, "Check user and API token" in said, "wrong" in said) == (
        False,
        True,
        True,
        False,
    )
    for field in ("host", "login", "password"):
        good, said = told(**{field: ""})
        assert (good, "needs Jenkins' address" in said) == (False, True)


def test_who_may_not_is_told_so(served: Served) -> None:
    job = made(served)
    with pytest.raises(DeniedError, match="401"):
        find(connected(served.url, "wrong"), job, "a")
    with pytest.raises(MissingError, match=r"answered 404 to a build of job nobody/knows.*Correct the name"):
        start(connected(served.url), "nobody/knows", {"SLIPWAY_BUILD": "a"})


def test_nobody_answers() -> None:
    with pytest.raises(TransientJenkinsError, match="does not answer"):
        connected(f"http://127.0.0.1:{free_port()}/").version()


ANSWERS: dict[int, type[SlipwayError]] = {
    400: JenkinsError,
    409: JenkinsError,
    429: TransientJenkinsError,
    500: TransientJenkinsError,
    502: TransientJenkinsError,
    503: TransientJenkinsError,
}


@pytest.mark.parametrize("status", ANSWERS)
def test_what_may_come_right_is_told_from_what_will_not(status: int) -> None:
    def answer(asked: Asked, _: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        return status, {"X-Error": "because of it"}, b"<html>"

    with serving(answer) as broken, pytest.raises(ANSWERS[status], match=f"{status} because of it"):
        connected(f"http://{broken.host}/").read("queue/", "the queue")


def test_a_login_page_is_no_jenkins() -> None:
    def answer(asked: Asked, _: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "text/html"}, b"<html>log in</html>"

    with serving(answer) as other, pytest.raises(JenkinsError, match="does not answer like Jenkins"):
        connected(f"http://{other.host}/").read("queue/", "the queue")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody trusts, with its key."""
    path = tmp_path_factory.mktemp("tls") / "jenkins.pem"
    asked = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=jenkins"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", *asked, *names, "-keyout", f"{path}", "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True, timeout=500)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.fixture
def secured(certificate: Path) -> Iterator[str]:
    """The address of something that says who asks, by TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"_class": "hudson.model.User", "id": "slipway"}'
            self.send_response(200)
            self.send_header("X-Jenkins", "2.504.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_only_a_trusted_certificate_will_do(secured: str, certificate: Path) -> None:
    with pytest.raises(JenkinsError, match=r"not trusted.*ca_certificate"):
        connected(secured).version()
    assert connected(secured, ca_certificate=f"{certificate}.crt").version() == "2.504.1"
