"""Decisions about servers, over many histories: crashes anywhere, broken and sick versions, newer pushes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.nova.endings import clear, go_back, keep
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.nova.rollout import roll_out
from slipway.flow.nova.spec import ServerVolume
from slipway.flow.nova.steps import Create, Delete, Do, Done, Fail, Lead, Step, Stop, Wait
from slipway.flow.nova.traffic import Place, Pool, RecordSet
from slipway.flow.release import SupersededError
from tests.examples import examples
from tests.flow.builders import NOON
from tests.flow.cloud import TTL, Cloud, plan

STEPS = 400


class Crash(Exception):
    """The worker died."""


@dataclass
class Worker:
    """Carries decisions out; dies after as many orders as are left in ``lives``, and is started again."""

    cloud: Cloud
    lives: list[int] = field(default_factory=list)
    promised: int = 0
    """At least so many servers serve, always."""
    promised_traffic: int = 0
    """Traffic comes to at least so many."""

    def until_end(self, plan: NovaPlan, run: str, decide: Callable[[], Step]) -> Done | Fail:
        for _ in range(STEPS):
            step = decide()
            if isinstance(step, Done | Fail):
                return step
            if isinstance(step, Wait):
                self.cloud.pass_time(step)
            else:
                self.orders(plan, run, step)
            self.check()
        raise AssertionError("it comes to no end")

    def orders(self, plan: NovaPlan, run: str, step: Do) -> None:
        left = self.lives.pop() if self.lives else len(step.orders)
        for order in step.orders[:left]:
            self.cloud.obey(order, plan, run)
            self.check()
        # What the process had seen dies with it.
        if left < len(step.orders):
            self.cloud.answered.clear()

    def check(self) -> None:
        assert self.cloud.serving() >= self.promised
        assert self.cloud.led_to() >= self.promised_traffic

    def roll_out(self, plan: NovaPlan, run: str) -> Done | Fail:
        return self.until_end(plan, run, lambda: roll_out(plan, run, self.cloud.view(plan), self.cloud.now))

    def go_back(self, plan: NovaPlan, run: str) -> Done | Fail:
        self.cloud.given_up.clear()
        return self.until_end(plan, run, lambda: go_back(plan, run, self.cloud.view(plan), self.cloud.now))

    def keep(self, plan: NovaPlan, run: str, *, clears: bool = True) -> None:
        while orders := keep(plan, run, self.cloud.view(plan), self.cloud.now):
            self.orders(plan, run, Do(orders))
        while clears and (orders := clear(plan, run, self.cloud.view(plan))):
            self.orders(plan, run, Do(orders))

    def release(self, plan: NovaPlan, run: str) -> bool:
        """One release from beginning to end."""
        if isinstance(self.roll_out(plan, run), Done):
            self.keep(plan, run)
            return True
        self.go_back(plan, run)
        return False


def picture(cloud: Cloud) -> set[tuple[str, int, str, str, str]]:
    """What is there, whom it is for, and for whom it is kept."""
    return {
        (mark.version, mark.index, one.status, mark.claim.run, mark.kept.claim.run if mark.kept else "")
        for one in cloud.servers.values()
        for mark in [one.mark]
    }


def switches(cloud: Cloud, plan: NovaPlan) -> object:
    """Where traffic goes, and who has the plan's floating IP."""
    leads = {place: to.addresses for place, to in cloud.traffic.items() if to.addresses}
    return leads, cloud.floating.get(plan.floating_ip(0))


PLACES = st.sampled_from(
    [
        None,
        Pool(id="a", port=80),
        Pool(id="b", port=80),
        RecordSet(zone="z", name="shop.example.org."),
    ]
)


def field_of(place: Place | None) -> dict[str, Place]:
    """The field of a plan that says where traffic comes from."""
    return {"pool" if isinstance(place, Pool) else "dns": place} if place else {}


STRATEGIES = st.sampled_from(["rolling", "blue_green"])
LIVES = st.lists(st.integers(0, 3), max_size=30)


