"""The configuration file: what it may hold, and everything that is wrong with one, each fault with its place."""

import contextlib
import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from app.admission.levels import Configuration
from app.domain.path import Path as Field
from app.domain.path import dotted
from app.domain.quoting import printable
from app.manifest.discovery import STANDARD_INPUT, Unreadable, shown
from app.manifest.documents import documents
from app.manifest.nodes import Malformed, Mapping, Node, Scalar, behind
from app.manifest.source import Text
from app.manifest.source import read as read_text
from app.manifest.values import is_merge, text_at
from app.rules.registry import RULES, Level, UnknownLevel, level

CONTENT = "config.yaml"
"""The file that is read in a directory, and the key of the ConfigMap that is mounted there."""
MAX_CHARS = 2**20
"""Characters of a file: more does not fit into a ConfigMap either."""
_MAX_FAULTS = 20
_MAX_SHOWN_CHARS = 80
"""Characters of a name in a message."""
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_RULES, _NAMESPACES = "rules", "namespaces"
_OF_RULES = ": write `ID: LEVEL`, such as `unique-alias: warn`"
_OF_NAMESPACES = ": write `NAME: {rules: {ID: LEVEL}}`"


class BadConfiguration(ValueError):
    """A file that cannot be used. The message says everything that is wrong with it, a line each."""


def read(path: Path) -> Configuration:
    """What a file says; of a directory the file CONTENT in it, if it is there. Raises BadConfiguration."""
    try:
        if path.is_dir():
            path = _inside(path)
            if not path.exists():
                return Configuration()
        is_there = str(path) == STANDARD_INPUT or path.exists()
    except OSError as error:
        raise BadConfiguration(f"{shown(path)}: {error.strerror}") from None
    text = read_text(path)
    if isinstance(text, Unreadable):
        advice = "" if is_there else ": correct --config or STASH_ADMISSION_CONFIG"
        raise BadConfiguration(f"{text}{advice}")
    if len(text.text) > MAX_CHARS:
        raise BadConfiguration(f"{text.file}: larger than 1 MiB, which is the most that a ConfigMap can hold")
    return _Reader(text).configuration()


def watched(path: Path) -> list[Path]:
    """Where to look for news: the file; or the directory, and the file in it."""
    with contextlib.suppress(OSError):  # which reading it will tell
        if path.is_dir():
            return [path, path / CONTENT]
    return [path]


def not_a_namespace(name: str) -> str | None:
    """Why no namespace can have this name; None if one can."""
    if _NAMESPACE.fullmatch(name):
        return None
    patterns = "; patterns are not supported, so name each namespace" if "*" in name or "?" in name else ""
    return f"is not a valid namespace name: use at most 63 lowercase letters, digits and '-'{patterns}"


def _inside(directory: Path) -> Path:
    """The file in a directory. Names that begin with a dot are Kubernetes' own, which swaps links there."""
    others = sorted(each.name for each in directory.iterdir() if each.name != CONTENT and each.name[0] != ".")
    if others:
        raise BadConfiguration(f"{shown(directory)}: holds {', '.join(others[:3])}: only {CONTENT} is read here")
    return directory / CONTENT


class _TooMany(Exception):
    """There are more faults than anybody wants to read."""


