"""The cluster's DNS: CoreDNS on the node's address on the pods' bridge, which nobody else reaches.

https://coredns.io/plugins/kubernetes/
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.daemon import asked
from lab.kubernetes.api import Cluster
from lab.kubernetes.layout import DOMAIN, GATEWAY, NODE, Layout
from lab.kubernetes.logins import CONTEXT, USERS

RESOLVERS = Path("/etc/resolv.conf")
COREFILE = """\
.:53 {{
  bind {gateway}
  ready {ready}
  errors
  loadbalance
  cache 5
  kubernetes {domain} in-addr.arpa {{
    kubeconfig {kubeconfig} {context}
    pods insecure
    ttl 5
    fallthrough in-addr.arpa
  }}
{forward}}}
"""
READ = ("endpoints", "services", "pods", "namespaces")


def coredns(layout: Layout, folder: Path) -> list[str]:
    """Return CoreDNS's command line; its program is in ``folder``."""
    return [str(folder / "coredns"), f"-conf={layout.corefile}"]


def corefile(layout: Layout, resolvers: Path = RESOLVERS) -> str:
    """Return CoreDNS's settings: the cluster's names, and others by the machine's resolvers, if any."""
    text = resolvers.read_text(errors="replace") if resolvers.exists() else ""
    has_resolver = any(line.split()[:1] == ["nameserver"] for line in text.splitlines())
    return COREFILE.format(
        gateway=GATEWAY,
        ready=f"{NODE}:{layout.ports.dns_ready}",
        domain=DOMAIN,
        kubeconfig=layout.kubeconfig("dns"),
        context=CONTEXT,
        forward=f"  forward . {resolvers}\n" if has_resolver else "",
    )


def dns_answers(layout: Layout) -> bool:
    """Say whether it has read the cluster's Services."""
    return asked(f"http://{NODE}:{layout.ports.dns_ready}/ready") is not None


def ensure_dns_rights(cluster: Cluster) -> None:
    """Let it read what it gives names to.

    :raises LabError: when the API server refuses.
    """
    group = "rbac.authorization.k8s.io"
    user = USERS["dns"].name
    cluster.apply(_role(group, user))
    cluster.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": user},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
    )


def _role(group: str, name: str) -> dict[str, Any]:
    verbs = ["list", "watch", "get"]
    rules = [
        {"apiGroups": [""], "resources": list(READ), "verbs": verbs},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": verbs},
    ]
    metadata = {"name": name}
    return {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}