@examples(300)
@given(
    counts=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    kinds=st.lists(st.sampled_from(["good", "good", "broken", "sick", "same"]), min_size=5, max_size=5),
    strategy=STRATEGIES,
    batch=st.integers(1, 3),
    places=st.lists(PLACES, min_size=5, max_size=5),
    lives=LIVES,
)
def test_whatever_happens_the_newest_good_release_runs_whole_and_alone(
    counts: list[int],
    kinds: list[str],
    strategy: str,
    batch: int,
    places: list[Place | None],
    lives: list[int],
) -> None:
    cloud = Cloud()
    other = cloud.someone_elses()
    worker = Worker(cloud, lives)
    good: tuple[NovaPlan, str] | None = None
    for number, (count, kind, place) in enumerate(zip(counts, kinds, places, strict=False), start=1):
        addresses = [f"10.0.0.{index}" for index in range(count)]
        wanted = plan(
            number,
            image="e" if kind == "same" else "",
            count=count,
            strategy=strategy,
            batch=batch,
            floating_ips=addresses,
            health={"port": 80},
        ).model_copy(update=field_of(place))
        {"broken": cloud.broken, "sick": cloud.sick}.get(kind, set()).add(wanted.version)
        worker.promised = min(count, good[0].nova.count) if good else 0
        led = good and good[0].traffic and place
        worker.promised_traffic = worker.promised if led else 0
        if worker.release(wanted, f"run-{number}"):
            good = (wanted, f"run-{number}")
        ours = [one for one in cloud.servers.values() if one.id != other.id]
        if good is None:
            assert ours == []
            continue
        kept, run = good
        assert sorted(one.mark.index for one in ours) == list(range(kept.nova.count))
        assert {(one.mark.version, one.status) for one in ours} == {(kept.version, "ACTIVE")}
        assert {one.mark.kept.claim.run for one in ours if one.mark.kept} == {run}
        assert {one.mark.claim.run for one in ours} == {run}
        by_index = {one.mark.index: one.id for one in ours}
        assert all(cloud.floating[kept.floating_ip(index)] == by_index[index] for index in by_index)
        leads = {place: to.addresses for place, to in cloud.traffic.items() if to.addresses}
        assert leads == ({kept.traffic: {one.address for one in ours}} if kept.traffic else {})
    assert cloud.servers[other.id] == other


@examples(100)
@given(
    strategy=STRATEGIES,
    counts=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    lives=LIVES,
    same=st.booleans(),
    places=st.tuples(PLACES, PLACES),
)
def test_kept_release_goes_back_when_another_platform_could_not_keep(
    strategy: str,
    counts: tuple[int, int],
    lives: list[int],
    same: bool,
    places: tuple[Place | None, Place | None],
) -> None:
    cloud = Cloud()
    worker = Worker(cloud)
    first, second = (
        plan(
            number,
            image="e" if same else "",
            count=count,
            strategy=strategy,
            floating_ips=[f"203.0.113.{number}"],
        ).model_copy(update=field_of(place))
        for number, (count, place) in enumerate(zip(counts, places, strict=True), start=1)
    )
    worker.release(first, "run-1")
    before, switched = picture(cloud), switches(cloud, first)
    worker.roll_out(second, "run-2")
    worker.lives = lives
    worker.promised = min(counts)
    worker.keep(second, "run-2", clears=False)
    assert worker.go_back(second, "run-2") == Done()
    assert picture(cloud) == before
    assert switches(cloud, first) == switched


def test_older_push_finds_a_newer_one_in_place_or_on_its_way() -> None:
    cloud = Cloud()
    worker = Worker(cloud)
    older, newer = plan(1), plan(2)
    cloud.obey(Create(0), newer, "run-2")
    for work in (roll_out, keep, go_back):
        with pytest.raises(SupersededError, match=r"222222222222, pushed at .* is newer than 111111111111"):
            work(older, "run-1", cloud.view(older), NOON)
    worker.release(newer, "run-2")
    with pytest.raises(SupersededError):
        roll_out(older, "run-1", cloud.view(older), NOON)


def test_superseded_attempt_removes_what_it_made_itself() -> None:
    cloud = Cloud()
    older, newer = plan(1), plan(2)
    cloud.obey(Create(0), older, "run-1")
    cloud.obey(Create(0), newer, "run-2")
    step = go_back(older, "run-1", cloud.view(older), NOON)
    assert isinstance(step, Do)
    [order] = step.orders
    assert isinstance(order, Delete)
    assert order.server.mark.claim.run == "run-1"


