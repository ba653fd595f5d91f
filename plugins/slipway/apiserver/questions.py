"""The questions of tasks to the API server, which alone has Airflow's database: runs, pushes and turns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from slipway.flow.deployment import Deployment
from slipway.flow.environments import Approver
from slipway.flow.freezes import Closed, Exemption, StartedFreeze
from slipway.flow.history import Ran
from slipway.flow.orphans import RunState
from slipway.flow.platforms import PLATFORMS, Platform
from slipway.flow.push import PARTITION_KEY_LENGTH
from slipway.flow.push_progress import PlatformProgress
from slipway.flow.record import Name, Record, RepositoryName
from slipway.flow.recorded import RecordedPush
from slipway.flow.retention.promises import KeptPlace, RulesOf
from slipway.flow.turns import Contender, Turn, TurnPlace

AT_ONCE = 200
"""How many one question may ask for."""
TURNS_AT_ONCE = 50
RUNS_ROUTE, PUSHES_ROUTE, TURNS_ROUTE = "/runs/search", "/pushes/search", "/turns"
APPROVALS_ROUTE = "/approvals"
REPORTS_ROUTE, PUSH_ROUTE = "/pushes/reports", "/pushes/find"
LOOKED_ROUTE, BUILT_ROUTE, SUPERSEDED_ROUTE = "/pushes/looked", "/pushes/built", "/pushes/superseded"
SETTLE_ROUTE = "/pushes/settle"
RELEASED_ROUTE, HISTORY_ROUTE, KEPT_ROUTE = "/releases", "/releases/search", "/releases/kept"
RIGHTS_ROUTE, BUILDS_ROUTE = "/rights", "/builds"
FREEZES_ROUTE, LET_ROUTE = "/freezes", "/freezes/let"
"""Of people, with a login of Airflow's."""

AskedId = Annotated[str, Field(max_length=PARTITION_KEY_LENGTH)]
Outcome = Literal["built", "unchanged", "nothing"]
"""What a pipeline handed on: an image that it made, one that was there, or nothing for its platform."""


class RunsQuestion(Record):
    """Which of these runs live?"""

    runs: tuple[AskedId, ...] = Field(max_length=AT_ONCE)
    living: bool = False
    """And all others that live."""


class RunsAnswer(Record):
    """The runs that Airflow knows, of whatever DAG."""

    runs: dict[str, RunState]


class PushesQuestion(Record):
    """What became of the pushes with these partition keys?"""

    keys: tuple[AskedId, ...] = Field(max_length=AT_ONCE)
    rebuild: str = Field(default="", max_length=60, pattern=r"^[A-Za-z0-9:.-]*$")
    """And how many pushes of this rebuild are under way?"""


class KnownRun(Record):
    """A run that a push started."""

    dag_id: str
    run_id: str
    state: str


class KnownPush(Record):
    """One partition key that Airflow knows."""

    refs: tuple[str, ...] = ()
    """Refs that were pushed to this commit last, to be deployed and not superseded."""
    runs: tuple[KnownRun, ...] = ()
    """Of the pushes; and those that a person started, while they live."""
    images: dict[str, Outcome] = {}
    """By platform, of the pipelines that are through."""


class PushesAnswer(Record):
    """The pushes that Airflow knows, by partition key."""

    pushes: dict[str, KnownPush]
    under_way: int = 0
    """Pushes of the rebuild that are not over."""


class PushQuestion(Record):
    """Which push has this id?"""

    id: AskedId


class RecordedAnswer(Record):
    """The push; None when none has the id."""

    push: RecordedPush | None


class LookedReport(Record):
    """A push's commit was looked at: this is to become of each platform."""

    id: AskedId
    progress: dict[Platform, PlatformProgress]


class BuiltReport(Record):
    """A pipeline of a push has ended."""

    id: AskedId
    platform: Platform
    progress: PlatformProgress


class SettleQuestion(Record):
    """Which pushes lost their reports? They go on."""


class SettledAnswer(Record):
    """What was done, by the ids of pushes."""

    done: dict[str, str]


class SupersededReport(Record):
    """The ref of a push points to a later commit."""

    id: AskedId
    reason: str = Field(max_length=1000)


class ReleasedReport(Record):
    """These deployments, of one release, are in place."""

    names: tuple[RepositoryName, ...] = ()
    """All that the repository has, or had, where it was renamed."""
    deployments: tuple[Deployment, ...] = Field(min_length=1, max_length=len(PLATFORMS))


class HistoryQuestion(Record):
    """What ran in this place last?"""

    names: tuple[RepositoryName, ...] = Field(min_length=1, max_length=100)
    environment: Name
    commit: str = Field(default="", max_length=64)
    """And this one, if it did."""


class HistoryAnswer(Record):
    """The last one first, and it alone with its deployments."""

    ran: tuple[Ran, ...]


class KeptQuestion(Record):
    """Which releases of these applications must stay restorable?"""

    rules: tuple[RulesOf, ...] = Field(max_length=AT_ONCE)


class KeptAnswer(Record):
    """Those of each environment."""

    places: tuple[KeptPlace, ...]


class TurnQuestion(Record):
    """Is it this run's turn? It is, or it queues up."""

    place: TurnPlace
    mine: Contender


class TurnsQuestion(Record):
    """Several of them."""

    turns: tuple[TurnQuestion, ...] = Field(max_length=TURNS_AT_ONCE)


class TurnsAnswer(Record):
    """In the order of the questions."""

    turns: tuple[Turn, ...]


class ApprovalQuestion(Record):
    """May this run be the one that people are asked about? Older ones are then answered for."""

    place: TurnPlace
    mine: Contender
    by: tuple[Approver, ...] = ()
    """Who may answer."""
    after_try: int = 0
    """Number of the task's last try before it was started, or cleared, to ask."""
    asked: bool = True
    """Its question is on record. Before that, only an answer to an earlier try is wanted."""


class Given(Record):
    """An answer to an earlier try of the task, which did not read it."""

    chosen: tuple[str, ...]
    by: dict[str, str] | None
    """Id and name of who gave it."""
    at: AwareDatetime
    beside: dict[str, str] = {}


class ApprovalAnswer(Record):
    """It may, unless a newer push waits."""

    given: Given | None = None
    """Before the question is on record: no new question is needed."""
    newer: Contender | None = None
    ended: tuple[Contender, ...] = ()
    """Those that were answered for."""
    unknown: tuple[str, ...] = ()
    """Names of ``by`` that Airflow does not know."""


class RightsQuestion(Record):
    """May this user start runs of this DAG?"""

    user: str = Field(min_length=1, max_length=512)
    dag_id: AskedId


class RightsAnswer(Record):
    """Yes, or no."""

    may: bool


class FreezesAnswer(Record):
    """What holds releases now."""

    freezes: tuple[StartedFreeze, ...] = ()
    """That people began."""
    exemptions: tuple[Exemption, ...] = ()
    closed: tuple[Closed, ...] = ()
    """By ``apps.yaml``."""
