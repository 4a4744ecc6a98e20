"""The Kubernetes API: which cluster, one client, and its errors in one line each."""
