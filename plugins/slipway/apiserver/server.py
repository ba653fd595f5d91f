"""The application as Airflow's API server runs it: with its database, connections and allow-list."""

from __future__ import annotations

from functools import partial

from airflow.utils.session import create_session
from fastapi import FastAPI

from slipway.apiserver.routes import create_app
from slipway.config import load_apps
from slipway.webhook.question_key import ServerKeys
from slipway.webhook.reception import Reception
from slipway.webhook.secrets import ServerSecrets


def make() -> FastAPI:
    """Return the application."""
    sessions = partial(create_session, scoped=False)
    return create_app(Reception(sessions, load_apps, ServerSecrets(), ServerKeys(sessions)))
