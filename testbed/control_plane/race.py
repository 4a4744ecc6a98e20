"""Two writes at once that clash, again and again: one of each pair is to be stored, never both, never none."""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier

from testbed.control_plane.objects import Document, Objects, Reply
from testbed.objects import batch_of

Write = Callable[[Objects], Reply]


@dataclass
class Outcome:
    """What came of some rounds."""

    stored: Counter[int] = field(default_factory=Counter)
    """How many rounds there were with so many writes that were stored."""
    replies: list[list[Reply]] = field(default_factory=list)
    """The answers of rounds in which not precisely one was stored."""


class Race:
    """Writers that start together."""

    def __init__(self, writers: list[Objects]) -> None:
        self._writers = writers
        self._threads = ThreadPoolExecutor(len(writers))

    def run(self, rounds: Iterable[tuple[Write, ...]]) -> Outcome:
        """Run rounds, each of writes of which one is good as long as no other is stored."""
        outcome = Outcome()
        for writes in rounds:
            start = Barrier(len(writes))

            def write(writer: Objects, one: Write, start: Barrier = start) -> Reply:
                start.wait()
                return one(writer)

            replies = list(self._threads.map(write, self._writers, writes))
            good = sum(reply.status in (200, 201) for reply in replies)
            outcome.stored[good] += 1
            if good != 1:
                outcome.replies.append(replies)
        return outcome

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


def created(document: Document) -> Write:
    """A create."""
    return lambda objects: objects.create(document)


def with_member(document: Document, alias: str) -> Write:
    """An update of a stored batch that adds a member with this alias."""
    member = {"target": {"alias": alias, "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": alias}}}
    spec = {**document["spec"], "members": [*document["spec"]["members"], member]}
    return lambda objects: objects.merge(document, {"spec": spec})


def configuration_of(namespace: str, name: str, alias: str, repository: str) -> Document:
    """A BackupConfiguration with an alias and a Repository of its namespace."""
    document = batch_of(namespace, name, repository={"name": repository})
    spec = {key: value for key, value in document["spec"].items() if key != "members"}
    target = {"alias": alias, "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "paths": ["/data"]}
    return {**document, "kind": "BackupConfiguration", "spec": {**spec, "target": target}}


def batches(namespace: str, name: str, *repositories: str) -> tuple[Write, ...]:
    """BackupBatches, each of which wants the place of a Repository, which may be the same one."""
    return tuple(
        created(batch_of(namespace, f"{name}-{number}", repository={"name": repository}))
        for number, repository in enumerate(repositories)
    )


def batch_and_configuration(namespace: str, name: str, repositories: tuple[str, str]) -> tuple[Write, Write]:
    """A BackupBatch and a BackupConfiguration with one host."""
    return (
        created(batch_of(namespace, f"{name}-batch", repository={"name": repositories[0]})),
        created(configuration_of(namespace, f"{name}-single", "app-0x", repositories[1])),
    )


def update_and_create(stored: Document, namespace: str, name: str, repository: str) -> tuple[Write, Write]:
    """An update of a stored batch that adds a host, and a new BackupConfiguration with it."""
    alias = f"added-{name}"
    return with_member(stored, alias), created(configuration_of(namespace, f"{name}-single", alias, repository))
