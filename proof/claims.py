"""Replicas that are asked in the same moment."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from proof.section import Check, Section, Table
from proof.stage import Stage
from testbed.control_plane.objects import Objects
from testbed.control_plane.race import (
    Race,
    Write,
    batch_and_configuration,
    batches,
    configuration_of,
    update_and_create,
)
from testbed.control_plane.replicas import Replicas, replicas, repository
from testbed.objects import batch_of

_ROUNDS = 1_000
"""Of each kind of race."""
_WITHOUT = 100
"""Rounds without claims, to see what they are for."""
_CROWD = 16
_CREATES = 300
_ADDED_MILLISECONDS = 5.0
_REPLICAS = (2, 3)

_HOW = f"""\
Clients write to a real API server at the same moment, behind which two or three replicas answer in turn: two
BackupBatches that want the place of one Repository, and {_CROWD} of them; a BackupBatch and a BackupConfiguration with
one host; and an update of a BackupBatch that adds the host of a new BackupConfiguration. Each alone is good, and of
each round one has to be stored. Then one client creates {_CREATES} backups with claims and as many without, in turn on
two API servers, and the medians of their times are compared."""
_RACES = (
    "two BackupBatches", f"{_CROWD} BackupBatches", "BackupBatch and BackupConfiguration", "update and create"
)  # fmt: skip


def measure(stage: Stage) -> Section:
    """Rounds in which several were stored, or none; and what a claim costs."""
    section = Section("Replicas at the same moment", _HOW)
    rows = []
    for count in _REPLICAS:
        rounds = max(stage.scaled(_ROUNDS), 10)
        for name, several, none in _race(stage, stage.folder(f"claims-{count}"), count, "on", rounds):
            rows.append((str(count), "on", name, f"{rounds:,}", str(several), str(none)))
            text = f"rounds with several or none stored: {name}, {count} replicas, {rounds:,} rounds"
            section.checks.append(Check(text, f"{several} and {none}", "0 and 0", several == none == 0))
    rounds = max(stage.scaled(_WITHOUT), 10)
    for name, several, none in _race(stage, stage.folder("claims-off"), 2, "off", rounds):
        rows.append(("2", "off", name, f"{rounds:,}", str(several), str(none)))
    section.tables.append(Table(("replicas", "claims", "race", "rounds", "several stored", "none stored"), rows))
    with_claims, without = _times(stage, max(stage.scaled(_CREATES), 20))
    added = with_claims - without
    text = "what a claim adds to the median time of a create"
    holds = added <= _ADDED_MILLISECONDS
    section.checks.append(Check(text, f"{added:.1f} ms", f"at most {_ADDED_MILLISECONDS:g} ms", holds))
    section.remarks.append(f"A create takes {with_claims:.1f} ms with claims and {without:.1f} ms without (medians).")
    return section


def _race(stage: Stage, folder: Path, count: int, claims: str, rounds: int) -> Iterator[tuple[str, int, int]]:
    """The name of each race, and how many rounds ended with several stored, and with none."""
    with replicas(folder, count, "--claims", claims) as place, ExitStack() as end:
        writers = [Objects(place.cluster) for _ in range(_CROWD)]
        for writer in writers:
            end.callback(writer.close)
        race = Race(writers)
        end.callback(race.close)
        for name, writes in zip(_RACES, _rounds(place, rounds), strict=True):
            seen = race.run(stage.telling.each(writes, rounds, f"{count} replicas, claims {claims}: {name}"))
            yield name, sum(seen.stored.values()) - seen.stored[0] - seen.stored[1], seen.stored[0]


def _rounds(place: Replicas, rounds: int) -> Iterator[list[tuple[Write, ...]]]:
    names = [f"r{number}" for number in range(rounds)]
    demo = place.namespace("race")
    place.store(*(repository(demo, f"{race}-{name}") for race in range(4) for name in names))
    yield [batches(demo, f"two-{name}", *[f"0-{name}"] * 2) for name in names]
    yield [batches(demo, f"many-{name}", *[f"1-{name}"] * _CROWD) for name in names]
    yield [batch_and_configuration(demo, f"one-{name}", (f"2-{name}", f"2-{name}")) for name in names]
    stored = [batch_of(demo, f"batch-{name}", repository={"name": f"3-{name}"}) for name in names]
    place.store(*stored)
    yield [update_and_create(each, demo, name, f"3-{name}") for each, name in zip(stored, names, strict=True)]


def _times(stage: Stage, creates: int) -> tuple[float, float]:
    """The medians of the time of a create, in milliseconds: with claims, and without."""
    with ExitStack() as stack:
        folders = [stage.folder(f"claims-times-{claims}") for claims in ("on", "off")]
        places = [
            stack.enter_context(replicas(folder, 2, "--claims", claims))
            for folder, claims in zip(folders, ("on", "off"), strict=True)
        ]
        taken: list[list[float]] = [[] for _ in places]
        for place in places:
            place.store(repository(place.namespace("times"), "gcs"))
        for number in stage.telling.each(range(creates), creates, "creates with and without claims"):
            for place, times in zip(places, taken, strict=True):
                document = configuration_of("times", f"c{number}", f"c{number}", "gcs")
                began = time.perf_counter()
                reply = place.objects.create(document)
                times.append((time.perf_counter() - began) * 1000)
                if reply.status != 201:
                    raise RuntimeError(f"a create was answered {reply.status}: {reply.message}")
    return statistics.median(taken[0]), statistics.median(taken[1])
