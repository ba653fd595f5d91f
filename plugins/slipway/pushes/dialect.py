"""Inserts with ``ON CONFLICT``, which PostgreSQL and SQLite alone have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

DIALECTS: Mapping[str, Any] = {"postgresql": postgresql, "sqlite": sqlite}
"""Their modules, by SQLAlchemy's name of the database; each has an ``insert``."""


def insert_into(session: Session, table: Table) -> Any:
    """Return the insert of a session's own database."""
    return DIALECTS[session.get_bind().dialect.name].insert(table)
