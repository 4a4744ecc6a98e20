"""The rule `repository-required`."""

from collections.abc import Iterator

from app.domain.invoker import Invoker
from app.domain.outcome import Finding, Reason
from app.domain.twin import Twin

TWIN = Twin(
    holds="!variables.restic || variables.spec.?repository.?name.orValue('') != ''",
    message="driver Restic needs a repository: write the name of a Repository in spec.repository.name",
)


def repository_required(invoker: Invoker) -> Iterator[Finding]:
    """Refuse driver Restic, the default, without a repository.

    Restic stores its data in a repository. Only driver VolumeSnapshotter needs none.

    Bad:

        kind: RestoreSession
        spec:
          repository: null
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}

    Good:

        kind: RestoreSession
        spec:
          repository: {name: gcs-repo}
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    repository = invoker.spec.get("repository") or {}
    if not repository.get("name") and not invoker.snapshotter and invoker.driver_known:
        message = "driver Restic needs a repository: write the name of a Repository in spec.repository.name"
        yield Finding(("spec", "repository", "name"), Reason.REQUIRED, message)
