"""Searches: AQL as documented, and the searches by property and by checksum.

https://docs.jfrog.com/artifactory/docs/artifactory-query-language
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.lab
Put = Callable[..., str]
Find = Callable[..., list[str]]


@pytest.fixture
def tree(put: Put) -> None:
    put("a.txt", b"1", commit="abc", kind="old")
    put("b.txt", b"22", commit="def")
    put("deep/c[1].bin", b"333", commit="abc")
    put("deep/d.bin", b"4444")


def ask(api: httpx.Client, text: str) -> dict[str, Any]:
    answer = api.post("/api/search/aql", content=text, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
def find(api: httpx.Client, folder: str, tree: None) -> Find:
    """Ask for items of this test's folder; return their names."""

    def names(*criteria: dict[str, Any], then: str = "") -> list[str]:
        own = {"repo": "generic-local", "path": {"$match": f"{folder.partition('/')[2]}*"}}
        wanted = ", ".join(json.dumps(one) for one in (own, *criteria))
        return [one["name"] for one in ask(api, f"items.find({wanted}){then}")["results"]]

    return names


@pytest.mark.parametrize(
    ("criterion", "names"),
    [
        ({"name": "a.txt"}, ["a.txt"]),
        ({"name": {"$eq": "*.txt"}}, []),
        ({"name": {"$ne": "a.txt"}}, ["b.txt", "c[1].bin", "d.bin"]),
        ({"name": {"$match": "?.txt"}}, ["a.txt", "b.txt"]),
        ({"name": {"$match": "c[1]*"}}, ["c[1].bin"]),
        ({"name": {"$nmatch": "*.bin"}}, ["a.txt", "b.txt"]),
        ({"size": {"$gt": 2}}, ["c[1].bin", "d.bin"]),
        ({"size": {"$gte": "2", "$lt": 4}}, ["b.txt", "c[1].bin"]),
        ({"size": {"$lte": 1}}, ["a.txt"]),
        ({"@commit": "abc"}, ["a.txt", "c[1].bin"]),
        ({"@commit": {"$match": "?e?"}}, ["b.txt"]),
        ({"@commit": {"$ne": "abc"}}, ["b.txt", "d.bin"]),
        ({"@commit": {"$nmatch": "*"}}, ["d.bin"]),
        ({"@commit": "*"}, ["a.txt", "b.txt", "c[1].bin"]),
        ({"@*": "old"}, ["a.txt"]),
        ({"$or": [{"name": "d.bin"}, {"@kind": "old"}]}, ["a.txt", "d.bin"]),
        (
            {"$or": [{"$and": [{"@commit": "abc"}, {"size": {"$gt": 1}}]}, {"name": "b.txt"}]},
            ["b.txt", "c[1].bin"],
        ),
        ({"type": "folder"}, ["deep"]),
        ({"type": "any", "size": {"$lt": 2}}, ["a.txt", "deep"]),
        ({"sha256": hashlib.sha256(b"22").hexdigest()}, ["b.txt"]),
        ({"actual_sha1": hashlib.sha1(b"22").hexdigest()}, ["b.txt"]),
        ({"created": {"$gt": "2020-01-01"}, "name": "a.txt"}, ["a.txt"]),
        ({"created": {"$last": "1y"}, "name": "a.txt"}, ["a.txt"]),
        ({"modified": {"$before": "1y"}}, []),
        ({"stat.downloads": {"$ne": None}}, []),
        ({"created_by": "slipway", "modified_by": {"$ne": "slipway"}}, []),
    ],
)
def test_criteria(find: Find, criterion: dict[str, Any], names: list[str]) -> None:
    assert sorted(find(criterion)) == names


def test_several_criteria_hold_together(find: Find) -> None:
    assert find({"@commit": "abc"}, {"name": {"$match": "*.txt"}}) == ["a.txt"]


def test_sorts_and_pages(find: Find) -> None:
    assert find(then='.sort({"$desc": ["size"]})') == ["d.bin", "c[1].bin", "b.txt", "a.txt"]
    assert find(then='.sort({"$asc": ["path", "size"]}).offset(1).limit(2)') == ["b.txt", "c[1].bin"]
    assert find(then=".limit(0)") == []
    assert find(then='.include("name").sort({"$asc": ["name"]}).limit(1)') == ["a.txt"]


