"""The routes of ``slipway freeze``: with a login of Airflow's, and the rights of Airflow's auth manager.

Who may answer the required actions of ``deploy`` (``SlipwayApprover``) may freeze environments, end a freeze
and let a commit through. Who may read ``deploy`` sees what is frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Query
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from slipway.apiserver import freezes
from slipway.apiserver.questions import FREEZES_ROUTE, LET_ROUTE, FreezesAnswer
from slipway.flow.apps import Apps
from slipway.flow.followed import DEPLOY
from slipway.flow.freezes import Exemption, StartedFreeze, WantedExemption, WantedFreeze
from slipway.flow.moments import check_end
from slipway.flow.record import Name, RepositoryName, SlipwayError
from slipway.webhook.reception import Reception

MAY_READ = Depends(requires_access_dag("GET", param_dag_id=DEPLOY))
MAY_FREEZE = Depends(requires_access_dag("PUT", DagAccessEntity.HITL_DETAIL, DEPLOY))
_Work = Callable[[Session, Apps, datetime], dict[str, Any]]


def add_freezes(app: FastAPI, reception: Reception) -> None:
    """Add the routes; each blocks, so FastAPI runs it in a thread."""

    def carry_out(work: _Work) -> dict[str, Any]:
        try:
            with reception.session() as session:
                return work(session, reception.apps(), datetime.now(UTC))
        except SlipwayError as error:
            raise HTTPException(400, str(error)) from None
        except SQLAlchemyError:
            raise HTTPException(503, "the database does not answer; try again") from None

    @app.get(FREEZES_ROUTE, dependencies=[MAY_READ])
    def show() -> dict[str, Any]:
        """Return what is frozen or closed now."""
        return carry_out(lambda session, apps, now: freezes.in_force(session, apps, now).to_json())

    @app.post(FREEZES_ROUTE, dependencies=[MAY_FREEZE], status_code=201)
    def begin(wanted: WantedFreeze, user: GetUserDep) -> dict[str, Any]:
        """Freeze an environment."""

        def work(session: Session, apps: Apps, now: datetime) -> dict[str, Any]:
            check_end(wanted.until, now)
            begun = StartedFreeze(**dict(wanted), by=user.get_name()[:255], at=now)
            freezes.begin(session, apps, begun)
            return begun.to_json()

        return carry_out(work)

    @app.delete(FREEZES_ROUTE, dependencies=[MAY_FREEZE])
    def end(
        user: GetUserDep,
        environment: Annotated[Name, Query()],
        repository: Annotated[RepositoryName | None, Query()] = None,
    ) -> dict[str, Any]:
        """End the freezes of an environment, or of one application in it."""

        def work(session: Session, apps: Apps, now: datetime) -> dict[str, Any]:
            by = user.get_name()[:255]
            ended = freezes.end(session, apps, environment, repository, by, now)
            return FreezesAnswer(freezes=tuple(ended)).to_json()

        return carry_out(work)

    @app.post(LET_ROUTE, dependencies=[MAY_FREEZE], status_code=201)
    def let(wanted: WantedExemption, user: GetUserDep) -> dict[str, Any]:
        """Let one commit into an environment that takes no release."""

        def work(session: Session, apps: Apps, now: datetime) -> dict[str, Any]:
            check_end(wanted.until, now)
            begun = Exemption(**dict(wanted), by=user.get_name()[:255], at=now)
            freezes.begin(session, apps, begun)
            return begun.to_json()

        return carry_out(work)
