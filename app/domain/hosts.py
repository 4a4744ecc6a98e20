"""Hosts: how restic names the data of a target, made from its alias, and when two targets make the same."""

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

MAX_ALIAS_CHARS = 63
"""An alias is a Kubernetes label value."""


class Shape(Enum):
    """How the hosts of a target are made of its alias."""

    __hash__ = object.__hash__  # that of Enum is written in Python, and hosts are looked up thousands of times

    LITERAL = "literal"
    INDEXED = "indexed"
    PER_NODE = "per node"


# To read a member of an enumeration costs as much as all else that is done with it for one of 500 targets.
_LITERAL, _INDEXED, _PER_NODE = Shape
_SHAPES = {"StatefulSet": _INDEXED, "DaemonSet": _PER_NODE}


class Hosts(NamedTuple):
    """The hosts of one target: a shape and the alias it is applied to.

    A DaemonSet without alias has the stem None: its hosts are bare node names.
    """

    shape: Shape
    stem: str | None

    def __str__(self) -> str:
        """The proposal's notation: `app`, `app-$POD_INDEX`, `app-$NODE_NAME`."""
        if self.shape is Shape.LITERAL:
            return str(self.stem)
        if self.shape is Shape.INDEXED:
            return f"{self.stem}-$POD_INDEX"
        return "$NODE_NAME" if self.stem is None else f"{self.stem}-$NODE_NAME"

    def can_be(self, host: str, replicas: int | None = None) -> bool:
        """Whether `host` is one of these hosts. `replicas` bounds the ordinals of an indexed target, if known."""
        if self.shape is Shape.LITERAL:
            return host == self.stem
        if self.shape is Shape.PER_NODE:
            return self.stem is None or (host.startswith(f"{self.stem}-") and host != f"{self.stem}-")
        stem, ordinal = split_ordinal(host)
        if ordinal is None or stem != self.stem:
            return False
        return replicas is None or (len(ordinal) <= 10 and int(ordinal) < replicas)


HOST_WITHOUT_TARGET = Hosts(Shape.LITERAL, "host-0")
"""A backup of the cluster itself, by a task, has this host whatever happens."""

LEGACY_ALIAS = {Shape.LITERAL: "host-0", Shape.INDEXED: "host", Shape.PER_NODE: None}
"""The alias that makes the host which a target without alias always had. For a DaemonSet there is none."""


def shape_of(kind: str, claims: bool, replicas: int | None) -> Shape:
    """The shape for a target of a kind; `claims`: a restore target has claim templates, and these so many replicas."""
    if claims:
        return _LITERAL if replicas is None else _INDEXED
    return _SHAPES.get(kind, _LITERAL)


def ordinal_of(host: str) -> str:
    """The ordinal that a host, or the name of a pod or its volume, ends in: `12` of `db-12`; empty if in none."""
    return split_ordinal(host)[1] or ""


def split_ordinal(host: str) -> tuple[str, str | None]:
    """`db-12` is `db` and `12`; a host that does not end in an ordinal without leading zeros is itself and None."""
    stem, dash, ordinal = host.rpartition("-")
    if dash and ordinal.isascii() and ordinal.isdigit() and (ordinal == "0" or ordinal[0] != "0"):
        return stem, ordinal
    return host, None


def ancestors(alias: str) -> Iterator[str]:
    """What stands before each dash: `a-b-c` gives `a` and `a-b`.

    None is longer than an alias may be, which keeps a hostile alias of a million dashes cheap.
    """
    end = alias.find("-")
    while 0 <= end <= MAX_ALIAS_CHARS:
        yield alias[:end]
        end = alias.find("-", end + 1)


# Two targets share a host, certainly or possibly, if an index key of one is a lookup key of the other. So the first of
# 500 members that clashes with a given one is found without comparing all pairs.


def certain_index_keys(hosts: Hosts) -> list[Hashable]:
    """The keys by which others that certainly share a host with these look them up."""
    index_keys: list[Hashable] = [hosts]
    if hosts.shape is Shape.LITERAL and hosts.stem is not None:
        stem, ordinal = split_ordinal(hosts.stem)
        if ordinal is not None:
            index_keys.append(("one of", stem))
    return index_keys


def certain_lookup_keys(hosts: Hosts) -> list[Hashable]:
    """The index keys of others that certainly share a host with these."""
    lookup_keys: list[Hashable] = [hosts]
    if hosts.shape is Shape.LITERAL and hosts.stem is not None:
        stem, ordinal = split_ordinal(hosts.stem)
        if ordinal is not None:
            lookup_keys.append(Hosts(Shape.INDEXED, stem))
    elif hosts.shape is Shape.INDEXED:
        lookup_keys.append(("one of", hosts.stem))
    return lookup_keys


def certainly_disjoint(all_hosts: Sequence[Hosts]) -> bool:
    """Whether no two certainly share a host. False also where it takes a closer look to tell."""
    if len(set(all_hosts)) < len(all_hosts):
        return False
    indexed = {stem for shape, stem in all_hosts if shape is _INDEXED}
    if not indexed:
        return True
    return not any(str(stem).rpartition("-")[0] in indexed for shape, stem in all_hosts if shape is _LITERAL)


def possible_index_keys(hosts: Hosts) -> list[Hashable]:
    """The keys by which others that possibly, not certainly, share a host with these look them up."""
    if hosts.stem is None:
        return []
    index_keys: list[Hashable] = [("begins with", ancestor) for ancestor in ancestors(hosts.stem)]
    if hosts.shape is Shape.INDEXED:
        index_keys.append(("begins with", hosts.stem))
    if hosts.shape is Shape.PER_NODE:
        index_keys.append(("per node", hosts.stem))
    return index_keys


def possible_lookup_keys(hosts: Hosts) -> list[Hashable]:
    """The index keys of others that possibly, not certainly, share a host with these."""
    if hosts.stem is None:
        return []
    lookup_keys: list[Hashable] = [("per node", ancestor) for ancestor in ancestors(hosts.stem)]
    if hosts.shape is Shape.INDEXED:
        lookup_keys.append(("per node", hosts.stem))
    if hosts.shape is Shape.PER_NODE:
        lookup_keys.append(("begins with", hosts.stem))
    return lookup_keys


def possibly_disjoint(all_hosts: Sequence[Hosts]) -> bool:
    """Whether no two possibly share a host. False also where it takes a closer look to tell."""
    per_node = {stem for shape, stem in all_hosts if shape is _PER_NODE and stem is not None}
    if not per_node:
        return True
    if any(shape is _INDEXED and stem in per_node for shape, stem in all_hosts):
        return False
    stems = sorted(stem for _, stem in all_hosts if stem is not None)
    for begun in (f"{stem}-" for stem in per_node):
        at = bisect_left(stems, begun)
        if at < len(stems) and stems[at].startswith(begun):
            return False
    return True
