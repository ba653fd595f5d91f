"""A request is found again wherever it is, and never another's."""

from __future__ import annotations

import pytest

from slipway.jenkins.builds import OWN, RequestPlace, cancel, find, get_build, get_item, start
from slipway.jenkins.console import MOST_BYTES, BuildConsole
from slipway.jenkins.server import path_of
from tests.systems.jenkins.conftest import Served
from tests.systems.jenkins.product import connected, made, until


def test_a_request_is_found_in_the_queue_and_among_the_builds(served: Served) -> None:
    job, server = made(served, "sleep 600", concurrent=False), connected(served.url)
    assert find(server, job, "mine") is None
    other = start(server, job, {OWN: "another's"})
    number = until(lambda: (get_item(server, other) or RequestPlace()).number)
    mine = start(server, job, {OWN: "mine"})
    found = find(server, job, "mine")
    assert found is not None
    assert (found.item, found.number) == (mine, None)
    assert "is already in progress" in until(lambda: (get_item(server, mine) or RequestPlace()).why)
    assert find(server, job, "another's") == RequestPlace(number=number)

    assert cancel(server, job, "another's") == RequestPlace(number=number)
    until(lambda: get_build(server, job, number).result == "ABORTED")
    assert get_build(server, job, number).stopped == "Aborted by slipway"
    begun = until(lambda: (find(server, job, "mine") or RequestPlace()).number)
    assert begun == number + 1
    cancel(server, job, "mine")
    until(lambda: not get_build(server, job, begun).building)


def test_a_request_in_the_queue_is_cancelled(served: Served) -> None:
    job, server = made(served, quiet=600), connected(served.url)
    item = start(server, job, {OWN: "mine"})
    assert cancel(server, job, "nobody's") is None
    assert cancel(server, job, "mine") == RequestPlace(item=item)
    assert get_item(server, item) == RequestPlace(item=item, cancelled=True)
    assert find(server, job, "mine") is None
    assert get_item(server, item + 10_000) is None


def test_a_console_is_read_once_in_whole_lines_that_can_be_shown(served: Served) -> None:
    script = (
        "set +x; printf 'one\\033[31mred\\033[0m\\ntw'; while [ ! -e go ]; do sleep 0.1; done; echo o; seq 20"
    )
    job, server = made(served, script), connected(served.url)
    item = start(server, job, {OWN: "mine"})
    number = until(lambda: (get_item(server, item) or RequestPlace()).number)
    console, lines = BuildConsole(server, job, number), []

    def read() -> bool:
        lines.extend(console.more(ended=False))
        return "onered" in lines

    until(read)
    assert not [line for line in lines if line.startswith("tw")]
    (served.root / "workspace" / job / "go").touch()
    until(lambda: not get_build(server, job, number).building)
    lines.extend(console.more(ended=True))
    assert lines[-22:] == ["two", *map(str, range(1, 21)), "Finished: SUCCESS"]
    assert list(console.tail) == [*map(str, range(10, 21)), "Finished: SUCCESS"]


def test_a_flood_is_cut_to_its_end(served: Served) -> None:
    job, server = made(served, "set +x; seq 100000"), connected(served.url)
    item = start(server, job, {OWN: "mine"})
    number = until(lambda: (get_item(server, item) or RequestPlace()).number)
    until(lambda: not get_build(server, job, number).building)
    lines = BuildConsole(server, job, number).more(ended=True)
    assert "bytes left out" in lines[0]
    assert lines[-2:] == ["100000", "Finished: SUCCESS"]
    assert sum(len(line) + 1 for line in lines[1:]) <= MOST_BYTES


PATHS = {"x": "job/x/", "a/b c": "job/a/job/b%20c/", "a%2Fb": "job/a%252Fb/"}


@pytest.mark.parametrize("job", PATHS)
def test_names_are_quoted(job: str) -> None:
    assert path_of(job) == PATHS[job]
