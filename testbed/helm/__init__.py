"""Helm 3 and 4, built from the Go module beside this file, and kept where the control plane's programs are."""
