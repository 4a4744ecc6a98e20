"""What Kubernetes' own CEL can say of a rule, for the time in which the server is silent.

A rule's twin stands beside it in its file. Its expressions speak of the object by the variables that are defined here,
each of which has a namesake for what is stored on an update: `variables.stored_members` is to the stored object what
`variables.members` is to the new one.
"""

import re
from dataclasses import dataclass

MOST_PAIRS = 200
"""Members among which pairs are compared: CEL has a budget, which some hundreds of members would exceed."""


@dataclass(frozen=True)
class Twin:
    """A rule in CEL."""

    holds: str
    """True where the rule finds nothing."""
    message: str
    """What is wrong, in one line. The rich messages stay the server's."""
    lacks: str = ""
    """What the rule finds and the twin does not; empty: nothing."""
    without_maps: str = ""
    """The same, for API servers whose CEL makes no maps of lists; empty: `holds` needs none."""
    ratchets: bool = True
    """Whether an update is admitted if the stored object breaks the same rule."""
    judges: str = ""
    """What it looks at, where looking at what breaks the rule may be an error: an update is admitted that leaves it."""


@dataclass(frozen=True)
class Rewriting:
    """A mutation in CEL."""

    patch: str
    """A list of JSONPatch."""
    lacks: str = ""
    """What the mutation changes and this does not; empty: nothing."""


@dataclass(frozen=True)
class NoTwin:
    """A rule that CEL cannot say."""

    why: str


BATCH = "object.kind.endsWith('Batch')"
RESTORE = "object.kind.startsWith('Restore')"
RULES = "(size(m.?target.?rules.orValue([])) > 0 ? m.target.rules : m.?rules.orValue([]))"
"""The restore rules of a member `m`, wherever they are written."""
PATH = f"({BATCH} ? '/spec/members/' + string(i) : '/spec')"
"""Where member `i` is, as a JSON pointer."""
ORDINAL = "'^(?s:.*)-(0|[1-9][0-9]*)$'"
"""What ends in the ordinal of a pod."""


def shape(target: str) -> str:
    """The shape of a target's hosts, as `app.domain.hosts` has it."""
    kind = f"{target}.?ref.?kind.orValue('')"
    return (
        f"({RESTORE} && size({target}.?volumeClaimTemplates.orValue([])) > 0"
        f" ? (has({target}.replicas) ? 'indexed' : 'literal')"
        f" : {kind} == 'StatefulSet' ? 'indexed' : {kind} == 'DaemonSet' ? 'node' : 'literal')"
    )


def hosts(target: str) -> str:
    """The hosts of a target: a map of its shape and stem. The stem is empty where the hosts are bare node names."""
    return (
        f"[{shape(target)}].map(s, {{'shape': s, 'stem': {target}.?alias.orValue('') != '' ? string({target}.alias)"
        " : s == 'indexed' ? 'host' : s == 'literal' ? 'host-0' : ''})[0]"
    )


def all_differ(values: str) -> str:
    """Whether no text is in a list twice. Thousands become the keys of a map, of which none can be written twice."""
    return f"size({values}) <= {MOST_PAIRS} ? {_pairs(values)} : {keys(values)}.size() == size({values})"


def keys(values: str) -> str:
    """Texts as the keys of a map; an error if one is there twice, which refuses the object."""
    return f"{values}.transformMapEntry(i, v, {{v: i}})"


def pairs_differ(values: str) -> str:
    """The same without maps. A list that is too long for it is not admitted unseen."""
    return f"size({values}) <= {MOST_PAIRS} && {_pairs(values)}"


def _pairs(values: str) -> str:
    return f"{values}.all(a, {values}.exists_one(b, a == b))"


_KIND = "t.?ref.?kind.orValue('')"
_NAME = "t.?ref.?name.orValue('')"
# A slash is in the name of no kind and no namespace, so no two other texts make the same identity.
_NAMED_REF = f"({_KIND} != '' || {_NAME} != '') && !({_KIND} + t.?ref.?namespace.orValue('')).contains('/')"
_NAMESPACE = "(t.?ref.?namespace.orValue('') != '' ? t.ref.namespace : request.namespace)"
_IDENTITY = f"{_NAMESPACE} + '/' + {_KIND} + '/' + {_NAME}"
_HAS_ALIAS = "(has(t.alias) && t.alias != '')"
_DASH = "t.alias.lastIndexOf('-')"
# `db-0` is one of the hosts of a StatefulSet `db`: as texts, the one begins with the other, which ends in a slash.
_HOST_KEY = (
    f"{_HAS_ALIAS}"
    f" ? ({_KIND} == 'StatefulSet' ? 'i' + string(size(t.alias)) + ':' + t.alias + '/'"
    f" : {_KIND} == 'DaemonSet' ? 'node:' + t.alias"
    f" : t.alias.matches({ORDINAL})"
    f" ? 'i' + string({_DASH}) + ':' + t.alias.substring(0, {_DASH}) + '/' + t.alias.substring({_DASH} + 1)"
    " : 'literal:' + t.alias)"
    f" : {_KIND} == 'StatefulSet' ? 'i4:host/' : {_KIND} == 'DaemonSet' ? 'node:' : 'i4:host/0'"
)
# An expression may cost a million, and a batch have thousands of members: where there is one text for each of them, it
# is made without lists and maps, each of which costs ten and more.
_VARIABLES = {
    "members": f"{BATCH} ? variables.spec.?members.orValue([]) : [variables.spec]",
    "targets": "variables.members.map(m, has(m.target), m.target)",
    "restic": "variables.spec.?driver.orValue('Restic') != 'VolumeSnapshotter'",
    "hosts": f"variables.restic ? variables.targets.map(t, {hosts('t')}) : []",
    "backup_hosts": f"variables.restic ? variables.targets.map(t, {_HOST_KEY}) : []",
    "aliases": (
        "!variables.restic ? [] : variables.targets"
        f".map(t, {_HAS_ALIAS} ? t.alias : {{'indexed': 'host', 'literal': 'host-0', 'node': ''}}[{shape('t')}])"
        ".filter(a, a != '')"
    ),
    "identities": f"variables.targets.map(t, {_NAMED_REF}, {_IDENTITY})",
    # Each target that has hosts, with what it is recognised by in the stored object.
    "known": (
        f"!variables.restic ? [] : variables.targets.map(t, {_NAMED_REF},"
        f" {{'key': {_IDENTITY}, 'alias': string(t.?alias.orValue('')),"
        f" 'hosts': [{hosts('t')}].map(h, h.shape + ':' + h.stem)[0]}})"
    ),
}
_ROOTS = {
    "spec": "object.?spec.orValue({})",
    "stored_spec": "oldObject == null ? {} : oldObject.?spec.orValue({})",
}
_NAMED = re.compile(r"\bvariables\.(\w+)")


def stored(expression: str) -> str:
    """The same of the stored object."""
    return _NAMED.sub(r"variables.stored_\1", expression)


VARIABLES: dict[str, str] = {
    **_ROOTS,
    **_VARIABLES,
    **{f"stored_{name}": stored(expression) for name, expression in _VARIABLES.items()},
}
"""Every variable by its name. One that speaks of others comes after them."""


def variables_of(*expressions: str) -> dict[str, str]:
    """The variables of which expressions speak, and those of which these do, in the order in which they are defined."""
    wanted: set[str] = set()
    left = list(expressions)
    while left:
        for name in set(_NAMED.findall(left.pop())) - wanted:
            wanted.add(name)
            left.append(VARIABLES[name])
    return {name: expression for name, expression in VARIABLES.items() if name in wanted}
