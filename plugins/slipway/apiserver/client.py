"""Questions of a task to the API server, about Airflow's database.

What a task may ask Airflow itself lists neither the runs of a partition nor which runs live, and fails on an
asset's events while a run that one of them started is queued. A question is signed with the key of connection
``slipway_questions``, which no webhook has (:mod:`slipway.webhook.question_key`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from slipway.apiserver.questions import (
    APPROVALS_ROUTE,
    AT_ONCE,
    BUILDS_ROUTE,
    BUILT_ROUTE,
    HISTORY_ROUTE,
    KEPT_ROUTE,
    LOOKED_ROUTE,
    PUSH_ROUTE,
    PUSHES_ROUTE,
    RELEASED_ROUTE,
    REPORTS_ROUTE,
    RIGHTS_ROUTE,
    RUNS_ROUTE,
    SETTLE_ROUTE,
    SUPERSEDED_ROUTE,
    TURNS_AT_ONCE,
    TURNS_ROUTE,
    ApprovalAnswer,
    ApprovalQuestion,
    BuiltReport,
    HistoryAnswer,
    HistoryQuestion,
    KeptAnswer,
    KeptQuestion,
    KnownPush,
    LookedReport,
    PushesAnswer,
    PushesQuestion,
    PushQuestion,
    RecordedAnswer,
    ReleasedReport,
    RightsAnswer,
    RightsQuestion,
    RunsAnswer,
    RunsQuestion,
    SettledAnswer,
    SettleQuestion,
    SupersededReport,
    TurnQuestion,
    TurnsAnswer,
    TurnsQuestion,
)
from slipway.flow.deployment import Deployment
from slipway.flow.history import Ran
from slipway.flow.orphans import RunState
from slipway.flow.platforms import Platform
from slipway.flow.push_progress import PlatformProgress
from slipway.flow.record import Record, SlipwayError, TransientError
from slipway.flow.recorded import Received, RecordedPush
from slipway.flow.ref_order import Reported
from slipway.flow.retention.promises import KeptPlace, RulesOf
from slipway.flow.single_flight import BuildClaim, ClaimAnswer
from slipway.flow.turns import Turn
from slipway.webhook.question_key import CONNECTION, task_key, trigger_key
from slipway.webhook.sensors import server_url
from slipway.webhook.signature import sign_search

TIMEOUT_SECONDS = 30.0
RULES_AT_ONCE = 50
"""Applications whose releases are asked for at once: a question is not to take long."""


def ask_runs(ids: Iterable[str]) -> dict[str, RunState]:
    """Return what Airflow knows of runs, by id, and all that live; those it does not know are left out.

    :raises TransientError: when the API server does not answer.
    """
    found: dict[str, RunState] = {}
    for number, some in enumerate(_batches(ids) or [()]):
        answer = _ask(RUNS_ROUTE, RunsQuestion(runs=some, living=number == 0))
        found |= RunsAnswer.model_validate_json(answer).runs
    return found


def ask_pushes(keys: Iterable[str]) -> dict[str, KnownPush]:
    """Return what Airflow knows of pushes, by partition key; those it does not know are left out.

    :raises TransientError: when the API server does not answer.
    """
    found: dict[str, KnownPush] = {}
    for some in _batches(keys):
        answer = _ask(PUSHES_ROUTE, PushesQuestion(keys=some))
        found |= PushesAnswer.model_validate_json(answer).pushes
    return found


def ask_under_way(rebuild: str) -> int:
    """Return how many pushes of a rebuild are not over.

    :raises TransientError: when the API server does not answer.
    """
    answer = _ask(PUSHES_ROUTE, PushesQuestion(keys=(), rebuild=rebuild))
    return PushesAnswer.model_validate_json(answer).under_way


def report_push(reported: Reported) -> Received:
    """Report a push: it is recorded, and looked at, unless it was before.

    :raises TransientError: when the API server does not answer, or cannot start the push's run now.
    """
    return Received.model_validate_json(_ask(REPORTS_ROUTE, reported))


def ask_push(key: str) -> RecordedPush:
    """Return a push by the id of its runs.

    :raises SlipwayError: when there is none.
    :raises TransientError: when the API server does not answer.
    """
    return _recorded(key, _ask(PUSH_ROUTE, PushQuestion(id=key)))


def report_looked(key: str, progress: Mapping[Platform, PlatformProgress]) -> RecordedPush:
    """Report what is to become of each platform of a push: pipelines start, or ``deploy``.

    :raises SlipwayError: when there is no such push.
    :raises TransientError: when the API server does not answer, or cannot start a run now.
    """
    return _recorded(key, _ask(LOOKED_ROUTE, LookedReport(id=key, progress=dict(progress))))


def report_built(key: str, platform: Platform, progress: PlatformProgress) -> RecordedPush:
    """Report that a pipeline of a push has ended; the last one starts ``deploy``.

    :raises SlipwayError: when there is no such push.
    :raises TransientError: when the API server does not answer, or cannot start a run now.
    """
    return _recorded(key, _ask(BUILT_ROUTE, BuiltReport(id=key, platform=platform, progress=progress)))


def report_superseded(key: str, reason: str) -> RecordedPush:
    """Report that the ref of a push points to a later commit.

    :raises SlipwayError: when there is no such push.
    :raises TransientError: when the API server does not answer.
    """
    return _recorded(key, _ask(SUPERSEDED_ROUTE, SupersededReport(id=key, reason=reason)))


def settle_pushes() -> dict[str, str]:
    """Have pushes go on whose reports were lost; returns what was done, by their ids.

    :raises TransientError: when the API server does not answer.
    """
    return SettledAnswer.model_validate_json(_ask(SETTLE_ROUTE, SettleQuestion())).done


def report_released(names: Sequence[str], made: Sequence[Deployment]) -> None:
    """Report the deployments of a release: what runs where is known by them.

    :param names: all that the repository has, or had.
    :raises TransientError: when the API server does not answer.
    """
    if made:
        _ask(RELEASED_ROUTE, ReleasedReport(names=tuple(names), deployments=tuple(made)))


def ask_history(names: Sequence[str], environment: str, commit: str = "") -> list[Ran]:
    """Return what ran in a place, the last one first: some, and what a rollback goes back to.

    Only the last one has its deployments.

    :param names: all that the repository has, or had.
    :param commit: one that is asked for by name; it is among them if it ever ran there.
    :raises TransientError: when the API server does not answer.
    """
    question = HistoryQuestion(names=tuple(names), environment=environment, commit=commit)
    return list(HistoryAnswer.model_validate_json(_ask(HISTORY_ROUTE, question)).ran)


def ask_kept(rules: Sequence[RulesOf]) -> list[KeptPlace]:
    """Return which releases of applications must stay restorable.

    :raises TransientError: when the API server does not answer.
    """
    found: list[KeptPlace] = []
    for start in range(0, len(rules), RULES_AT_ONCE):
        question = KeptQuestion(rules=tuple(rules[start : start + RULES_AT_ONCE]))
        found += KeptAnswer.model_validate_json(_ask(KEPT_ROUTE, question)).places
    return found


def _recorded(key: str, answer: bytes) -> RecordedPush:
    found = RecordedAnswer.model_validate_json(answer).push
    if found is None:
        raise SlipwayError(
            f"no push {key} is on record. Start the run with the form instead, or push the commit again."
        )
    return found


def ask_approval(question: ApprovalQuestion) -> ApprovalAnswer:
    """Ask whether a run is the one in question for people; the API server answers for older ones.

    :raises TransientError: when the API server does not answer.
    """
    return ApprovalAnswer.model_validate_json(_ask(APPROVALS_ROUTE, question))


def ask_may_start(user: str, dag_id: str) -> bool:
    """Ask whether a user of Airflow's may start runs of a DAG.

    :raises TransientError: when the API server does not answer.
    """
    question = RightsQuestion(user=user, dag_id=dag_id)
    return RightsAnswer.model_validate_json(_ask(RIGHTS_ROUTE, question)).may


def ask_to_build(asked: BuildClaim) -> ClaimAnswer:
    """Ask who builds an image: the run itself, or another that began before it.

    :raises TransientError: when the API server does not answer.
    """
    return ClaimAnswer.model_validate_json(_ask(BUILDS_ROUTE, asked))


def ask_turn(question: TurnQuestion) -> Turn:
    """Ask for a run's turn to deploy, or queue up for it.

    :raises TransientError: when the API server does not answer.
    """
    [turn] = TurnsAnswer.model_validate_json(_ask(TURNS_ROUTE, TurnsQuestion(turns=(question,)))).turns
    return turn


async def ask_turns(url: str, questions: Sequence[TurnQuestion]) -> list[Turn]:
    """Ask for the turns of several runs, in the triggerer.

    :param url: of the API server's ``/slipway``.
    :raises TransientError: when the API server does not answer.
    """
    key, found = await trigger_key(), list[Turn]()
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        for start in range(0, len(questions), TURNS_AT_ONCE):
            question = TurnsQuestion(turns=tuple(questions[start : start + TURNS_AT_ONCE]))
            body, headers = _signed(question, key)
            with _told():
                answer = await client.post(f"{url}{TURNS_ROUTE}", content=body, headers=headers)
            found += TurnsAnswer.model_validate_json(_content(TURNS_ROUTE, answer, key)).turns
    return found


def _batches(values: Iterable[str]) -> list[tuple[str, ...]]:
    wanted = sorted(set(values))
    return [tuple(wanted[start : start + AT_ONCE]) for start in range(0, len(wanted), AT_ONCE)]


@retry(
    retry=retry_if_exception_type(TransientError),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.5, max=10),
    reraise=True,
)
def _ask(route: str, question: Record) -> bytes:
    key = task_key()
    body, headers = _signed(question, key)
    with _told():
        answer = httpx.post(f"{server_url()}{route}", content=body, headers=headers, timeout=TIMEOUT_SECONDS)
    return _content(route, answer, key)


def _signed(question: Record, key: str) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(question.to_json()).encode()
    signature = sign_search(body, key, int(time.time())) if key else ""
    return body, {"content-type": "application/json", "x-slipway-signature": signature}


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise TransientError(f"the API server does not answer: {type(error).__name__}") from error


def _content(route: str, answer: httpx.Response, key: str) -> bytes:
    if answer.status_code == httpx.codes.UNAUTHORIZED and not key:
        raise TransientError(
            f"connection {CONNECTION} did not exist when {route} was asked; the API server makes it then"
        )
    if answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise TransientError(f"the API server answers {answer.status_code} to {route}{_reason(answer)}")
    if answer.status_code != httpx.codes.OK:
        raise SlipwayError(
            f"the API server refuses {route}: {answer.status_code} {answer.text[:300]}. The API server and "
            f"the workers must run the same version of Slipway and read the same connection {CONNECTION}."
        )
    return answer.content


def _reason(answer: httpx.Response) -> str:
    try:
        return f": {answer.json()['reason']}"
    except (ValueError, KeyError, TypeError):  # somebody between the two answered
        return ""
