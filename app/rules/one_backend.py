"""The rule `one-backend`."""

from collections.abc import Iterator

from app.domain.outcome import Finding, Reason
from app.domain.places import BACKENDS
from app.domain.repository import BACKEND, Repository
from app.domain.twin import Twin

TWIN = Twin(
    holds=f"{list(BACKENDS)}.exists_one(b, b in variables.spec.?backend.orValue({{}}))",
    message=f"the Repository names no backend, or several: write exactly one of {', '.join(BACKENDS)}",
)


def one_backend(repository: Repository) -> Iterator[Finding]:
    """Refuse a Repository that does not name exactly one backend.

    Of several, the operator takes the first in its own order and ignores the others, whatever their order in the
    object: data may go where nobody looks for it. With none, no backup runs.

    Bad:

        kind: Repository
        spec:
          backend:
            gcs: {bucket: backups}
            s3: {endpoint: s3.example, bucket: backups}
            storageSecretName: storage

    Good:

        kind: Repository
        spec:
          backend:
            s3: {endpoint: s3.example, bucket: backups}
            storageSecretName: storage
    """
    found = repository.backends
    if not found:
        choice = f"{', '.join(BACKENDS[:-1])} or {BACKENDS[-1]}"
        yield Finding(BACKEND, Reason.REQUIRED, f"the Repository names no backend: write one of {choice}", found)
    elif len(found) > 1:
        named = f"{', '.join(found[:-1])} and {found[-1]}"
        message = (
            f"the Repository names {len(found)} backends, {named}, of which the operator takes {found[0]} and ignores "
            "the rest: keep one"
        )
        yield Finding(BACKEND, Reason.INVALID, message, found)
