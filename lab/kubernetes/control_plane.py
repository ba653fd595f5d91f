"""How etcd, the API server, the controller manager and the scheduler are started.

Flags: https://kubernetes.io/docs/reference/command-line-tools-reference/
"""

from __future__ import annotations

from lab.kubernetes.layout import NODE, NODE_PORT_RANGE, SERVICE_RANGE, Layout


def etcd(layout: Layout) -> list[str]:
    """Return etcd's command line: one member, loopback only."""
    client, peer = f"http://{NODE}:{layout.ports.etcd}", f"http://{NODE}:{layout.ports.etcd_peer}"
    return [
        "etcd",
        "--name=lab",
        f"--data-dir={layout.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=lab={peer}",
        "--auto-compaction-retention=1",
        "--logger=zap",
        "--log-level=warn",
    ]


def api_server(layout: Layout) -> list[str]:
    """Return the API server's command line: tokens for logins, RBAC for rights, no anonymous requests.

    The ServiceAccount admission plug-in is off: pods of the lab talk to no API server, and without it
    they start without a token volume each.
    """
    keys = layout.certificates
    return [
        str(layout.programs.kubernetes / "kube-apiserver"),
        f"--etcd-servers=http://{NODE}:{layout.ports.etcd}",
        f"--bind-address={NODE}",
        f"--advertise-address={NODE}",
        f"--secure-port={layout.ports.api}",
        "--endpoint-reconciler-type=none",
        *_serving(layout),
        f"--client-ca-file={keys / 'authority.crt'}",
        f"--token-auth-file={layout.tokens}",
        # Asked last, for tokens that are not in the table; a revocation is seen within a minute.
        f"--authentication-token-webhook-config-file={layout.token_webhook}",
        "--authentication-token-webhook-version=v1",
        "--authentication-token-webhook-cache-ttl=10s",
        "--anonymous-auth=false",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--disable-admission-plugins=ServiceAccount",
        f"--service-account-key-file={keys / 'service-account.key'}",
        f"--service-account-signing-key-file={keys / 'service-account.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--service-node-port-range={NODE_PORT_RANGE}",
        f"--kubelet-client-certificate={keys / 'api-client.crt'}",
        f"--kubelet-client-key={keys / 'api-client.key'}",
        f"--kubelet-certificate-authority={keys / 'authority.crt'}",
        "--profiling=false",
    ]


def controller_manager(layout: Layout) -> list[str]:
    """Return the controller manager's command line: each controller has a service account of its own."""
    keys = layout.certificates
    return [
        str(layout.programs.kubernetes / "kube-controller-manager"),
        f"--kubeconfig={layout.kubeconfig('controller-manager')}",
        "--leader-elect=false",
        f"--bind-address={NODE}",
        *layout.version.controller_flags,
        f"--secure-port={layout.ports.controller_manager}",
        *_serving(layout),
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={keys / 'service-account.key'}",
        f"--root-ca-file={keys / 'authority.crt'}",
        f"--flex-volume-plugin-dir={layout.kubelet / 'volume-plugins'}",
        "--profiling=false",
    ]


def scheduler(layout: Layout) -> list[str]:
    """Return the scheduler's command line."""
    return [
        str(layout.programs.kubernetes / "kube-scheduler"),
        f"--kubeconfig={layout.kubeconfig('scheduler')}",
        "--leader-elect=false",
        f"--bind-address={NODE}",
        *layout.version.controller_flags,
        f"--secure-port={layout.ports.scheduler}",
        *_serving(layout),
        "--profiling=false",
    ]


def _serving(layout: Layout) -> list[str]:
    keys = layout.certificates
    return [f"--tls-cert-file={keys / 'serving.crt'}", f"--tls-private-key-file={keys / 'serving.key'}"]
