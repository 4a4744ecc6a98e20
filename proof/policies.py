"""The rules as policies of Kubernetes, beside the server's own decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from random import Random

from proof.section import Check, Section
from proof.stage import WHOLE, Stage
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import crds, define
from testbed.control_plane.objects import Document, Objects
from testbed.control_plane.policies import compare, faults, install, shown, small_batches, warn_and_mutate
from testbed.drawn import drawn

_DRAWN = 2_500
_SEED = 19
_SHOWN = 5

_HOW = """\
Objects are sent to a real API server that has the policies of `stash-admission policies` and no webhooks, and judged by
the server's own code: all batches of up to three members, of four kinds of targets and five aliases, with both
drivers, and objects of the four kinds drawn at random from good and bad values. What a policy refuses, the server has
to refuse, what the server finds a policy has to find, but for the differences that are listed, and what both make of
the object has to be the same."""


def measure(stage: Stage) -> Section:
    """How often the policies differ from the server."""
    section = Section("Policies in place of the server", _HOW)
    random = Random(_SEED)  # noqa: S311  the same objects each time
    count, step = max(stage.scaled(_DRAWN), 50), max(WHOLE // max(stage.scaled(WHOLE), 1), 1)
    small = list(islice(small_batches(), 0, None, step))
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, crds())
        cluster.kubectl("create", "namespace", "demo")
        objects = Objects(cluster)
        some_drawn = [
            shown(objects, drawn(random, "demo"))
            for _ in stage.telling.each(range(count), count, "objects drawn at random")
        ]
        install(cluster, objects, warn_and_mutate())
        for name, documents in (("small batches", small), ("drawn objects", [each for each in some_drawn if each])):
            _compare(section, name, objects, stage.telling.each(documents, len(documents), name))
        objects.close()
    return section


def _compare(section: Section, name: str, objects: Objects, documents: Iterable[Document]) -> None:
    different, refused, asked = Counter[str](), 0, 0
    for document in documents:
        found = compare(objects, document)
        different.update(faults(found, document["kind"], created=True))
        refused += bool(found.refused)
        asked += 1
    differ = sum(different.values())
    section.checks.append(
        Check(
            f"differences: {name}, of which {refused:,} of {asked:,} are refused",
            f"{differ}",
            "0",
            differ == 0 < refused,
        )
    )
    section.remarks += [f"{name}: {each}" for each, _ in different.most_common(_SHOWN)]
