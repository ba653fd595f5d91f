"""Long lists of Airflow's API, read by several requests at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from slipway.cli.answers import Json, ServerError
from slipway.cli.api import PAGE, TRIES, Airflow, Query

AT_ONCE = 8
"""Requests: an API server answers about as many at a time."""
MOST = 1000
"""Of one list, the newest."""
EARLIER = timedelta(minutes=5)
"""How much before the moment that is asked for: the runs of one push are not made at once."""
SMALLEST = 10
"""A page of no more than these that cannot be read is left out."""


@dataclass(frozen=True)
class Listing:
    """A list of the API, newest first.

    :param items: under which name the answer has it.
    :param moment: the field that it is sorted by.
    """

    path: str
    items: str
    moment: str
    query: Query = field(default_factory=dict)
    absent: str = ""
    """What to say when the server has no such path."""
    since: datetime | None = None
    """Only lines from this moment on."""
    most: int = MOST
    """How many lines to read, the newest."""
    tries: int = 1
    """How often a page is asked for while the server fails; after that, smaller ones are."""


@dataclass(frozen=True)
class Lines:
    """What was read of a list."""

    items: list[Json]
    missing: bool = False
    """Whether the server failed to show some of it."""
    total: int = 0
    """How many there are, when it was asked first."""
    moment: str = ""
    """The field that they are sorted by."""
    since: datetime | None = None
    """Older lines were not asked for."""

    def reach(self, moment: datetime | None) -> bool:
        """Say whether all lines from this moment on were read.

        :param moment: None for all lines of the list.
        """
        if self.missing or (self.since and (moment is None or moment < self.since)):
            return False
        if len(self.items) >= self.total:
            return True
        return moment is not None and datetime.fromisoformat(self.items[-1][self.moment]) < moment


def runs_of(dag_id: str, absent: str, since: datetime | None = None) -> Listing:
    """Return the list of a DAG's runs."""
    return Listing(
        f"/dags/{dag_id}/dagRuns", "dag_runs", "run_after", absent=absent, since=since, tries=TRIES
    )


def events_of(asset: str, dag_id: str = "", since: datetime | None = None, most: int = MOST) -> Listing:
    """Return the list of an asset's events.

    :param dag_id: only those that runs of this DAG made.
    """
    query: Query = {"name_pattern": asset}
    if dag_id:
        query["source_dag_id"] = dag_id
    return Listing("/assets/events", "asset_events", "timestamp", query, since=since, most=most)


def read(airflow: Airflow, listings: Sequence[Listing]) -> list[Lines]:
    """Return the newest lines of each list.

    An event that cannot be shown (see ``Airflow._ask``) spoils the page that it is on: smaller pages leave
    out its neighbours alone.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        first = list(pool.map(lambda listing: _page(airflow, listing, 0, PAGE), listings))
        rest = [
            (number, _upto(listing, part), offset)
            for number, (listing, part) in enumerate(zip(listings, first, strict=True))
            for offset in range(PAGE, min(part.total, listing.most), PAGE)
        ]
        pages = list(pool.map(lambda page: _page(airflow, page[1], page[2], PAGE), rest))
    for (number, _, _), page in zip(rest, pages, strict=True):
        whole = first[number]
        first[number] = replace(
            whole, items=[*whole.items, *page.items], missing=whole.missing or page.missing
        )
    return [
        replace(part, moment=listing.moment, since=listing.since)
        for listing, part in zip(listings, first, strict=True)
    ]


def _upto(listing: Listing, first: Lines) -> Listing:
    """Return the list without what came after its first page was read: pages would shift."""
    if not first.items:
        return listing
    return replace(listing, query=listing.query | {f"{listing.moment}_lte": first.items[0][listing.moment]})


def _page(airflow: Airflow, listing: Listing, offset: int, limit: int) -> Lines:
    query = listing.query | {"order_by": f"-{listing.moment}", "limit": limit, "offset": offset}
    if listing.since:
        query[f"{listing.moment}_gte"] = (listing.since - EARLIER).isoformat()
    try:
        items, total = airflow.get_list(listing.path, query, listing.items, listing.absent, listing.tries)
    except ServerError:
        if listing.tries > 1:
            raise
        if limit <= SMALLEST:
            return Lines([], missing=True)
        half = limit // 2
        halves = (
            _page(airflow, listing, offset, half),
            _page(airflow, listing, offset + half, limit - half),
        )
        total = max(part.total for part in halves)
        return Lines([item for part in halves for item in part.items], any(p.missing for p in halves), total)
    return Lines(items, total=total)
