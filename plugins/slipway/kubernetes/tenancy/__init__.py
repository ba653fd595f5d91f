"""Tenants on the cluster: namespaces, roles, bindings, limits; and the ABAC policy file."""
