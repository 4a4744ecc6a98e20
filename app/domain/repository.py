"""A Repository as rules see it."""

from functools import cached_property

from app.domain.path import Path
from app.domain.places import BACKENDS
from app.domain.resource import Resource
from schemas.faults import Checker
from schemas.repository import RepositorySpec

BACKEND: Path = ("spec", "backend")
"""Where a Repository says where its data is."""


class Repository(Resource):
    """Where restic keeps the data."""

    kind = "Repository"
    checker = Checker(RepositorySpec)
    spec: RepositorySpec

    @cached_property
    def backends(self) -> list[str]:
        """The backends that it names, in the order in which the operator looks for one; it takes the first."""
        named = self.spec.get("backend") or {}
        return [name for name in BACKENDS if named.get(name) is not None or (*BACKEND, name) in self._wrong]
