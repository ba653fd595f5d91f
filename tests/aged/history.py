"""Fills a database as an installation does: by SQL, some hundred thousand pushes in minutes.

Of each application the newest push is the same in every database; those before it are its history. In it
are pushes that failed, were superseded or declared nothing, and what Slipway's first versions left pending.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from tests.aged.records import sql_of

APPLICATIONS = 500
DAYS = 365
LEFT_PENDING = 600
"""Partition runs of the first design that will never be complete; each failed build left one."""
INBOX_DAYS, REFUSED = 90, 9_000
UNCHANGED, SUPERSEDED, FAILED = 10, 14, 24
"""Percents of pushes that come to that, each upon the one before; the others are deployed."""

_PUSHES = """
CREATE TEMPORARY TABLE made AS
SELECT *, lag(commit, 1, '') OVER (PARTITION BY app, outcome = 'deployed' ORDER BY number DESC) AS before
FROM (
    SELECT app, number,
        'octo/app-' || app AS repository,
        'push~app-' || app || '~main~' || left(md5(app || ' ' || number), 12) || '~' ||
            left(md5(number || ' ' || app), 8) AS id,
        md5(app || ' ' || number) || left(md5(number || ' ' || app), 8) AS commit,
        md5(app || '-' || number) || md5(number || '-' || app) AS digest,
        date_trunc('second', now() - interval '2 hours' - make_interval(secs => app * 7)
            - number * make_interval(secs => {days} * 86400.0 / {each})) AS at,
        CASE WHEN number = 0 THEN 'deployed'
             WHEN (app * 7 + number * 13) % 100 < {unchanged} THEN 'nothing'
             WHEN (app * 7 + number * 13) % 100 < {superseded} THEN 'superseded'
             WHEN (app * 7 + number * 13) % 100 < {failed} THEN 'failed'
             ELSE 'deployed' END AS outcome
    FROM generate_series(0, {applications} - 1) AS app, generate_series(0, {each} - 1) AS number
) AS one
"""

_RUNS = """
INSERT INTO dag_run (dag_id, run_id, run_type, triggered_by, state, run_after, queued_at, start_date,
                     end_date, created_at, updated_at, conf, span_status, partition_key,
                     created_dag_version_id)
SELECT dag.dag_id, made.id, 'manual', 'ASSET', CASE WHEN outcome = 'failed' AND dag.dag_id = 'container_image'
           THEN 'failed' ELSE 'success' END,
       moment, moment, moment, moment + interval '20 seconds', moment, moment, {conf}::jsonb, 'ended',
       repository || '@' || commit, version.id
FROM made
JOIN (VALUES ('push', 0), ('container_image', 5), ('deploy', 60)) AS dag (dag_id, later)
    ON dag.dag_id = 'push' OR outcome = 'deployed' OR (outcome = 'failed' AND dag.dag_id = 'container_image')
CROSS JOIN LATERAL (SELECT at + make_interval(secs => dag.later) AS moment) AS begun
JOIN dag_version AS version ON version.dag_id = dag.dag_id
ORDER BY moment
"""

_TASKS = """
INSERT INTO task_instance (id, task_id, dag_id, run_id, state, start_date, end_date, duration, try_number,
                           max_tries, pool, pool_slots, operator, queue, priority_weight, span_status,
                           updated_at, dag_version_id)
SELECT gen_random_uuid(), task.task_id, run.dag_id, run.run_id,
       CASE WHEN run.state = 'failed' AND task.task_id = 'build' THEN 'failed' ELSE task.state END,
       run.start_date, run.end_date, 4.2, 1, 3, 'default_pool', 1, 'PythonOperator', 'default', 1, 'ended',
       run.end_date, run.created_dag_version_id
FROM dag_run AS run JOIN (VALUES {tasks}) AS task (dag_id, task_id, state) USING (dag_id)
"""

_TASKS_OF = {
    "push": {"look": "success", "outcome": "skipped"},
    "container_image": {"jenkins": "skipped", **dict.fromkeys(("plan", "build", "publish"), "success")},
    "deploy": {
        **dict.fromkeys(("release", "container.rollout", "released"), "success"),
        **dict.fromkeys(("approve", "keep", "promote", "all_ended", "one_failed"), "skipped"),
        **{f"{name}.rollout": "skipped" for name in ("vm", "bare_metal")},
        **{f"{name}.go_back": "skipped" for name in ("container", "vm", "bare_metal")},
    },
}

_RESULTS = """
INSERT INTO xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)
SELECT run.id, task.task_id, -1, 'return_value', run.dag_id, run.run_id, {built}::jsonb, run.end_date
FROM dag_run AS run JOIN made ON made.id = run.run_id
JOIN (VALUES ('push', 'look'), ('container_image', 'plan'), ('container_image', 'publish'),
             ('deploy', 'release')) AS task (dag_id, task_id) ON task.dag_id = run.dag_id
"""

_ASSETS = """
INSERT INTO asset (name, uri, "group", extra, created_at, updated_at)
SELECT name, 'slipway://' || name, 'slipway', '{{}}', now(), now()
FROM unnest(ARRAY['slipway_container_image', 'slipway_vm_image', 'slipway_bare_metal_image',
                  'slipway_deployment', 'slipway_outcome', 'slipway_push']) AS name
WHERE name NOT IN (SELECT name FROM asset)
"""

_EVENTS = """
INSERT INTO asset_event (asset_id, extra, source_task_id, source_dag_id, source_run_id, timestamp,
                         partition_key)
SELECT asset.id, event.extra::json, event.task_id, event.dag_id, made.id, made.at + interval '60 seconds',
       repository || '@' || commit
