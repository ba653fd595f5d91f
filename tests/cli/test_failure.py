"""What a person reads of a failed task's log."""

from __future__ import annotations

import pytest

from slipway.cli.failure import log_lines

# As Airflow 3.3.2 answered for a task that failed.
ANSWERED = [
    {"event": "::group::Log message source details"},
    {"event": "/opt/airflow/logs/dag_id=container_image/run_id=x/task_id=build/attempt=1.log"},
    {"event": "::endgroup::"},
    {"timestamp": "2026-11-24T03:01:38.787384Z", "event": "::group::Pre Execute", "level": "info"},
    {"timestamp": "2026-11-24T03:01:38.814215Z", "event": "Worker startup parse complete", "level": "info"},
    {"timestamp": "2026-11-24T03:01:38.912331Z", "event": "::endgroup::", "level": "info"},
    {
        "timestamp": "2026-11-24T03:01:40.914325Z",
        "event": "Task failed with exception",
        "level": "error",
        "error_detail": [
            {
                "exc_type": "ValueError",
                "exc_value": "step 3 failed:\nno such file",
                "is_cause": False,
                "frames": [],
            }
        ],
    },
]


def test_messages_and_the_exception_without_what_only_frames_them() -> None:
    assert log_lines(ANSWERED) == [
        "Worker startup parse complete",
        "Task failed with exception",
        "ValueError: step 3 failed:",
        "no such file",
    ]


@pytest.mark.parametrize(("content", "lines"), [([], []), (["a plain line"], ["a plain line"]), ([{}], [])])
def test_other_logs_are_read_as_they_are(content: list[object], lines: list[str]) -> None:
    assert log_lines(content) == lines
