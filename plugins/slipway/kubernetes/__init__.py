"""Kubernetes: an application's objects applied, followed until they serve, and put back when they do not."""
