"""What the tasks of `deploy` and `rollback` do: a release is planned, approved, kept, promoted, undone."""
