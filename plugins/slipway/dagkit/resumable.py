"""A task of TaskFlow that may wait without a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import Context
from airflow.sdk.bases.decorator import DecoratedOperator, task_decorator_factory


class ResumableOperator(DecoratedOperator, PythonOperator):  # type: ignore[misc]
    """Calls its function anew when what the function waited for (``TaskDeferred``) has come, or has not.

    https://airflow.apache.org/docs/apache-airflow/stable/howto/create-custom-decorator.html
    """

    custom_operator_name = "@resumable"

    def __init__(
        self, *, python_callable: Callable[..., Any], op_args: Any, op_kwargs: Any, **rest: Any
    ) -> None:
        given = {"python_callable": python_callable, "op_args": op_args, "op_kwargs": op_kwargs}
        super().__init__(kwargs_to_upstream=given, **given, **rest)

    def resume_execution(
        self,
        next_method: str,  # noqa: ARG002
        next_kwargs: Mapping[str, Any] | None,  # noqa: ARG002
        context: Context,
    ) -> Any:
        """Call the function: it asks again, whatever was said meanwhile."""
        return self.execute(context)


resumable: Callable[..., Any] = partial(task_decorator_factory, decorated_operator_class=ResumableOperator)
"""Like ``@task``; a function that raises ``TaskDeferred`` is called anew afterwards."""
