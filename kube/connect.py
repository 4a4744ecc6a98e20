"""Connecting to the cluster at hand."""

from kube import kubeconfig, service_account
from kube.client import Client
from kube.config import Config


def configuration() -> Config:
    """How to reach it: as the Pod's ServiceAccount, or else as the kubeconfig says. Raises Refused."""
    return service_account.load() or kubeconfig.load()


def connect(user_agent: str) -> Client:
    """Its API server, to be called; `user_agent` as Client takes it. Raises Refused."""
    return Client(configuration(), user_agent)
