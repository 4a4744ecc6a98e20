"""What the cluster holds: kept from a folder of manifests or a live cluster, asked by rules through `ClusterView`."""
