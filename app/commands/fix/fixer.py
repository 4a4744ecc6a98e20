"""A file as `fix` leaves it: what is written into it, and what is left alone and why."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from app.admission.engine import Admission
from app.admission.offline import ask
from app.commands.check.previous import Stored
from app.commands.check.runner import backs_up_or_restores
from app.commands.check.text import described
from app.commands.fix.aliases import clashes, combined, suggested
from app.commands.fix.layout import CannotRewrite
from app.commands.fix.rewriting import rewritten
from app.domain.invoker import VERSION
from app.domain.outcome import Edit
from app.manifest.discovery import Skipped, Unreadable
from app.manifest.documents import Document, documents
from app.manifest.nodes import StrayMark
from app.manifest.objects import Manifest, objects_in
from app.manifest.source import Text
from app.manifest.yaml_parser import MARK

SUGGESTED = "suggest-aliases"
"""What an alias comes from that no rule writes."""
BYTE_ORDER_MARK = "byte-order-mark"
_SEPARATOR = re.compile(r"^---", re.MULTILINE)
_MAX_TRIES = 30
"""Times that a document is written to find which of its changes cannot be: each reads the whole of it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A change that was written: for people, with the rule that makes it."""

    line: int
    object: str
    change: str
    rule: str


@dataclass
class Fixed:
    """A file: the text that it had, the one that it should have, and what there is to say."""

    before: Text
    after: str
    written: list[Written] = field(default_factory=list)
    left: list[Unreadable] = field(default_factory=list)
    """What was left alone: an object, and why."""
    unreadable: list[Unreadable] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether the file has to be written."""
        return self.after != self.before.text


@dataclass(frozen=True)
class _Change:
    """An object and all that is to be written into it, each with the rule that makes it."""

    manifest: Manifest
    edits: tuple[tuple[str, Edit], ...]

    @property
    def plain(self) -> list[Edit]:
        return [edit for _, edit in self.edits]

    def __str__(self) -> str:
        named = "/".join(filter(None, (self.manifest.namespace, self.manifest.name)))
        return f"{self.manifest.kind} {named}".rstrip()


def fix(text: Text, admission: Admission, *, aliases: bool = False, stored: Stored | None = None) -> Fixed:
    """The file with the server's changes; with `aliases`, also with aliases for members that clash.

    `stored` holds the objects that are there already, which the file's are updates of.
    """
    result = Fixed(text, text.text)
    text = _without_marks(text, result)
    changes = list(_changes(text, admission, result, stored or Stored(()), aliases=aliases))
    parts, at = [], 0
    for _, group in groupby(changes, key=lambda each: each.manifest.index):
        together = list(group)
        document = together[0].manifest.document
        new = _document(text, document, together, result)
        parts += [text.text[at : document.start], new]
        at = document.end
    result.after = "".join([*parts, text.text[at:]])
    return result


def _without_marks(text: Text, result: Fixed) -> Text:
    """The text without the byte order marks for which documents of it cannot be read."""
    if MARK not in text.text:
        return text
    parts, at = [], 0
    for document in documents(text.text):
        if isinstance(document, StrayMark):
            end = next((each.start() for each in _SEPARATOR.finditer(text.text, document.offset)), len(text.text))
            parts += [text.text[at : document.offset - 1], text.text[document.offset : end].replace(MARK, "\n")]
            at = end
            line, _ = text.place(document.offset)
            result.written.append(Written(line, "document", "the byte order mark is removed", BYTE_ORDER_MARK))
    return replace(text, text="".join([*parts, text.text[at:]]))


def _changes(text: Text, admission: Admission, result: Fixed, stored: Stored, *, aliases: bool) -> Iterator[_Change]:
    for found in objects_in(text):
        if isinstance(found, Unreadable):
            result.unreadable.append(found)
        elif isinstance(found, Skipped):
            result.skipped.append(found)
        elif isinstance(found, Manifest) and backs_up_or_restores(found) and found.version == VERSION:
            change = _change(found, admission, result, stored, aliases=aliases)
            if change.edits:
                yield change


def _change(manifest: Manifest, admission: Admission, result: Fixed, stored: Stored, *, aliases: bool) -> _Change:
    answer = ask(manifest, admission, stored.of(manifest))
    edits = [edit for _, edit in answer.edits]
    chosen = suggested(manifest, admission) if aliases else []
    if aliases and not chosen and clashes(answer.findings):
        why = "its members clash, but the aliases of a restore must match those of the backup: correct them by hand"
        result.left.append(_left(_Change(manifest, ()), why))
    rules = {id(edit): rule for rule, edit in answer.edits}
    return _Change(manifest, tuple((rules.get(id(edit), SUGGESTED), edit) for edit in combined(edits, chosen)))


def _document(text: Text, document: Document, changes: Sequence[_Change], result: Fixed) -> str:
    """The text of a document with its changes: all of them, or those that can be written."""
    new, done, tries = text.text[document.start : document.end], list[_Change](), 0
    waiting = [list(changes)]
    while waiting:
        together = waiting.pop()
        tries += 1
        try:
            if tries > _MAX_TRIES:
                raise CannotRewrite(f"{_MAX_TRIES} tries were not enough for this document: split it")
            new = _rewritten(text, document, [*done, *together])
            done += together
        except CannotRewrite as error:
            if len(together) > 1 and tries <= _MAX_TRIES:
                half = len(together) // 2
                waiting += [together[half:], together[:half]]
                continue
            for change in together:
                what = ", ".join(described(edit) for edit in change.plain)
                result.left.append(_left(change, f"{what}: cannot be written here: {error}"))
    for change in done:
        for rule, edit in change.edits:
            result.written.append(Written(change.manifest.line, str(change), described(edit), rule))
    return new


def _rewritten(text: Text, document: Document, changes: Iterable[_Change]) -> str:
    return rewritten(text.text, document, [(each.manifest, each.plain) for each in changes])


def _left(change: _Change, why: str) -> Unreadable:
    return Unreadable(change.manifest.file, f"{change}: {why}", *change.manifest.place(()))
