"""The files and flags of a node's programs. All paths are as they are seen inside."""

from __future__ import annotations

import json
from typing import Any

SERVER = "172.30.0.11"
"""The API server's address: that of the first node, which has the control plane."""
PODS, SERVICES = "10.244.0.0/16", "10.96.0.0/16"
PAUSE = "local/pause:1"


def containerd() -> str:
    """containerd's configuration."""
    return f"""\
version = 3
root = "/node/containerd/root"
state = "/run/containerd"
[grpc]
  address = "/run/containerd.sock"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{PAUSE}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "/node/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "runc"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      runtime_path = "/programs/containerd-shim-runc-v2"
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        BinaryName = "/usr/sbin/runc"
        SystemdCgroup = false
"""


def cni(pods: str) -> str:
    """The network of a node's pods: a bridge, routed to those of the other node."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/node/ipam",
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True, "ipam": ipam}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "1.0.0", "name": "node", "plugins": [bridge, ports]})


def kubelet(name: str, address: str) -> dict[str, Any]:
    """The kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": "/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"/pki/{name}.crt",
        "tlsPrivateKeyFile": f"/pki/{name}.key",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "containerRuntimeEndpoint": "unix:///run/containerd.sock",
        "podLogsDir": "/node/pod-logs",
        "resolvConf": "/node/resolv.conf",
        "evictionHard": {
            "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%", "nodefs.inodesFree": "1%",
        },
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "nodeStatusUpdateFrequency": "4s",
    }  # fmt: skip


def proxy(name: str) -> dict[str, Any]:
    """kube-proxy's configuration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": "/pki/proxy.kubeconfig"},
        "mode": "nftables",
        "clusterCIDR": PODS,
        "hostnameOverride": name,
        "bindAddress": "0.0.0.0",  # noqa: S104 -- of a namespace that nothing leads into
        "conntrack": {"maxPerCore": 0, "min": 0},
    }


def etcd() -> list[str]:
    """etcd's command."""
    client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
    return [
        "etcd", "--data-dir=/node/etcd", "--unsafe-no-fsync", "--log-level=warn",
        f"--listen-client-urls={client}", f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
    ]  # fmt: skip


def apiserver() -> list[str]:
    """The API server's command."""
    return [
        "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", "--bind-address=0.0.0.0", "--secure-port=6443",
        f"--advertise-address={SERVER}", f"--service-cluster-ip-range={SERVICES}", "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
        "--tls-cert-file=/pki/apiserver.crt", "--tls-private-key-file=/pki/apiserver.key",
        "--client-ca-file=/pki/ca.crt",
        "--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=/pki/accounts.key",
        "--service-account-signing-key-file=/pki/accounts.key",
        "--kubelet-client-certificate=/pki/apiserver-kubelet.crt", "--kubelet-client-key=/pki/apiserver-kubelet.key",
        "--kubelet-certificate-authority=/pki/ca.crt", "--kubelet-preferred-address-types=InternalIP",
    ]  # fmt: skip


def controllers() -> list[str]:
    """The controller manager's command. A node that is silent is given up after a quarter of a minute."""
    return [
        "kube-controller-manager", *_as("controller-manager"), "--use-service-account-credentials",
        "--service-account-private-key-file=/pki/accounts.key", "--root-ca-file=/pki/ca.crt",
        "--cluster-signing-cert-file=/pki/ca.crt", "--cluster-signing-key-file=/pki/ca.key", "--leader-elect=false",
        "--allocate-node-cidrs=true", f"--cluster-cidr={PODS}", f"--service-cluster-ip-range={SERVICES}",
        "--bind-address=127.0.0.1", "--node-monitor-grace-period=16s",
    ]  # fmt: skip


def scheduler() -> list[str]:
    """The scheduler's command."""
    return ["kube-scheduler", *_as("scheduler"), "--leader-elect=false", "--bind-address=127.0.0.1"]


def policies(name: str) -> list[str]:
    """The command of what enforces network policies."""
    return [
        "kube-router", "--run-router=false", "--run-service-proxy=false", "--run-firewall=true",
        "--run-loadbalancer=false", "--kubeconfig=/pki/policies.kubeconfig", f"--hostname-override={name}",
        f"--service-cluster-ip-range={SERVICES}", "--metrics-port=0",
    ]  # fmt: skip


def cert_manager() -> list[str]:
    """The command of what issues certificates."""
    return ["cert-manager", "--config=/pki/admin.kubeconfig"]


def _as(user: str) -> list[str]:
    file = f"/pki/{user}.kubeconfig"
    return [f"--kubeconfig={file}", f"--authentication-kubeconfig={file}", f"--authorization-kubeconfig={file}"]
