"""A manifest that is right, and what is wrong with the others."""

GOOD = """\
apiVersion: stash.appscode.com/v1beta1
kind: BackupConfiguration
metadata: {name: web, namespace: demo}
spec:
  repository: {name: gcs-repo}
  schedule: "0 3 * * *"
  retentionPolicy: {name: keep-last-5, keepLast: 5, prune: true}
  target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
"""
BAD = GOOD.replace("0 3 * * *", "0 24 * * *")
WARNED = GOOD.replace("keepLast: 5, ", "")
CHANGED = GOOD.replace("alias: app, ", "")
