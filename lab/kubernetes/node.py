"""How the kubelet and kube-proxy are started, and the settings files they read.

https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/
"""

from __future__ import annotations

from typing import Any

from lab.kubernetes.layout import DOMAIN, GATEWAY, NODE, Layout


def kubelet(layout: Layout) -> list[str]:
    """Return the kubelet's command line; the node's own containerd runs the pods."""
    return [
        str(layout.programs.kubernetes / "kubelet"),
        f"--config={layout.settings('kubelet')}",
        f"--kubeconfig={layout.kubeconfig('kubelet')}",
        f"--hostname-override={NODE}",
        f"--root-dir={layout.kubelet}",
        f"--cert-dir={layout.certificates}",
        f"--container-runtime-endpoint=unix://{layout.containerd_socket}",
        *layout.version.kubelet_flags,
    ]


def kubelet_settings(layout: Layout) -> dict[str, Any]:
    """Return the kubelet's settings: loopback only, generous about disk and memory, no images removed.

    Cgroups per pod are off, since they need parts of the cgroup tree that a machine inside another one may
    not have; systemd is not asked for cgroups, since it may not be there.
    """
    keys = layout.certificates
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE,
        "port": layout.ports.kubelet,
        "readOnlyPort": 0,
        "healthzBindAddress": NODE,
        "healthzPort": layout.ports.kubelet_health,
        "tlsCertFile": str(keys / "serving.crt"),
        "tlsPrivateKeyFile": str(keys / "serving.key"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(keys / "authority.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "hairpinMode": "none",
        "nodeStatusReportFrequency": "1m",
        "volumePluginDir": str(layout.kubelet / "volume-plugins"),
        "kubeAPIQPS": 50,
        "kubeAPIBurst": 100,
        **({"clusterDNS": [GATEWAY], "clusterDomain": DOMAIN} if layout.programs.coredns else {}),
        **layout.version.kubelet_settings,
    }


def proxy(layout: Layout) -> list[str]:
    """Return kube-proxy's command line."""
    return [str(layout.programs.kubernetes / "kube-proxy"), f"--config={layout.settings('proxy')}"]


def proxy_settings(layout: Layout) -> dict[str, Any]:
    """Return kube-proxy's settings: NodePorts answer on loopback only; connection tracking is left alone.

    All traffic to a service is masqueraded: a pod and the pod that answers it sit on one bridge, and the
    answer would bypass the address translation otherwise.
    """
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(layout.kubeconfig("proxy"))},
        "hostnameOverride": NODE,
        "bindAddress": NODE,
        "healthzBindAddress": f"{NODE}:{layout.ports.proxy_health}",
        "metricsBindAddress": f"{NODE}:{layout.ports.proxy_metrics}",
        "mode": "iptables",
        "nodePortAddresses": ["127.0.0.0/8"],
        "iptables": {"masqueradeAll": True, "minSyncPeriod": "100ms"},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
