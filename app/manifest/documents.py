"""A file's text as documents, split as kubectl splits it."""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from app.manifest.growth import Growth
from app.manifest.json_parser import compose_json, skip_space
from app.manifest.nodes import Malformed, Node
from app.manifest.yaml_parser import compose

_JSON = re.compile(r"\{\s*[\"}]")
"""How an object begins that is meant to be JSON."""
_SEPARATOR = re.compile(r"^---[^\n]*\n?", re.MULTILINE)
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a file. Its text is `[start:end]` of the file's, in characters; `json`: it was read as JSON."""

    root: Node
    start: int
    end: int
    json: bool = False


def documents(text: str) -> Iterator[Document | Malformed]:
    """The documents of a file that hold something, in order; in place of one that cannot be read, what is wrong."""
    offset = _behind_mark(text, 0)
    wrong, growth = None, Growth()
    if text.startswith("{", skip_space(text, offset)):
        offset, wrong = yield from _json(text, offset)
    for start, end in _parts(text, offset):
        try:
            root = _root(text, start, end, growth)
        except Malformed as error:
            yield wrong or error
        else:
            if root is not None:
                yield Document(root, start, end)
        wrong = None


def _json(text: str, offset: int) -> Generator[Document | Malformed, None, tuple[int, Malformed | None]]:
    """Objects of JSON, one after the other. Where one is none, kubectl tries YAML, unless two were.

    Returns where YAML is to begin, and what is wrong if it is no YAML either.
    """
    count = 0
    while (at := skip_space(text, offset)) < len(text):
        try:
            node = compose_json(text, at)
        except Malformed as error:
            if count <= 1:
                return offset, error if _JSON.match(text, at) else None
            yield error
            break
        yield Document(node, node.start, node.end, json=True)
        count, offset = count + 1, node.end
    return len(text), None


def _parts(text: str, offset: int) -> Iterator[tuple[int, int]]:
    """Where the text between lines that begin with `---` starts and ends.

    Each may begin with a byte order mark, as where files were joined: kubectl reads each as if it were a file.
    """
    for match in _SEPARATOR.finditer(text, offset):
        if text[offset : match.start()].strip():
            yield _behind_mark(text, offset), match.start()
        offset = match.start() if _says_more(match[0]) else match.end()
    if text[offset:].strip():
        yield _behind_mark(text, offset), len(text)


def _behind_mark(text: str, offset: int) -> int:
    return offset + len(_BOM) if text.startswith(_BOM, offset) else offset


def _says_more(separator: str) -> bool:
    rest = separator[3:].strip()
    return bool(rest) and not rest.startswith("#")


def _root(text: str, start: int, end: int, growth: Growth) -> Node | None:
    if text.startswith("---", start):
        line = text[start:end].partition("\n")[0]
        if _says_more(line):
            raise Malformed("move what follows `---` to a line of its own: kubectl refuses it there", start + 3)
    return compose(text[start:end], start, growth)
