"""The tasks of scheduled DAGs: rebuilds, retention, orphans, lost pushes, tenants."""
