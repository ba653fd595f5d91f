"""What the two public clients do not ask of Artifactory's storage, in plain HTTP."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from lab.access import Lab

pytestmark = pytest.mark.lab
Put = Callable[..., str]


def message(answer: httpx.Response) -> str:
    """Return the one error of an answer, which says its own status."""
    (error,) = answer.json()["errors"]
    assert error["status"] == answer.status_code
    return str(error["message"])


def test_ping_needs_no_login_and_nothing_else_goes_without(lab: Lab) -> None:
    url = lab.artifactory.url
    assert httpx.get(f"{url}/api/system/ping", trust_env=False).text == "OK"
    for path in (
        "api/system/version",
        "api/repositories",
        "api/storage/generic-local",
        "generic-local/a",
        "api/x",
    ):
        answer = httpx.get(f"{url}/{path}", trust_env=False)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_takes_password_token_and_api_key_and_no_wrong_one(lab: Lab) -> None:
    login = lab.artifactory
    version = f"{login.url}/api/system/version"

    def status(headers: dict[str, str] | None = None, auth: tuple[str, str] | None = None) -> int:
        return httpx.get(version, headers=headers, auth=auth, trust_env=False).status_code

    assert status(auth=login.auth) == 200
    assert status({"Authorization": f"Bearer {login.password}"}) == 200
    assert status({"X-JFrog-Art-Api": login.password}) == 200
    assert status(auth=(login.user, "wrong")) == 401
    assert status(auth=("other", login.password)) == 401
    assert status({"Authorization": "Bearer wrong"}) == 401
    assert status({"X-JFrog-Art-Api": ""}) == 401
    assert status({"Authorization": "Basic %%%"}) == 401


def test_a_reader_may_read_only(lab: Lab, api: httpx.Client, put: Put) -> None:
    path = put("file")
    login = lab.artifactory_reader
    with httpx.Client(base_url=login.url, auth=login.auth, trust_env=False) as reader:
        assert reader.get(f"/{path}").content == b"content"
        refused = [
            reader.put(f"/{path}", content=b"other"),
            reader.delete(f"/{path}"),
            reader.put(f"/api/storage/{path}", params={"properties": "a=1"}),
            reader.put("/api/build", json={}),
        ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert "reader" in message(refused[0])
    assert api.get(f"/{path}").content == b"content"


def test_deployment_answers_with_the_created_item(api: httpx.Client, folder: str) -> None:
    content = b"\x00\x01" * 100_000
    sha1 = hashlib.sha1(content).hexdigest()
    answer = api.put(f"/{folder}/a b+ü.bin;k=v", content=content, headers={"X-Checksum-Sha1": sha1})

    shown = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == shown["uri"] == shown["downloadUri"]
    assert shown["path"] == f"/{folder.partition('/')[2]}/a b+ü.bin"
    assert shown["size"] == "200000"
    assert shown["checksums"]["md5"] == hashlib.md5(content).hexdigest()
    assert shown["originalChecksums"] == {"sha1": sha1, "sha256": hashlib.sha256(content).hexdigest()}
    assert httpx.get(shown["downloadUri"], auth=api.auth, trust_env=False).content == content


@pytest.mark.parametrize(("header", "wrong"), [("Sha1", 40), ("Sha256", 64), ("Md5", 32)])
def test_a_wrong_checksum_leaves_what_was_there(api: httpx.Client, put: Put, header: str, wrong: int) -> None:
    path = put("file", b"before")
    answer = api.put(f"/{path}", content=b"after", headers={f"X-Checksum-{header}": "0" * wrong})

    assert answer.status_code == 409
    assert hashlib.new(header.lower(), b"after").hexdigest() in message(answer)
    assert api.get(f"/{path}").content == b"before"


def test_checksum_deploy_needs_known_content(api: httpx.Client, folder: str, put: Put) -> None:
    put("file", b"bytes of " + folder.encode())
    digest = hashlib.sha256(b"bytes of " + folder.encode()).hexdigest()

    def deploy(**headers: str) -> int:
        named = {f"X-Checksum-{name.title()}": value for name, value in headers.items()}
        return api.put(f"/{folder}/copy", headers={"X-Checksum-Deploy": "true"} | named).status_code

    assert deploy(sha256="1" * 64) == 404
    assert deploy() == 404
    assert deploy(sha256=digest, sha1="1" * 40) == 409
    assert api.get(f"/{folder}/copy").status_code == 404
    assert deploy(sha256=digest) == 201
    api.delete(f"/{folder}/file")
    assert hashlib.sha256(api.get(f"/{folder}/copy").content).hexdigest() == digest
    api.delete(f"/{folder}/copy")
    assert deploy(sha256=digest) == 404


def test_fetches_whole_parts_and_headers(api: httpx.Client, put: Put) -> None:
    path = put("file.txt", b"0123456789")

    head, whole = api.head(f"/{path}"), api.get(f"/{path}")
    assert (head.content, head.headers["Content-Length"]) == (b"", "10")
    assert head.headers["X-Checksum-Sha256"] == hashlib.sha256(b"0123456789").hexdigest()
    assert head.headers["ETag"] == whole.headers["X-Checksum-Sha1"] == hashlib.sha1(b"0123456789").hexdigest()
    part = api.get(f"/{path}", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert api.get(f"/{path}", headers={"Range": "bytes=-3"}).content == b"789"
    beyond = api.get(f"/{path}", headers={"Range": "bytes=10-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, "bytes */10")


def test_folders_are_described_listed_and_dated(api: httpx.Client, folder: str, put: Put) -> None:
    put("b/c.txt")
    put("a.txt")
    assert api.put(f"/{folder}/empty/").status_code == 201

    info = api.get(f"/api/storage/{folder}").json()
    assert [(child["uri"], child["folder"]) for child in info["children"]] == [
        ("/a.txt", False),
        ("/b", True),
        ("/empty", True),
    ]
    listed = api.get(f"/api/storage/{folder}?list&deep=1&depth=1&listFolders=1").json()["files"]
    assert [(one["uri"], one["size"]) for one in listed] == [("/a.txt", 7), ("/b", -1), ("/empty", -1)]
    last = api.get(f"/api/storage/{folder}?lastModified").json()
    assert last["uri"] == f"{api.base_url}api/storage/{folder}/empty"
    assert api.get(f"/api/storage/{folder}/a.txt?list").status_code == 400
    assert api.get(f"/{folder}").status_code == 404


def test_properties_are_written_as_documented(api: httpx.Client, put: Put) -> None:
    path = put("file")
    query = r"?properties=a=1%5C=1;b=x%5C,y,z%7Cc=back%5C%5Cslash%5C%7Cbar"
    assert api.put(f"/api/storage/{path}{query}").status_code == 204

    shown = api.get(f"/api/storage/{path}?properties").json()
    assert shown["properties"] == {"a": ["1=1"], "b": ["x,y", "z"], "c": ["back\\slash|bar"]}
    assert shown["uri"] == f"{api.base_url}api/storage/{path}"
    assert api.delete(f"/api/storage/{path}?properties=a,b").status_code == 204
    assert api.get(f"/api/storage/{path}?properties=c").json()["properties"] == {"c": ["back\\slash|bar"]}
    nothing = api.get(f"/api/storage/{path}?properties=a,b")
    assert (nothing.status_code, message(nothing)) == (404, "No properties could be found.")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_properties_of_a_folder_are_recursive_unless_told(
    api: httpx.Client, folder: str, put: Put, method: str
) -> None:
    path = put("deep/file", kept="old")
    api.put(f"/api/storage/{folder}?properties=kept=old").raise_for_status()
    value = "kept=new" if method == "PUT" else "kept"

    def kept(at: str) -> list[str]:
        return api.get(f"/api/storage/{at}?properties").json().get("properties", {}).get("kept", [])

    after = ["new"] if method == "PUT" else []
    api.request(method, f"/api/storage/{folder}?properties={value}&recursive=0").raise_for_status()
    assert (kept(folder), kept(path)) == (after, ["old"])
    api.request(method, f"/api/storage/{folder}?properties={value}").raise_for_status()
    assert kept(path) == after


def test_copy_and_move_say_what_they_did(api: httpx.Client, folder: str, put: Put) -> None:
    put("from/a", a="1")
    put("from/deep/b")

    def post(verb: str, source: str, target: str, **more: str) -> tuple[int, str, str]:
        answer = api.post(f"/api/{verb}/{folder}/{source}", params={"to": f"/{folder}/{target}", **more})
        (said,) = answer.json()["messages"]
        return answer.status_code, said["level"], said["message"]

    status, level, said = post("copy", "from", "to", dry="1")
    assert (status, level) == (200, "INFO")
    assert "2 artifacts and 2 folders would be copied" in said
    assert api.get(f"/api/storage/{folder}/to").status_code == 404
    assert post("copy", "from", "to")[0] == 200
    assert api.get(f"/api/storage/{folder}/to/a?properties").json()["properties"] == {"a": ["1"]}
    assert post("move", "from", "to")[0] == 200  # into the folder that is there
    assert api.get(f"/{folder}/to/from/deep/b").content == b"content"
    assert api.get(f"/api/storage/{folder}/from").status_code == 404
    assert post("copy", "from", "to")[:2] == (404, "ERROR")
    assert post("move", "to", "to/from")[:2] == (400, "ERROR")
    assert api.post(f"/api/copy/{folder}/to").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "why"),
    [
        ("GET", "/generic-local/tests/none", 404, "Unable to find item"),
        ("GET", "/api/storage/none/file", 404, "Could not find repository"),
        ("GET", "/api/storage/generic-local/tests/none?properties", 404, "Unable to find item"),
        ("PUT", "/none/file", 404, "Could not find repository"),
        ("PUT", "/generic-local", 400, "A path inside of repository"),
        ("PUT", "/generic-local/tests/%2e%2e/file", 400, "Bad path"),
        ("PUT", "/generic-local/tests/a%00b", 400, "Bad path"),
        ("PUT", "/generic-local/tests/x;a%20b=1", 400, "Illegal property name"),
        ("PUT", "/docker-local/tests/x", 400, "push to it with a Docker client"),
        ("PUT", "/api/storage/generic-local/tests/none?properties=a=1", 404, "Unable to find item"),
        ("PUT", "/api/storage/generic-local?properties=a", 400, "no value"),
        ("PUT", "/api/storage/generic-local", 400, "'properties' is missing"),
        ("PUT", "/api/storage/generic-local?properties=a=1&recursive=2", 400, "must be 0 or 1"),
        ("PATCH", "/api/metadata/generic-local/tests", 400, "not JSON"),
        ("DELETE", "/generic-local/tests/none", 404, "Unable to find item"),
        ("GET", "/api/repositories/none", 400, "no repository 'none'"),
        ("GET", "/api/search/checksum", 400, "Give a checksum"),
        ("GET", "/api/search/prop", 400, "Name properties"),
        ("POST", "/api/docker/docker-local/v2/promote", 501, "does not serve"),
    ],
)
def test_refusals(api: httpx.Client, method: str, path: str, status: int, why: str) -> None:
    answer = api.request(method, path)

    assert answer.status_code == status
    assert why in message(answer)


def test_archives_are_not_exploded(api: httpx.Client, folder: str) -> None:
    answer = api.put(f"/{folder}/a.zip", content=b"zip", headers={"X-Explode-Archive": "true"})

    assert answer.status_code == 400
    assert "not exploded" in message(answer)


def test_files_and_folders_do_not_replace_each_other(api: httpx.Client, folder: str, put: Put) -> None:
    path = put("file")

    assert api.put(f"/{path}/below", content=b"x").status_code == 409
    assert api.put(f"/{path}/").status_code == 409
    assert api.put(f"/{folder}", content=b"x").status_code == 409


def test_an_upload_that_breaks_off_leaves_what_was_there(lab: Lab, api: httpx.Client, put: Put) -> None:
    path = put("file", b"before")
    url = httpx.URL(lab.artifactory.url)
    token = f"Authorization: Bearer {lab.artifactory.password}"
    head = f"PUT {url.path}/{path} HTTP/1.1\r\nHost: lab\r\n{token}\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(head.encode() + b"after" * 10_000)

    assert api.get(f"/{path}").content == b"before"
    assert api.put(f"/{path}", content=b"again").status_code == 201


def test_deployments_of_one_path_at_the_same_time_leave_one_of_them_whole(
    api: httpx.Client, folder: str
) -> None:
    contents = [bytes([number]) * 300_000 for number in range(8)]

    def deploy(content: bytes) -> int:
        return api.put(f"/{folder}/file;first={content[0]}", content=content).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(deploy, contents)) == [201] * 8
    answer = api.get(f"/{folder}/file")
    assert answer.content in contents
    assert answer.headers["X-Checksum-Sha256"] == hashlib.sha256(answer.content).hexdigest()
    properties = api.get(f"/api/storage/{folder}/file?properties").json()["properties"]
    assert properties == {"first": [str(answer.content[0])]}
