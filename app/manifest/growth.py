"""How large a document is where its aliases are written out, which kubectl does, and everybody else who reads it."""

from dataclasses import dataclass

from app.manifest.nodes import Malformed

MAX_NESTING = 1_000
"""Lists and objects inside each other that a document may have."""
MAX_VALUES = 1_000_000
"""Values that a document may have: a hostile one must not take the machine's memory."""
MAX_ALIASED_VALUES = 100_000
"""Values that the aliases of a file may stand for. Each costs its reader as much as one that is written."""
MAX_ALIASED_CHARACTERS = 8 * 2**20
"""Characters that they may stand for."""
_ALWAYS_ALLOWED, _MAX_SHARE = 100, 0.99
"""go-yaml's own bound: more values than these may not be almost all that there is."""
_SMALL = 1_000
"""Values up to which go-yaml looks at no share."""


@dataclass(slots=True)
class Extent:
    """What a value comes to with the aliases in it written out."""

    values: int
    """How many there are in it, itself and the keys among them."""
    characters: int = 0
    height: int = 0
    """Lists and objects inside each other, itself among them; an object that is merged is one more."""

    def add(self, other: "Extent") -> None:
        """Take in a value that it holds."""
        self.values += other.values
        self.characters += other.characters
        self.height = max(self.height, other.height + 1)


class Growth:
    """What the documents of a file come to. An alias is counted where it is written, before anybody follows it."""

    def __init__(self) -> None:
        self._values = self._aliased = 0
        self._aliased_in_all = self._characters_in_all = 0

    def begin(self) -> None:
        """The next document begins."""
        self._values = self._aliased = 0

    def write(self, start: int) -> None:
        """A value is written at an offset. Raises Malformed where that is one too many."""
        self._values += 1
        if self._values > MAX_VALUES:
            raise Malformed(f"the document has more than {MAX_VALUES:,} values", start)

    def repeat(self, extent: Extent, depth: int, start: int) -> None:
        """An alias at an offset, in so many lists and objects, stands for so much. Raises Malformed for too much."""
        self._values += extent.values
        self._aliased += extent.values
        self._aliased_in_all += extent.values
        self._characters_in_all += extent.characters
        share = self._aliased / self._values
        if self._aliased > _ALWAYS_ALLOWED and self._values > _SMALL and share > _MAX_SHARE:
            raise Malformed("too many values come from aliases: remove anchors that refer to each other", start)
        if self._aliased_in_all > MAX_ALIASED_VALUES:
            what = f"{MAX_ALIASED_VALUES:,} values"
        elif self._characters_in_all > MAX_ALIASED_CHARACTERS:
            what = f"{MAX_ALIASED_CHARACTERS >> 20} MiB of text"
        else:
            if depth + extent.height > MAX_NESTING:
                raise Malformed(f"nested more than {MAX_NESTING:,} levels deep", start)
            return
        raise Malformed(f"the file's aliases stand for more than {what}: remove some, or split the file", start)
