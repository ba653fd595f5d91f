"""Tenants: what Keystone says of users, projects and roles becomes what they may do on Kubernetes.

    Directory + Policy -> Wanted -> Changes

A right has two halves, and needs both. The token webhook says, in groups, which roles a token has in its
project (:mod:`slipway.flow.tenancy.identity`); what is wanted on the cluster says what that group may do in
the project's namespaces (:mod:`slipway.flow.tenancy.wanted`). Groups name projects and roles by id: a name
that is given to another project, role or user tomorrow takes no right with it.
"""