FROM made
CROSS JOIN LATERAL (VALUES
    ('slipway_container_image', 'publish', 'container_image', {built}, 'deployed'),
    ('slipway_vm_image', 'look', 'push', {nothing}, 'deployed'),
    ('slipway_bare_metal_image', 'look', 'push', {nothing}, 'deployed'),
    ('slipway_deployment', 'container.rollout', 'deploy', {deployment}, 'deployed'),
    ('slipway_outcome', NULL, NULL, {ended}, 'failed')) AS event (asset, task_id, dag_id, extra, outcome)
JOIN asset ON asset.name = event.asset
WHERE made.outcome = event.outcome
ORDER BY made.at
"""

_RECORDED = """
INSERT INTO slipway_push (id, repository, ref, commit_id, rebuild, before_id, pushed_at, at, received_at,
                          source, pusher, delivery, deploy, state, outcome, reason, progress, ended_at)
SELECT id, repository, 'refs/heads/main', commit, '', '', at, at, at, 'webhook', 'mona', md5(id), true,
       'over', outcome, CASE outcome WHEN 'failed' THEN 'container_image: the build failed' ELSE '' END,
       CASE outcome WHEN 'failed' THEN {failed_json} ELSE {progress} END::json, at + interval '80 seconds'
FROM made ORDER BY at
"""

_RELEASED = """
INSERT INTO slipway_release (repository, environment, commit_id, at, past, deployments)
SELECT repository, 'production', commit, at, {past}::json, {deployments}::json
FROM made WHERE outcome = 'deployed' ORDER BY at
"""

_DELIVERED = """
INSERT INTO slipway_webhook_delivery (id, source, delivery, received_at, event, action, repository, ref,
                                      commit_id, partition_key, status, http_status, reason, sender, payload)
SELECT 'github/' || md5(id), 'github', md5(id), at, 'push', '', repository, 'refs/heads/main', commit,
       repository || '@' || commit, 'accepted', 202, '', '127.0.0.1', {conf}::json
FROM made WHERE at > now() - make_interval(days => {inbox_days})
UNION ALL
SELECT gen_random_uuid()::text, 'github', md5(number::text), now() - make_interval(mins => number), 'push',
       '', 'octo/unknown', '', '', NULL, status, 403, 'not in apps.yaml', '127.0.0.1', NULL
FROM generate_series(1, {refused} * least({each} - 1, 1)) AS number,
     unnest(ARRAY['refused', 'ignored']) AS status
"""

_NOTES = """
INSERT INTO dag_run_note (dag_run_id, content, created_at, updated_at)
SELECT id, 'octo/app main: released', run_after, run_after FROM dag_run
"""

_LOG = """
INSERT INTO log (dttm, dag_id, task_id, run_id, event, owner, extra)
SELECT run_after, dag_id, NULL, run_id, 'trigger_dag_run', 'mona', '{{}}' FROM dag_run
"""

_PENDING = """
INSERT INTO asset_partition_dag_run (target_dag_id, partition_key, created_at, updated_at)
SELECT 'notify', 'octo/app-' || number, now(), now()
FROM generate_series(1, {left_pending} * least({each} - 1, 1)) AS number
"""

_TURNS = """
INSERT INTO slipway_turn (place, contenders)
SELECT repository || ' production', '[]' FROM made WHERE number = 0
"""

_FREEZES = """
INSERT INTO slipway_freeze (environment, repository, commit_id, reason, also_rollbacks, begun_by, begun_at,
                            until, ended_by, ended_at)
SELECT 'production', repository, '', 'over', false, 'mona', at, at + interval '1 hour', NULL, NULL
FROM made WHERE number % 20 = 19
"""

STATEMENTS = (
    *(_PUSHES, _RUNS, _TASKS, _RESULTS, _ASSETS, _EVENTS, _RECORDED, _RELEASED, _DELIVERED, _NOTES, _LOG),
    *(_PENDING, _TURNS, _FREEZES),
)


def fill(connection: Connection, pushes: int) -> None:
    """Have so many pushes been, over all applications and a year; at least one of each.

    The rows' references to each other are not checked by the database: they are right, and it takes long.
    """
    tasks = [
        f"('{dag}', '{task}', '{state}')" for dag, some in _TASKS_OF.items() for task, state in some.items()
    ]
    values = {
        "applications": APPLICATIONS,
        "each": max(1, pushes // APPLICATIONS),
        "days": DAYS,
        "unchanged": UNCHANGED,
        "superseded": SUPERSEDED,
        "failed": FAILED,
        "inbox_days": INBOX_DAYS,
        "refused": REFUSED,
        "left_pending": LEFT_PENDING,
        "tasks": ", ".join(tasks),
        "failed_json": sql_of("failed"),
    }
    values |= {name: sql_of(name) for name in ("conf", "built", "nothing", "deployment", "ended")}
    values |= {name: sql_of(name) for name in ("progress", "past", "deployments")}
    connection.exec_driver_sql("SET session_replication_role = replica")
    for statement in STATEMENTS:
        with _no_indexes(connection, "task_instance" if statement is _TASKS else ""):
            connection.exec_driver_sql(statement.format(**values).replace("%", "%%"))
    connection.exec_driver_sql("DROP TABLE made")


@contextmanager
def _no_indexes(connection: Connection, table: str) -> Iterator[None]:
    """Leave a table's indexes out meanwhile, but not its constraints: made at the end, they cost less."""
    query = """
        SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %(table)s
        AND indexname NOT IN (SELECT conname FROM pg_constraint)
    """
    indexes = connection.exec_driver_sql(query, {"table": table}).all()
    for name, _ in indexes:
        connection.exec_driver_sql(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        connection.exec_driver_sql(definition)