def test_shows_what_is_included(api: httpx.Client, folder: str, tree: None) -> None:
    path = folder.partition("/")[2]

    def show(include: str) -> dict[str, Any]:
        answer = ask(api, f'items.find({{"path": "{path}", "name": "a.txt"}}){include}')
        assert answer["range"]["total"] == 1
        return dict(answer["results"][0])

    default = {
        "repo",
        "path",
        "name",
        "type",
        "size",
        "created",
        "created_by",
        "modified",
        "modified_by",
        "updated",
    }
    properties = [{"key": "commit", "value": "abc"}, {"key": "kind", "value": "old"}]
    assert set(show("")) == default
    assert show('.include("name", "size")') == {"name": "a.txt", "size": 1}
    assert show('.include("name", "@kind")') == {"name": "a.txt", "properties": properties[1:]}
    assert show('.include("property")') == {**show(""), "properties": properties}
    everything = show('.include("*", "property.*")')
    assert everything["sha256"] == hashlib.sha256(b"1").hexdigest()
    assert everything["properties"] == properties
    assert set(everything) > default
    api.get(f"/{folder}/a.txt").raise_for_status()
    assert show('.include("name", "stat.downloads")') == {"name": "a.txt", "stats": [{"downloads": 1}]}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "items",
        "items.find(",
        'items.find({"name": "a"',
        "items.find({'name': 'a'})",
        'items.find("a")',
        'items.find({"name": "a"}) nonsense',
        'items.find({"name": "a"}).find({})',
        'builds.find({"name": "a"})',
        'items.find({"nme": "a"})',
        'items.find({"name": {"$like": "a"}})',
        'items.find({"name": {}})',
        'items.find({"name": ["a"]})',
        'items.find({"size": {"$gt": "big"}})',
        'items.find({"created": {"$gt": "yesterday"}})',
        'items.find({"created": {"$last": "3 days"}})',
        'items.find({"$or": {"name": "a"}})',
        'items.find({"$or": []})',
        'items.find({}).include("nme")',
        'items.find({}).include("name").sort({"$asc": ["size"]})',
        'items.find({}).sort({"asc": ["size"]})',
        "items.find({}).limit(-1)",
        'items.find({}).limit("1")',
        "items.find({}).offset(1, 2)",
        "items.find(" + '{"$and": [' * 5000,
        "items.find(" + '{"$and": [' * 300 + "{}" + "]}" * 300 + ")",
        'items.find({"$or": [' + ", ".join(['{"name": "a"}'] * 300) + "]})",
        "'; DROP TABLE items; --",
    ],
)
def test_what_is_no_query_is_refused(api: httpx.Client, query: str) -> None:
    answer = api.post("/api/search/aql", content=query)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


def test_values_are_values_only(find: Find) -> None:
    assert find({"name": "' OR 1=1 --"}) == []
    assert find({"@' OR '1'='1": {"$match": "*"}}) == []


def test_finds_by_property(api: httpx.Client, folder: str, tree: None) -> None:
    api.put(f"/api/storage/{folder}/deep?properties=owner={folder.rpartition('/')[2]}").raise_for_status()
    api.put(f"/api/storage/{folder}/deep/d.bin?properties=kind=new").raise_for_status()
    owner = folder.rpartition("/")[2]

    def find(**wanted: str) -> list[str]:
        results = api.get("/api/search/prop", params={"owner": owner, **wanted}).json()["results"]
        return [one["uri"].removeprefix(f"{api.base_url}api/storage/{folder}") for one in results]

    assert sorted(find()) == ["/deep", "/deep/c%5B1%5D.bin", "/deep/d.bin"]
    assert find(kind="n*") == ["/deep/d.bin"]
    assert find(kind="n*", repos="images") == []
    detail = api.get(
        "/api/search/prop",
        params={"owner": owner, "kind": ""},
        headers={"X-Result-Detail": "info, properties"},
    )
    (one,) = detail.json()["results"]
    assert (one["size"], one["properties"]["kind"]) == ("4", ["new"])


@pytest.mark.parametrize("kind", ["sha256", "sha1", "md5"])
def test_finds_by_checksum(api: httpx.Client, put: Put, folder: str, kind: str) -> None:
    path = put("file", folder.encode())
    digest = hashlib.new(kind, folder.encode()).hexdigest()

    def find(**more: str) -> list[str]:
        return [
            one["uri"]
            for one in api.get("/api/search/checksum", params={kind: digest, **more}).json()["results"]
        ]

    assert find() == find(repos="images,generic-local") == [f"{api.base_url}api/storage/{path}"]
    assert find(repos="images") == []
