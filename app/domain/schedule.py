"""Schedules as a Kubernetes CronJob reads them: robfig/cron v3 `ParseStandard`, without time zones."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from app.domain.duration import natural, parse_duration
from app.domain.quoting import quoted
from app.domain.remembering import remembered


class Field(NamedTuple):
    """One of the five fields: its values, and the names that some have."""

    name: str
    least: int
    most: int
    names: Mapping[str, int]
    allowed: str

    def value(self, bound: str) -> int:
        """The number that a bound means, a number or a name, which has to be one that there is."""
        named = self.names.get(_lowered(bound))
        return int(bound) if named is None else named


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTH = {name: number for number, name in enumerate(_MONTHS, 1)}
_DAY = {name: number for number, name in enumerate(_DAYS)}
FIELDS = (
    Field("minute", 0, 59, {}, "a number from 0 to 59"),
    Field("hour", 0, 23, {}, "a number from 0 to 23"),
    Field("day of month", 1, 31, {}, "a number from 1 to 31"),
    Field("month", 1, 12, _MONTH, "a number from 1 to 12 or a name from JAN to DEC"),
    Field("day of week", 0, 6, _DAY, "a number from 0 to 6 or a name from SUN to SAT"),
)
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""The descriptors, and the five fields that each stands for."""
EVERY_PREFIX = "@every "

# Go's unicode.IsSpace ends a word; str.split() would also split at U+001C to U+001F.
_WORD = re.compile("[^\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
RE2_WORD = r"[^\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+"
"""The same as CEL writes it."""
_NUMBER = re.compile(r"\+?[0-9]+")


@remembered
def schedule_fault(expression: str) -> str | None:
    """Say why a new CronJob could not have this schedule and what to write instead; None if it could.

    Source: `ParseStandard` of github.com/robfig/cron/v3 v3.0.1, and `validateScheduleFormat` of
    pkg/apis/batch/validation in Kubernetes, which calls it and refuses time zones.
    """
    try:
        _check(expression)
    except ValueError as fault:
        return str(fault)
    return None


def words_of(expression: str) -> list[str]:
    """The fields of an expression, as Go separates them."""
    return _WORD.findall(expression)


def _check(expression: str) -> None:
    # Kubernetes looks for these two letters anywhere; only a time zone in front has them for a reason.
    if "TZ" in expression:
        raise ValueError(f'{quoted(expression)} sets a time zone: remove "TZ=" or "CRON_TZ="')
    if expression.startswith("@"):
        _check_descriptor(expression)
        return
    words = words_of(expression)
    if len(words) != len(FIELDS):
        raise ValueError(_miscounted(expression, words))
    for field, word in zip(FIELDS, words, strict=True):
        if word == "*":
            continue
        for item in filter(None, dict.fromkeys(word.split(","))):
            try:
                _check_item(field, item)
            except ValueError as fault:
                raise ValueError(f"{field.name} {quoted(item)} {fault}") from None


def _check_descriptor(expression: str) -> None:
    if expression.startswith(EVERY_PREFIX):
        try:
            parse_duration(expression.removeprefix(EVERY_PREFIX))
        except ValueError as fault:
            raise ValueError(f"@every {fault}") from None
    elif expression not in MACROS:
        meant = expression.strip().lower()
        known = meant if meant in MACROS else f"{', '.join(MACROS)} or @every with a duration"
        raise ValueError(f"{quoted(expression)} is not a known descriptor: write {known}")


def _miscounted(expression: str, words: list[str]) -> str:
    names = ", ".join(field.name for field in FIELDS)
    advice = f'write {names}, such as "0 3 * * *"'
    if words and words[0].startswith("@"):
        advice = "put the @ first, with no space before it"
    elif len(words) == len(FIELDS) + 1:
        advice = f"write {names}, without seconds or a year"
    return f"{quoted(expression)} has {len(words)} field{'' if len(words) == 1 else 's'}, not {len(FIELDS)}: {advice}"


def _check_item(field: Field, item: str) -> None:
    span, *steps = item.split("/")
    low, *high = span.split("-")
    if len(steps) > 1:
        raise ValueError('has more than one slash: write one step, such as "*/5"')
    if steps and not _number(steps[0]):
        raise ValueError(f"has the step {quoted(steps[0])}: write a number from 1 to {field.most}")
    # The parser does not look at what follows a hyphen here: "*-7" is every value.
    if low in ("*", "?"):
        return
    if len(high) > 1:
        raise ValueError("has more than one hyphen: separate ranges with commas")
    first = _value(field, low, item)
    if high and first > _value(field, high[0], item):
        halves = quoted(f"{low}-{field.most},{field.least}-{high[0]}")
        raise ValueError(f"ends before it starts: write two ranges, such as {halves}")


def _value(field: Field, bound: str, item: str) -> int:
    value = field.names.get(_lowered(bound))
    if value is None:
        value = _number(bound)
    if value is None or not field.least <= value <= field.most:
        found = "is" if bound == item else f"has {quoted(bound)}, which is"
        sunday = ": Sunday is 0" if value == 7 and field.names else ""
        raise ValueError(f"{found} not {field.allowed}{sunday}")
    return value


def _lowered(name: str) -> str:
    # Go lowers U+0130 to a plain i, Python to an i with a dot above.
    return name.replace("\u0130", "i").lower()


def _number(text: str) -> int | None:
    # What Go's strconv.Atoi reads. It also reads "-0", which is admitted nowhere: a step starts at 1.
    if not _NUMBER.fullmatch(text):
        return None
    value = natural(text.removeprefix("+"))
    return value if value < 2**63 else None
