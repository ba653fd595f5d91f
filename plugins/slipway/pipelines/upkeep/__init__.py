"""What the tasks do of DAGs that start by themselves: rebuilds, retention, orphans, lost pushes, tenants."""
