"""The rights of users, by Airflow's auth manager. Runs in the API server.

https://airflow.apache.org/docs/apache-airflow/3.3.2/core-concepts/auth-manager/index.html
"""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.configuration import conf
from sqlalchemy import select
from sqlalchemy.orm import Session

from slipway.apiserver.questions import RightsAnswer, RightsQuestion


def may_start(session: Session, question: RightsQuestion) -> RightsAnswer:
    """Say whether a user may start runs of a DAG.

    Only the manager with users in Airflow's database can be asked about one who is not there: elsewhere,
    and for names that it does not know (of whoever uses Airflow's own command), the answer is yes.
    """
    user = _find_user(session, question.user)
    if user is None:
        return RightsAnswer(may=True)
    details = DagDetails(id=question.dag_id)
    may = get_auth_manager().is_authorized_dag(
        method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
    )
    return RightsAnswer(may=bool(may))


def _find_user(session: Session, name: str) -> Any:
    if not conf.get("core", "auth_manager").endswith("FabAuthManager"):
        return None
    from airflow.providers.fab.auth_manager.models import User

    return session.scalar(select(User).where(User.username == name))
