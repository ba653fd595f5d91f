"""Kubernetes: applies an application's objects, follows them until they serve, else restores the old ones."""
