"""The token webhook of kube-apiserver: a Keystone token in, a Kubernetes user out.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication

No token is ever logged or kept: caches know them by their hash.
"""
