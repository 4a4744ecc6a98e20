"""Kinds, versions and groups that are nearly ours: no API server knows them, so nobody would judge the object."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache

from app.domain.invoker import INVOKERS
from app.domain.kinds import KINDS
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.inventory.folder import HELD
from app.manifest.objects import Manifest
from app.manifest.wanted import Wanted, of_stash
from schemas import kinds

KIND, API_VERSION = "unknown-kind", "api-version"
_OTHERS = ("BackupSession", "BackupBlueprint", "BackupConfigurationTemplate", "Function", "Task", "Restic", "Recovery")
"""Kinds that the group has, and that nobody judges."""
_SPELLINGS = {
    spelling: kind
    for kind in KINDS
    for lower in (kind.lower(),)
    for spelling in (lower, f"{lower}s", f"{lower}es", f"{lower.removesuffix('y')}ies")
}
_PARTS = {"metadata", "spec"}
"""What an object has at least one of, beside its type."""
_MAX_CHARS = 64
"""Of a name that may be a slip of one of ours."""
_ALIKE = 0.9
"""How much of a name has to be the same, of 1, so that it is taken for a slip."""


@lru_cache(maxsize=1_024)
def _meant(kind: str) -> str | None:
    """The kind of ours that a name stands for: in any case, also as plural, or with a slip."""
    if kind in _OTHERS or len(kind) > _MAX_CHARS:
        return None
    lower = re.sub(r"[^a-z0-9]", "", kind.lower().removesuffix(f".{kinds.GROUP}"))
    if lower in _SPELLINGS:
        return _SPELLINGS[lower]
    return next((each for each in KINDS if _is_alike(lower, each.lower())), None)


def _is_alike(one: str, other: str) -> bool:
    if len(one) > _MAX_CHARS:
        return False
    matcher = SequenceMatcher(None, one, other)
    return matcher.real_quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE


def _nearly(api_version: str, kind: str) -> bool:
    """Whether somebody meant one of our kinds, and no API server would know it."""
    group, slash, _ = api_version.partition("/")
    near = _meant(kind)
    if group.lower() == kinds.GROUP:
        return near is not None or not kind
    if near is None or near not in INVOKERS:
        return False  # others have Repositories too
    return not slash or _is_alike(group.lower(), kinds.GROUP)


def _checked(api_version: str, kind: str) -> bool:
    return HELD.matches(api_version, kind) or _nearly(api_version, kind)


CHECKED = Wanted(
    _checked,
    re.compile(
        rb"""kind["']?\s*:\s*["']?(?:namespace|backup[ _-]?(?:configuration|batch)|restore[ _-]?(?:session|batch))"""
    ),
)
"""What is judged, known to rules, or named wrongly."""


def concerns(manifest: Manifest) -> bool:
    """Whether the webhooks are asked about such an object; of a wrong version, because it should be one of theirs."""
    return manifest.kind in KINDS and of_stash(manifest.api_version, manifest.kind)


def misnamed(manifest: Manifest) -> Iterator[tuple[str, Finding]]:
    """What is wrong with the kind and the apiVersion of an object that is meant to be ours, each with its rule."""
    kind = _meant(manifest.kind)
    if (kind is None and manifest.kind) or not _nearly(manifest.api_version, manifest.kind):
        return
    if not (manifest.kind and manifest.api_version) and _PARTS.isdisjoint(map(str.lower, manifest.value)):
        return  # values of a chart, or what else has a field of that name
    if kind is None:
        what = _written_as(manifest, "kind", "the object has no kind", ", ".join(KINDS))
        yield KIND, what
    elif manifest.kind != kind:
        message = f"there is no kind {quoted(manifest.kind)}: write {kind}"
        yield KIND, Finding(("kind",), Reason.NOT_SUPPORTED, message)
    if kind is not None:
        right = f"{kinds.GROUP}/{kinds.KINDS[kind].version}"
        if not manifest.api_version:
            yield API_VERSION, _written_as(manifest, "apiVersion", f"the {kind} has no apiVersion", right)
        elif manifest.api_version != right:
            message = f"{kind} has no apiVersion {quoted(manifest.api_version)}: write {right}"
            yield API_VERSION, Finding(("apiVersion",), Reason.NOT_SUPPORTED, message)


def _written_as(manifest: Manifest, field: str, message: str, right: str) -> Finding:
    """A field that is not there, unless it is there in another case."""
    for key in manifest.value:
        if key.lower() == field.lower() and key != field:
            return Finding((key,), Reason.NOT_SUPPORTED, f"{message}: write {field} in place of {key}")
    return Finding((field,), Reason.REQUIRED, f"{message}: write one, such as {right.partition(', ')[0]}")
