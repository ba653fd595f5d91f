"""The tasks of `deploy` and `rollback`: a release is planned, approved, kept, promoted, undone."""
