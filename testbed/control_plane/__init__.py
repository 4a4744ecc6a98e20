"""A real kube-apiserver and etcd on loopback, built from source once."""
