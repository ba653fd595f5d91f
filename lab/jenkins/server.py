"""Jenkins itself: its queue, its executors, and whether it is there."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from lab.jenkins.config import Config
from lab.jenkins.home import Build, Home
from lab.jenkins.queue import Item, Queue, now
from lab.jenkins.refusal import Refusal
from lab.jenkins.running import Running
from lab.jenkins.settings import Settings
from lab.jenkins.users import Users

TICK_SECONDS = 0.05


@dataclass
class Jenkins:
    """One Jenkins. All of it runs in one event loop, so nothing is locked."""

    settings: Settings
    home: Home = field(init=False)
    queue: Queue = field(init=False)
    users: Users = field(init=False)
    running: dict[asyncio.Task[None], Running] = field(default_factory=dict)
    quieting_down: bool = False
    restarts_when_idle: bool = False
    away_until: float = 0.0

    def __post_init__(self) -> None:
        """Find what was there before; a build that was under way then has been aborted."""
        self.home = Home(self.settings.root)
        self.settings.root.mkdir(parents=True, exist_ok=True)
        self.queue = Queue(self.home)
        self.users = Users(self.settings.user)
        for job in self.home.everything():
            for build in self.home.builds(job):
                if build.building:
                    build.result = "ABORTED"
                    self.home.keep(build)

    @property
    def is_away(self) -> bool:
        """Whether it is starting again, and answers nothing."""
        return time.monotonic() < self.away_until

    async def work(self) -> None:
        """Begin builds as their turn comes; never ends."""
        while True:
            if not self.is_away:
                self._begin()
            if self.restarts_when_idle and not self.running:
                await self.restart()
            await asyncio.sleep(TICK_SECONDS)

    def schedule(self, job: str, config: Config, parameters: dict[str, str], user: str) -> Item:
        """Have a build wait for its turn."""
        return self.queue.add(job, parameters, user, config.quiet_seconds)

    def why(self, item: Item) -> tuple[str, str]:
        """Return what kind of item it is now, and why it waits ("" when it does not)."""
        if item.left is not None:
            return "LeftItem", ""
        if item.until > now():
            return "WaitingItem", f"In the quiet period. Expires in {(item.until - now()) / 1000:.1f} sec"
        if self.quieting_down:
            return "BlockedItem", "Jenkins is about to shut down"
        config, other = self.home.find(item.job), self.of_job(item.job)
        if other and config is not None and not config.concurrent:
            return "BlockedItem", f"Build #{other[0].number} is already in progress"
        if len(self.running) >= self.settings.executors:
            return "BuildableItem", "Waiting for next available executor"
        return "BuildableItem", ""

    def of_job(self, job: str) -> list[Build]:
        """Return a job's builds that are under way."""
        return [running.build for running in self.running.values() if running.build.job == job]

    def stop(self, job: str, number: int, user: str) -> None:
        """Abort a build; one that has ended is left as it is."""
        for running in self.running.values():
            if (running.build.job, running.build.number) == (job, number):
                running.stop(f"Aborted by {user}")

    async def restart(self) -> None:
        """Be away for a while; what is under way is aborted, what waits is kept."""
        self.away_until = time.monotonic() + self.settings.restart_seconds
        for running in self.running.values():
            running.stop("Jenkins is going to shut down")
        await asyncio.gather(*self.running)
        self.queue.forget()
        self.users.forget_sessions()
        self.quieting_down = self.restarts_when_idle = False

    async def close(self) -> None:
        """End all processes."""
        for running in self.running.values():
            running.stop("Jenkins is going to shut down")
        await asyncio.gather(*self.running)

    def job(self, name: str) -> Config:
        """Return a job.

        :raises Refusal: 404 when there is none.
        """
        if (config := self.home.find(name)) is None:
            raise Refusal(404, "Not Found")
        return config

    def _begin(self) -> None:
        for item in self.queue:
            config = self.home.find(item.job)
            if config is None:
                self.queue.leave(item, None)
            elif self.why(item) == ("BuildableItem", ""):
                number = self.home.take_number(item.job)
                build = Build(item.job, number, item.id, item.parameters, item.user, now())
                self.home.keep(build)
                self.queue.leave(item, number)
                running = Running(self.home, self.settings, build, config)
                task = asyncio.create_task(running.run())
                self.running[task] = running
                task.add_done_callback(self.running.pop)
