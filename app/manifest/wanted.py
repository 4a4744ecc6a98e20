"""Which objects of files are asked for, and whether the bytes of a file can hold one at all."""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

from schemas.kinds import GROUP

BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
"""How a file begins that says itself how it is encoded; any other is UTF-8."""
_NAME = GROUP.encode()
_WIDE_NAMES = [GROUP.encode(each) for each in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")]
_ESCAPED = re.compile(rb"\\(?:u000000([2-7][0-9a-f])|u00([2-7][0-9a-f])|x([2-7][0-9a-f])|\r?\n[ \t]*)")
"""A letter or a dot in double quotes that is not written as itself, and a line that is broken there."""

Matches = Callable[[str, str], bool]
"""Whether objects of an `apiVersion` and a `kind` are asked for."""


@dataclass(frozen=True)
class Wanted:
    """Which objects are asked for: what most files of a repository hold is never read as YAML."""

    matches: Matches
    besides: re.Pattern[bytes] | None = None
    """What files with such objects hold where they do not name the group, in small letters.

    Of such a file, only what can be read counts.
    """

    def may_be_in(self, content: bytes) -> bool:
        """Whether there can be one in a file."""
        return names_group(content) or (self.besides is not None and self.besides.search(content.lower()) is not None)


def of_stash(api_version: str, kind: str) -> bool:
    """Whether an object is one of Stash's group."""
    return api_version.partition("/")[0] == GROUP and bool(kind)


STASH = Wanted(of_stash)


def names_group(content: bytes) -> bool:
    """Whether the bytes of a file name the group: in any case, in UTF-8, UTF-16 or UTF-32, also with escapes.

    Text in base64 (`!!binary`) is not looked into.
    """
    encoding = BYTE_ORDER_MARKS.get(content[:2])
    if encoding is not None:
        content = content.decode(encoding, "replace").encode()
    content = content.lower()
    if _NAME in content:
        return True
    if b"\0" in content and any(name in content for name in _WIDE_NAMES):
        return True
    return b"\\" in content and _NAME in _ESCAPED.sub(_meant, content)


def _meant(escaped: re.Match[bytes]) -> bytes:
    code = escaped[1] or escaped[2] or escaped[3]
    return bytes([int(code, 16)]).lower() if code else b""
