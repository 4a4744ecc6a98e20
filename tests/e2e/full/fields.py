"""Every field of the objects, by kind, copied by hand from the project's description of the shipped CRDs.

Neither the models nor the generated CRDs are read for it, so what one of them forgets is missed here. `[]` stands for
the items of a list. A path ends at a list of strings, at a map, and at an object of core/v1.
"""


def under(path: str, *fields: str | tuple[str, ...]) -> tuple[str, ...]:
    """The fields, each with `path` before it."""
    names = (name for each in fields for name in ((each,) if isinstance(each, str) else each))
    return tuple(f"{path}.{name}" for name in names)


REF = ("apiVersion", "kind", "name", "namespace")
MOUNTS = under(
    "volumeMounts[]",
    ("name", "mountPath", "readOnly", "recursiveReadOnly", "subPath", "subPathExpr", "mountPropagation"),
)
PARTIAL_METADATA = ("name", "generateName", "namespace", "labels", "annotations", "ownerReferences")
CLAIM = (*under("metadata", PARTIAL_METADATA), "spec", "status")
RULE = ("targetHosts", "sourceHost", "snapshots", "paths", "include", "exclude")
BACKUP_TARGET = under(
    "target", "alias", under("ref", REF), "paths", MOUNTS, "replicas", "snapshotClassName", "exclude", "args"
)
RESTORE_TARGET = under(
    "target",
    "alias",
    under("ref", REF),
    MOUNTS,
    "replicas",
    under("volumeClaimTemplates[]", CLAIM),
    under("rules[]", RULE),
    "args",
)
TASK = under("task", "name", "params[].name", "params[].value")
HTTP = ("port", "path", "host", "scheme", "httpHeaders[].name", "httpHeaders[].value")
HANDLER = (
    "exec.command",
    *under("httpGet", HTTP),
    *under("httpPost", HTTP, "body", "form[].key", "form[].values"),
    *under("tcpSocket", "port", "host"),
    "containerName",
)
BACKUP_HOOKS = under("hooks", under("preBackup", HANDLER), under("postBackup", HANDLER, "executionPolicy"))
RESTORE_HOOKS = under("hooks", under("preRestore", HANDLER), under("postRestore", HANDLER, "executionPolicy"))
TEMP_DIR = under("tempDir", "medium", "sizeLimit", "disableCaching")
INTERIM = under("interimVolumeTemplate", CLAIM)
POD = under(
    "pod",
    *("podLabels", "podAnnotations", "nodeSelector", "serviceAccountName", "serviceAccountAnnotations"),
    *("automountServiceAccountToken", "nodeName", "securityContext", "imagePullSecrets", "affinity", "schedulerName"),
    *("tolerations", "priorityClassName", "priority", "readinessGates", "runtimeClassName", "enableServiceLinks"),
    "topologySpreadConstraints",
)
CONTAINER = under(
    "container",
    *("resources", "livenessProbe", "readinessProbe", "lifecycle", "securityContext"),
    *("nice.adjustment", "ionice.class", "ionice.classData", "envFrom", "env"),
)
RUNTIME = under("runtimeSettings", POD, CONTAINER)
REPOSITORY = under("repository", "name", "namespace")
KEEP = ("keepLast", "keepHourly", "keepDaily", "keepWeekly", "keepMonthly", "keepYearly", "keepTags")
RETENTION = under("retentionPolicy", "name", "prune", KEEP, "dryRun")
RETRY = under("retryConfig", "maxRetry", "delay")
CONDITIONS = under(
    "conditions[]",
    ("type", "status", "lastTransitionTime", "reason", "message", "severity", "observedGeneration"),
)
STATS = under("stats[]", "hostname", "phase", "duration", "error")

BACKUP_JOB = (*TASK, *BACKUP_TARGET, *RUNTIME, *TEMP_DIR, *INTERIM, *BACKUP_HOOKS)
RESTORE_JOB = (*TASK, *RESTORE_TARGET, *RUNTIME, *TEMP_DIR, *INTERIM, *RESTORE_HOOKS)
BACKUP = (
    *("schedule", "driver", *REPOSITORY, *RETENTION, "paused", "backupHistoryLimit", "timeOut"),
    *RETRY,
)
BUCKET = ("bucket", "prefix", "maxConnections")

FIELDS: dict[str, tuple[str, ...]] = {
    "BackupConfiguration": (
        *under("spec", BACKUP_JOB, BACKUP),
        *under("status", "observedGeneration", CONDITIONS, "phase"),
    ),
    "BackupBatch": (
        *under(
            "spec", under("members[]", BACKUP_JOB), BACKUP, RUNTIME, BACKUP_HOOKS, "executionOrder", "maintainOrder"
        ),
        *under("status", "observedGeneration", CONDITIONS, "phase"),
        *under("status.memberConditions[]", under("target", REF), CONDITIONS),
    ),
    "RestoreSession": (
        *under("spec", RESTORE_JOB, "driver", REPOSITORY, under("rules[]", RULE), "timeOut"),
        *under("status", "phase", "totalHosts", "sessionDuration", STATS, CONDITIONS, "sessionDeadline"),
    ),
    "RestoreBatch": (
        *under("spec", "driver", REPOSITORY, under("members[]", RESTORE_JOB), under("members[].rules[]", RULE)),
        *under("spec", "executionOrder", "maintainOrder", RESTORE_HOOKS, "timeOut"),
        *under("status", "phase", "sessionDuration", CONDITIONS, "sessionDeadline"),
        *under("status.members[]", under("ref", REF), CONDITIONS, "totalHosts", "phase", STATS),
    ),
    "Repository": (
        *under("spec.backend", "storageSecretName"),
        *under("spec.backend.local", "mountPath", "subPath", "nfs"),
        *under("spec.backend.s3", "endpoint", "bucket", "prefix", "region", "insecureTLS"),
        *under("spec.backend", under("gcs", BUCKET), under("b2", BUCKET)),
        *under("spec.backend.azure", "container", "prefix", "maxConnections"),
        *under("spec.backend", under("swift", "container", "prefix"), "rest.url"),
        *under("spec", "wipeOut", under("usagePolicy.allowedNamespaces", "from", "selector")),
        *under("status", "observedGeneration", "firstBackupTime", "lastBackupTime", "integrity", "totalSize"),
        *under("status", "snapshotCount", "snapshotsRemovedOnLastCleanup"),
        *under("status.references[]", "apiGroup", "kind", "namespace", "name"),
    ),
}


def values(document: object, path: str) -> list[object]:
    """What an object holds at `path`: one value, or one for each item of the lists on the way."""
    found = [document]
    for step in path.split("."):
        name = step.removesuffix("[]")
        found = [each[name] for each in found if isinstance(each, dict) and name in each]
        if step.endswith("[]"):
            found = [item for each in found if isinstance(each, list) for item in each]
    return found