def test_newer_push_in_the_middle_of_a_rolling_one_keeps_what_serves() -> None:
    cloud = Cloud()
    worker = Worker(cloud)
    first, second, third = (plan(number, count=3) for number in (1, 2, 3))
    worker.release(first, "run-1")
    for _ in range(7):  # into the middle of the second
        step = roll_out(second, "run-2", cloud.view(second), NOON)
        if isinstance(step, Wait):
            cloud.pass_time(step)
        elif isinstance(step, Do):
            worker.orders(second, "run-2", step)
    assert {one.mark.claim.run for one in cloud.servers.values()} == {"run-1", "run-2"}
    worker.promised = 3
    assert worker.release(third, "run-3")
    assert {run for _, _, _, _, run in picture(cloud)} == {"run-3"}


@pytest.mark.parametrize("strategy", ["rolling", "blue_green"])
def test_replaced_servers_run_on_while_others_may_keep_the_names_old_addresses(strategy: str) -> None:
    cloud = Cloud()
    worker = Worker(cloud)
    name = RecordSet(zone="z", name="shop.example.org.")
    first, second = (plan(number, strategy=strategy).model_copy(update={"dns": name}) for number in (1, 2))
    worker.release(first, "run-1")
    led, began = False, cloud.now
    for _ in range(STEPS):
        step = roll_out(second, "run-2", cloud.view(second), cloud.now)
        if isinstance(step, Do):
            led = led or any(isinstance(order, Lead) for order in step.orders)
            if any(isinstance(order, Stop) for order in step.orders):
                assert cloud.now == began + TTL
            worker.orders(second, "run-2", step)
        elif isinstance(step, Wait):
            if step.not_before:
                assert cloud.serving() == 2
            cloud.pass_time(step)
        else:
            break
    assert step == Done()
    assert cloud.now == began + TTL


def test_superseded_attempt_takes_the_traffic_from_what_it_removes() -> None:
    cloud = Cloud()
    worker = Worker(cloud)
    pool = Pool(id="a", port=80)
    older, newer = (plan(number).model_copy(update={"pool": pool}) for number in (1, 2))
    worker.roll_out(older, "run-1")
    cloud.obey(Create(0), newer, "run-2")
    step = go_back(older, "run-1", cloud.view(older), NOON)
    assert isinstance(step, Do)
    lead, delete = step.orders
    assert lead == Lead(pool, ())
    assert isinstance(delete, Delete)


def test_doubles_of_a_server_are_removed_and_the_same_one_stays() -> None:
    cloud = Cloud()
    wanted = plan(1)
    for _ in range(3):
        cloud.obey(Create(0), wanted, "run-1")
    step = roll_out(wanted, "run-1", cloud.view(wanted), NOON)
    assert isinstance(step, Do)
    assert [order.server.id for order in step.orders if isinstance(order, Delete)] == ["id-002", "id-003"]


def test_server_that_failed_says_novas_words() -> None:
    cloud = Cloud()
    wanted = plan(1)
    cloud.broken.add(wanted.version)
    step = Worker(cloud).roll_out(wanted, "run-1")
    assert step == Fail("server shop-production-111111111111-0: No valid host was found.")


def test_servers_that_need_no_change_are_not_replaced() -> None:
    cloud = Cloud()
    worker = Worker(cloud)
    worker.release(plan(1, image="e", count=2), "run-1")
    servers = set(cloud.servers)
    worker.release(plan(2, image="e", count=2), "run-2")
    assert set(cloud.servers) == servers
    assert {one.mark.claim.commit for one in cloud.servers.values()} == {"2" * 40}


def test_servers_with_other_volumes_are_replaced_and_those_without_are_as_before() -> None:
    """As an upgrade of Slipway replaces no server: this digest is that of versions without volumes."""
    without = plan(1)
    assert without.version == "25daec3040199c55"
    sizes = (ServerVolume(size_gib=1), ServerVolume(size_gib=2), ServerVolume(size_gib=1, type="ssd"))
    others = [without.model_copy(update={"volumes": (volume,)}) for volume in sizes]
    others += [without.model_copy(update={"root_volume": volume}) for volume in sizes]
    assert len({one.version for one in (without, *others)}) == 7
