"""`docs/operate/gitops.md` on Argo CD, with the library that it compares with."""

from __future__ import annotations

import json

import pytest

from tests.support.gitops import MANAGER, MANIFESTS, ArgoCD, manifest

SERVER_SIDE = ("server-side-apply", "server-side-diff", "server-side-diff-with-webhooks")
OUT_OF_SYNC = {
    "client": {"an empty alias", "rules in the old place"},
    "server-side-apply": {"a member without alias", "an empty alias", "rules in the old place"},
    "server-side-diff": set[str](),
    "server-side-diff-with-webhooks": set[str](),
}
"""What is out of sync for ever, by the way in which Argo CD applies and compares."""


@pytest.mark.parametrize("what", MANIFESTS)
def test_applied_on_the_clients_side_and_compared_by_what_was_applied_last(argocd: ArgoCD, what: str) -> None:
    config = manifest(what, "argocd-client-" + what.replace(" ", "-"))
    applied = argocd.admitting.apply(json.dumps(config))
    assert applied.returncode == 0, applied.stderr
    live = argocd.admitting.objects.get(config)
    assert argocd.out_of_sync(config, live, "client") is (what in OUT_OF_SYNC["client"])


@pytest.mark.parametrize("way", SERVER_SIDE)
@pytest.mark.parametrize("what", MANIFESTS)
def test_applied_on_the_servers_side(argocd: ArgoCD, what: str, way: str) -> None:
    config = manifest(what, f"argocd-{way}-" + what.replace(" ", "-"))
    for _ in range(2):
        live = argocd.admitting.objects.apply(config, MANAGER)
        assert live.status < 300, live.message
    assert argocd.out_of_sync(config, live.body, way) is (what in OUT_OF_SYNC[way])


def test_what_somebody_changes_in_the_cluster_is_out_of_sync(argocd: ArgoCD) -> None:
    config = manifest("members as fix writes them", "argocd-changed")
    argocd.admitting.objects.apply(config, MANAGER)
    changed = argocd.admitting.objects.merge(config, {"spec": {"retentionPolicy": {"keepLast": 9}}})
    assert all(argocd.out_of_sync(config, changed.body, way) for way in SERVER_SIDE)
    config = manifest("members as fix writes them", "argocd-changed-client")
    assert argocd.admitting.apply(json.dumps(config)).returncode == 0
    changed = argocd.admitting.objects.merge(config, {"spec": {"retentionPolicy": {"keepLast": 9}}})
    assert argocd.out_of_sync(config, changed.body, "client")
