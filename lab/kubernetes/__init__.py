"""The lab's Kubernetes: one real node, from etcd to kube-proxy, all of it on the loopback address.

The node is named by its address, 127.0.0.1: the API server then reaches the kubelet, and people and the
product reach a NodePort, without anything that listens on the machine's network.
"""
