"""JSON to nodes. kubectl reads a file that begins with `{` as JSON, one object after the other."""

import json.decoder
import re
from typing import Any

from app.manifest.growth import MAX_NESTING, Growth
from app.manifest.nodes import Malformed, Mapping, Node, Scalar, Sequence

_SPACE = re.compile(r"[ \t\n\r]*")
_ATOM = re.compile(r"true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_string: Any = json.decoder.scanstring  # type: ignore[attr-defined]


def skip_space(text: str, offset: int) -> int:
    """Where the next thing that is no white space is."""
    match = _SPACE.match(text, offset)
    return match.end() if match else offset


def compose_json(text: str, offset: int = 0) -> Node:
    """The value that begins at the offset. Raises Malformed."""
    return _Reader(text).value(skip_space(text, offset))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._growth = Growth()

    def value(self, at: int) -> Node:
        """One value: an open list or object is put on a stack, so that none nests too deep for Python."""
        stack: list[tuple[Mapping | Sequence, Node | None]] = []
        while True:
            node = self._begin(at)
            at = skip_space(self._text, node.end)
            if isinstance(node, Mapping | Sequence):
                if len(stack) == MAX_NESTING:
                    raise Malformed(f"nested more than {MAX_NESTING:,} levels deep", node.start)
                closing = "}" if isinstance(node, Mapping) else "]"
                if self._text[at : at + 1] != closing:
                    at, key = self._key(node, at)
                    stack.append((node, key))
                    continue
                node.end = at + 1
            while stack:
                holder, key = stack.pop()
                if isinstance(holder, Mapping):
                    assert key is not None  # noqa: S101  an object's values have keys
                    holder.pairs.append((key, node))
                else:
                    holder.items.append(node)
                at = skip_space(self._text, node.end)
                if self._text[at : at + 1] == ",":
                    at, key = self._key(holder, skip_space(self._text, at + 1))
                    stack.append((holder, key))
                    break
                closing = "}" if isinstance(holder, Mapping) else "]"
                self._expect(closing, at, f"`,` or `{closing}`")
                holder.end = at + 1
                node = holder
            else:
                return node

    def _key(self, holder: Mapping | Sequence, at: int) -> tuple[int, Node | None]:
        """Where the next value begins, and its key in an object."""
        if isinstance(holder, Sequence):
            return at, None
        self._expect('"', at, "a key in double quotes")
        key = self._begin(at)
        colon = skip_space(self._text, key.end)
        self._expect(":", colon, "`:`")
        return skip_space(self._text, colon + 1), key

    def _expect(self, character: str, at: int, what: str) -> None:
        if self._text[at : at + 1] != character:
            raise Malformed(f"not JSON: expected {what} here", at)

    def _begin(self, at: int) -> Node:
        self._growth.write(at)
        first = self._text[at : at + 1]
        if first == "{":
            return Mapping(at, at + 1, None, None, flow=True)
        if first == "[":
            return Sequence(at, at + 1, None, None, flow=True)
        if first == '"':
            try:
                text, end = _string(self._text, at + 1, True)
            except json.JSONDecodeError as error:
                raise Malformed(f"not JSON: {error.msg.lower()}", error.pos) from None
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            return Scalar(at, end, None, None, text, plain=False, style='"')
        match = _ATOM.match(self._text, at)
        if match is None:
            raise Malformed("not JSON: expected a value here", at)
        return Scalar(at, match.end(), None, None, match[0], plain=True, style="")
