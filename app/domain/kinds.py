"""The kinds that are judged."""

from app.domain.invoker import INVOKERS
from app.domain.repository import Repository
from app.domain.resource import Resource

KINDS: dict[str, type[Resource]] = {**INVOKERS, Repository.kind: Repository}
"""By name."""