class _Reader:
    """Reads names and levels as they are written: to YAML 1.1 `off` is false, and a namespace `on` true."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._faults: list[str] = []

    def configuration(self) -> Configuration:
        """What the text says. Raises BadConfiguration."""
        result = Configuration()
        try:
            result = self._content(self._root())
        except Malformed as error:
            self._say(error.offset, str(error))
        except _TooMany:
            self._faults.append(f"{self._text.file}: there are more problems")
        if self._faults:
            raise BadConfiguration("\n".join(self._faults))
        return result

    def _root(self) -> Node:
        found = iter(documents(self._text.text))
        root = next(found, None)
        if isinstance(root, Malformed):
            raise root
        if root is None or _is_null(root.root):
            raise BadConfiguration(f"{self._text.file}: is empty: to set no levels, write `rules: {{}}`")
        second = next(found, None)
        if second is not None:
            offset = second.offset if isinstance(second, Malformed) else second.start
            raise Malformed("there is a second document: write only one, without `---`", offset)
        return root.root

    def _content(self, root: Node) -> Configuration:
        if text_at(root, "kind") == "ConfigMap":
            raise Malformed(f"this is a whole ConfigMap: write only what it holds under {CONTENT}", root.start)
        rules: dict[str, Level] = {}
        namespaces: dict[str, dict[str, Level]] = {}
        for name, value in self._known(root, (), (_RULES, _NAMESPACES)):
            if name == _RULES:
                rules = self._rules(value, (name,))
            else:
                namespaces = self._namespaces(value)
        return Configuration(rules, namespaces)

    def _namespaces(self, node: Node) -> dict[str, dict[str, Level]]:
        result: dict[str, dict[str, Level]] = {}
        for name, key, value in self._entries(node, (_NAMESPACES,), _OF_NAMESPACES):
            path = (_NAMESPACES, name)
            wrong = not_a_namespace(name)
            if wrong:
                self._fault(path, key, wrong)
            for field, rules in self._known(value, path, (_RULES,)):
                result[name] = self._rules(rules, (*path, field))
        return result

    def _rules(self, node: Node, path: Field) -> dict[str, Level]:
        result: dict[str, Level] = {}
        for name, key, value in self._entries(node, path, _OF_RULES):
            scalar = behind(value)
            if not isinstance(scalar, Scalar):
                self._fault((*path, name), value, "expected a level: enforce, warn or off")
                continue
            try:
                result[name] = level(name, scalar.text)
            except UnknownLevel as error:
                settable = name in RULES and RULES[name].settable
                boolean = "; what wrote this took `off` for a boolean: put it into quotes there"
                advice = boolean if settable and scalar.text == "false" else ""
                self._fault((*path, name), value if settable else key, f"{error}{advice}")
        return result

    def _known(self, node: Node, path: Field, keys: tuple[str, ...]) -> Iterator[tuple[str, Node]]:
        """The values of an object that can have these keys and no other."""
        for name, key, value in self._entries(node, path, f", with {' or '.join(keys)}"):
            if name in keys:
                yield name, value
            elif name in RULES:
                self._fault((*path, name), key, f"is a rule: move it under `{_RULES}`")
            else:
                near = difflib.get_close_matches(name[:_MAX_SHOWN_CHARS], keys, n=1) or keys
                self._fault((*path, name), key, f"unknown key: write {' or '.join(near)}")

    def _entries(self, node: Node, path: Field, expected: str) -> Iterator[tuple[str, Node, Node]]:
        """The keys of an object, as texts and as nodes, and their values. Null has none."""
        holder = behind(node)
        if not isinstance(holder, Mapping):
            if not _is_null(holder):
                self._fault(path, node, f"expected an object{expected}")
            return
        names: set[str] = set()
        for key, value in holder.pairs:
            scalar = behind(key)
            if not isinstance(scalar, Scalar):
                self._fault(path, key, "a list or an object cannot be a key")
            elif is_merge(key):
                self._fault((*path, scalar.text), key, "is not supported here: use an alias such as `*name` instead")
            elif scalar.text in names:
                self._fault((*path, scalar.text), key, "the key appears twice: remove one")
            else:
                names.add(scalar.text)
                yield scalar.text, key, value

    def _fault(self, path: Field, node: Node, wrong: str) -> None:
        if len(self._faults) == _MAX_FAULTS:
            raise _TooMany
        where = dotted(tuple(part[:_MAX_SHOWN_CHARS] if isinstance(part, str) else part for part in path))
        self._say(node.start, f"{where}: {wrong}" if where else wrong)

    def _say(self, offset: int, wrong: str) -> None:
        line, column = self._text.place(offset)
        self._faults.append(f"{self._text.file}:{line}:{column}: {printable(wrong)}")


def _is_null(node: Node) -> bool:
    scalar = behind(node)
    return isinstance(scalar, Scalar) and scalar.plain and scalar.text in ("", "~", "null")
