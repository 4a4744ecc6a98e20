"""Two real nodes on one machine, in namespaces of their own: kubelet, containerd, kube-proxy, pods."""
