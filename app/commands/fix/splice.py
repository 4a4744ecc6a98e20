"""Changes of a text, each replacing a part of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.commands.fix.layout import CannotRewrite


@dataclass(frozen=True, slots=True, order=True)
class Splice:
    """`text` comes in place of what is between two offsets."""

    start: int
    end: int
    text: str = ""


def spliced(text: str, start: int, end: int, splices: Iterable[Splice]) -> str:
    """The text between two offsets with all changes made; the same one twice counts once.

    Raises CannotRewrite where two overlap.
    """
    parts, at = [], start
    for each in sorted(set(splices)):
        if each.start < at:
            raise CannotRewrite("two changes overlap")
        parts += [text[at : each.start], each.text]
        at = each.end
    return "".join([*parts, text[at:end]])
