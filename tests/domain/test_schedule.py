import time

import pytest

from app.domain.schedule import schedule_fault

FIELDS = ("minute", "hour", "day of month", "month", "day of week")
BOUNDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day of month": (1, 31),
    "month": (1, 12),
    "day of week": (0, 6),
}
ALLOWED = {
    "minute": "a number from 0 to 59",
    "hour": "a number from 0 to 23",
    "day of month": "a number from 1 to 31",
    "month": "a number from 1 to 12 or a name from JAN to DEC",
    "day of week": "a number from 0 to 6 or a name from SUN to SAT",
}
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
DESCRIPTORS = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]
ORDER = "minute, hour, day of month, month, day of week"


def with_field(field: str, text: str) -> str:
    return " ".join(text if name == field else "*" for name in FIELDS)


def accepts(expression: str) -> bool:
    return schedule_fault(expression) is None


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "? ? ? ? ?",
        "0 3 * * *",
        "*/15 0-6 1,15 JAN-MAR sun",
        "0 0 1 1 ?",
        "5/2 1-23/2 ? * 0-6",
        "0 0 31 2 *",
        "59 23 31 12 6",
        "0 0 1 1 0",
    ],
)
def test_five_plain_fields_are_admitted(expression: str) -> None:
    assert accepts(expression)


@pytest.mark.parametrize("descriptor", DESCRIPTORS)
def test_every_descriptor_is_admitted(descriptor: str) -> None:
    assert accepts(descriptor)


@pytest.mark.parametrize("field", FIELDS)
def test_every_value_within_the_bounds_is_admitted(field: str) -> None:
    least, most = BOUNDS[field]
    for value in range(least, most + 1):
        assert accepts(with_field(field, str(value)))
        assert accepts(with_field(field, f"{value}/2"))
        assert accepts(with_field(field, f"{least}-{value}"))
        assert accepts(with_field(field, f"{value}-{most}"))


@pytest.mark.parametrize("field", FIELDS)
def test_a_value_beyond_the_bounds_is_refused_and_the_bounds_are_named(field: str) -> None:
    least, most = BOUNDS[field]
    wrong = ["60", "99", "x", "*5", "**", "1.5", "5L", "W", "L", "5#2", "0x1", "1_0", "\u0665", "\uff15"]
    for value in [*wrong, str(most + 1), *(["0"] if least else [])]:
        if value == "7":
            continue
        quote = f'"{value}"' if value.isascii() else f'"\\u{ord(value):04x}"'
        assert schedule_fault(with_field(field, value)) == f"{field} {quote} is not {ALLOWED[field]}"


def test_a_day_of_week_of_seven_is_refused() -> None:
    expected = 'day of week "7" is not a number from 0 to 6 or a name from SUN to SAT: Sunday is 0'
    assert schedule_fault("0 0 * * 7") == expected


def test_a_day_of_week_of_eight_is_refused_without_a_word_about_sunday() -> None:
    expected = 'day of week "8" is not a number from 0 to 6 or a name from SUN to SAT'
    assert schedule_fault("0 0 * * 8") == expected


def test_a_range_of_days_up_to_seven_is_refused() -> None:
    expected = f'day of week "1-7" has "7", which is not {ALLOWED["day of week"]}: Sunday is 0'
    assert schedule_fault("0 0 * * 1-7") == expected


def test_seven_is_any_other_field_s_number() -> None:
    assert accepts("7 7 7 7 *")


@pytest.mark.parametrize(("field", "names"), [("month", MONTHS), ("day of week", DAYS)])
def test_names_are_admitted_in_any_case_and_in_their_order(field: str, names: list[str]) -> None:
    for index, name in enumerate(names):
        for written in (name, name.upper(), name.title(), name[0] + name[1:].upper()):
            assert accepts(with_field(field, written))
        number = BOUNDS[field][0] + index
        assert accepts(with_field(field, f"{number}-{name}"))
        assert accepts(with_field(field, f"{name}-{number}/2"))
        if name != names[-1]:
            assert not accepts(with_field(field, f"{number + 1}-{name}"))
        if index:
            assert not accepts(with_field(field, f"{name}-{number - 1}"))


@pytest.mark.parametrize("name", ["january", "ja", "jan.", "mon", "\u017fep", "+jan", "JAN\x00"])
def test_other_names_of_a_month_are_refused(name: str) -> None:
    assert not accepts(with_field("month", name))


@pytest.mark.parametrize("name", ["sunday", "su", "jan", "fr\u0131", "\u017fun", "\uff46ri"])
def test_other_names_of_a_day_are_refused(name: str) -> None:
    assert not accepts(with_field("day of week", name))


@pytest.mark.parametrize("field", ["minute", "hour", "day of month"])
def test_a_field_without_names_takes_no_name(field: str) -> None:
    assert not accepts(with_field(field, "mon"))
    assert not accepts(with_field(field, "jan"))


def test_a_capital_i_with_a_dot_is_an_i_as_in_go() -> None:
    assert accepts("* * * * FR\u0130")
    assert accepts("* * * * mon-fr\u0130/2")


@pytest.mark.parametrize("value", ["+5", "05", "+05", "0" * 5000 + "5", "+" + "0" * 5000 + "5"])
def test_a_plus_and_leading_zeros_are_admitted(value: str) -> None:
    assert accepts(with_field("hour", value))
    assert accepts(with_field("hour", f"*/{value}"))
    assert accepts(with_field("hour", f"{value}-{value}"))


@pytest.mark.parametrize("value", ["++5", "+", "5+", "+-5", "+ 5", "5\x00", "\ud800", "9" * 5000])
def test_what_go_reads_as_no_number_is_refused(value: str) -> None:
    assert not accepts(with_field("hour", value))


@pytest.mark.parametrize("value", ["18446744073709551616", "18446744073709551621", "4294967301"])
def test_a_value_that_overflows_does_not_wrap_round(value: str) -> None:
    expected = f'hour "{value}" is not a number from 0 to 23'
    assert schedule_fault(with_field("hour", value)) == expected


def test_a_long_piece_is_cut() -> None:
    expected = f'hour "{"9" * 80}..." is not a number from 0 to 23'
    assert schedule_fault(with_field("hour", "9" * 81)) == expected


@pytest.mark.parametrize("star", ["*", "?"])
@pytest.mark.parametrize("rest", ["-", "-5", "-99", "-x", "--", "-1-2-3", "-\ud800", "-*", "-/1", "-5/100"])
def test_what_follows_a_star_and_a_hyphen_is_not_read(star: str, rest: str) -> None:
    for field in FIELDS:
        assert accepts(with_field(field, star + rest))


@pytest.mark.parametrize("step", ["1", "+1", "01", "59", "60", "1000", "9223372036854775807"])
def test_a_step_from_one_to_the_greatest_number_is_admitted(step: str) -> None:
    for start in ("*", "?", "5", "0-59", "5-5", "*-x"):
        assert accepts(with_field("minute", f"{start}/{step}"))


@pytest.mark.parametrize(
    "step",
    [
        "0",
        "00",
        "+0",
        "-0",
        "-1",
        "",
        "+",
        "x",
        "*",
        "?",
        "1.5",
        "sun",
        "9223372036854775808",
        "18446744073709551617",
        "10000000000000000000",
    ],
)
@pytest.mark.parametrize("field", FIELDS)
def test_any_other_step_is_refused(field: str, step: str) -> None:
    for start in ("*", "?", "1", "1-2"):
        item = f"{start}/{step}"
        expected = f'{field} "{item}" has the step "{step}": write a number from 1 to {BOUNDS[field][1]}'
        assert schedule_fault(with_field(field, item)) == expected


@pytest.mark.parametrize("item", ["1/2/3", "*/1/1", "*//", "//", "1//2", "*-x/1/", "70/x/0"])
def test_two_slashes_are_refused(item: str) -> None:
    expected = f'month "{item}" has more than one slash: write one step, such as "*/5"'
    assert schedule_fault(with_field("month", item)) == expected


@pytest.mark.parametrize("item", ["1-2-3", "1-2-", "1--2", "--", "-1-2", "x-y-z", "1-2-3/2", "1-*-3"])
def test_two_hyphens_are_refused(item: str) -> None:
    expected = f'month "{item}" has more than one hyphen: separate ranges with commas'
    assert schedule_fault(with_field("month", item)) == expected


@pytest.mark.parametrize(
    ("field", "item", "bound"),
    [
        ("minute", "-5", ""),
        ("minute", "5-", ""),
        ("minute", "-", ""),
        ("minute", "1-60", "60"),
        ("minute", "60-61", "60"),
        ("minute", "60/2", "60"),
        ("minute", "5-*", "*"),
        ("minute", "5-?", "?"),
        ("minute", "5-x/2", "x"),
        ("hour", "0-24", "24"),
        ("hour", "24-0", "24"),
        ("hour", "/2", ""),
        ("day of month", "0-31", "0"),
        ("day of month", "1-32", "32"),
        ("day of month", "0/5", "0"),
        ("month", "0-12", "0"),
        ("month", "1-13", "13"),
        ("month", "jan-monday", "monday"),
        ("day of week", "sun-8", "8"),
    ],
)
def test_a_bound_that_is_out_of_place_is_named(field: str, item: str, bound: str) -> None:
    expected = f'{field} "{item}" has "{bound}", which is not {ALLOWED[field]}'
    assert schedule_fault(with_field(field, item)) == expected


@pytest.mark.parametrize(
    ("field", "item", "halves"),
    [
        ("minute", "1-0", "1-59,0-0"),
        ("minute", "59-58", "59-59,0-58"),
        ("hour", "22-5", "22-23,0-5"),
        ("hour", "22-5/2", "22-23,0-5"),
        ("day of month", "31-1", "31-31,1-1"),
        ("month", "nov-feb", "nov-12,1-feb"),
        ("day of week", "FRI-mon", "FRI-6,0-mon"),
        ("day of week", "6-sun", "6-6,0-sun"),
    ],
)
def test_a_range_that_runs_backwards_is_refused_and_split(field: str, item: str, halves: str) -> None:
    expected = f'{field} "{item}" ends before it starts: write two ranges, such as "{halves}"'
    assert schedule_fault(with_field(field, item)) == expected
    assert accepts(with_field(field, halves))


@pytest.mark.parametrize("items", [",", ",,,", "1,", ",1", "1,,2", ",*,", "1,1", "*/2,?,3-4", "1," * 99])
def test_empty_items_of_a_list_are_read_over(items: str) -> None:
    for field in FIELDS:
        assert accepts(with_field(field, items))


@pytest.mark.parametrize(
    ("items", "item"), [("1,60", "60"), ("60,1", "60"), ("1,,60,", "60"), ("*,60", "60"), ("60,61", "60")]
)
def test_one_wrong_item_of_a_list_is_refused_and_named(items: str, item: str) -> None:
    assert schedule_fault(with_field("minute", items)) == f'minute "{item}" is not a number from 0 to 59'


def test_the_first_wrong_field_is_named() -> None:
    assert schedule_fault("0 24 0 13 7") == 'hour "24" is not a number from 0 to 23'


@pytest.mark.parametrize(
    "space",
    [
        *" \t\n\v\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a",
        *"\u2028\u2029\u202f\u205f\u3000",
        "  ",
        " \t\u3000\n",
    ],
)
def test_the_white_space_of_go_parts_fields(space: str) -> None:
    assert accepts(f"1{space}1{space}1{space}1{space}1")
    assert accepts(f"{space}1 1 1 1{space}1{space}")


@pytest.mark.parametrize(
    "space",
    ["\x08", "\x0e", "\x1c", "\x1d", "\x1e", "\x1f", "\x00", "\u180e", "\u200b", "\u2060", "\ufeff", "_"],
)
def test_other_white_space_parts_no_fields(space: str) -> None:
    assert not accepts(f"1{space}1 1 1 1")
    assert not accepts(f"1 1 1 1 1{space}")
    assert accepts(f"*-{space}* * * * *")


@pytest.mark.parametrize(
    ("expression", "written", "count"),
    [
        ("", '""', 0),
        (" \n", '" \\n"', 0),
        ("*", '"*"', 1),
        ("\x00", '"\\u0000"', 1),
        ("\ud800", '"\\ud800"', 1),
        ("0 0 * *", '"0 0 * *"', 4),
        ("0 0 * * * * *", '"0 0 * * * * *"', 7),
        ("daily", '"daily"', 1),
    ],
)
def test_another_number_of_fields_is_refused(expression: str, written: str, count: int) -> None:
    expected = f'{written} has {count} field{"" if count == 1 else "s"}, not 5: write {ORDER}, such as "0 3 * * *"'
    assert schedule_fault(expression) == expected


def test_a_sixth_field_is_taken_for_seconds_or_a_year() -> None:
    expected = f'"0 0 0 * * *" has 6 fields, not 5: write {ORDER}, without seconds or a year'
    assert schedule_fault("0 0 0 * * *") == expected


@pytest.mark.parametrize(("expression", "count"), [(" @daily", 1), (" @every 1h", 2), (" @a b c d e f", 6)])
def test_white_space_before_a_descriptor_is_refused(expression: str, count: int) -> None:
    expected = (
        f'"{expression}" has {count} field{"" if count == 1 else "s"}, not 5: put the @ first, with no space before it'
    )
    assert schedule_fault(expression) == expected


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        ("@Daily", "@daily"),
        ("@HOURLY", "@hourly"),
        ("@weekly ", "@weekly"),
        ("@midnight\t", "@midnight"),
    ],
)
def test_a_descriptor_that_is_nearly_right_is_corrected(expression: str, meant: str) -> None:
    written = expression.replace("\t", "\\t")
    assert schedule_fault(expression) == f'"{written}" is not a known descriptor: write {meant}'


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        ("@", "@"),
        ("@reboot", "@reboot"),
        ("@every", "@every"),
        ("@every5m", "@every5m"),
        ("@EVERY 5m", "@EVERY 5m"),
        ("@every\t5m", "@every\\t5m"),
        ("@daily @daily", "@daily @daily"),
        ("@ * * * *", "@ * * * *"),
        ("@\x00\n\ud800", "@\\u0000\\n\\ud800"),
    ],
)
def test_an_unknown_descriptor_is_refused_with_the_known_ones(expression: str, written: str) -> None:
    known = "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or @every with a duration"
    assert schedule_fault(expression) == f'"{written}" is not a known descriptor: write {known}'


@pytest.mark.parametrize("duration", ["5m", "1h30m", "0", "-0", "+1.5h", "-5m", "1ns", "2562047h"])
def test_every_with_a_duration_of_go_is_admitted_even_below_zero(duration: str) -> None:
    assert accepts(f"@every {duration}")


@pytest.mark.parametrize("duration", ["", " 5m", "5m ", "5", "1h 30m", "2562048h", "@every 5m", "\ud800"])
def test_every_without_a_duration_of_go_is_refused(duration: str) -> None:
    assert not accepts(f"@every {duration}")


def test_the_clause_about_a_duration_is_kept() -> None:
    known = "write ns, us, ms, s, m or h, without spaces; a day is 24h"
    assert schedule_fault("@every 1d") == f'@every "1d" has the unknown unit "d": {known}'


@pytest.mark.parametrize(
    "expression",
    [
        "TZ=UTC 0 0 * * *",
        "CRON_TZ=Asia/Dhaka 0 0 * * *",
        "TZ=UTC @daily",
        "TZ=",
        "TZ=UTC",
        "0 0 * * * TZ",
        "*-TZ * * * *",
        "@every TZ",
    ],
)
def test_a_time_zone_is_refused_wherever_it_stands(expression: str) -> None:
    assert schedule_fault(expression) == f'"{expression}" sets a time zone: remove "TZ=" or "CRON_TZ="'


@pytest.mark.parametrize("expression", ["*-tz * * * *", "*-T * * * *", "*-Z * * * *", "*-T-Z * * * *"])
def test_other_letters_are_no_time_zone(expression: str) -> None:
    assert accepts(expression)


def test_a_time_zone_in_small_letters_is_a_sixth_field() -> None:
    fault = schedule_fault("tz=UTC 0 0 * * *")
    assert fault is not None
    assert "has 6 fields, not 5" in fault


@pytest.mark.parametrize(
    "expression",
    [
        "1," * 200_000 + " * * * *",
        "0" * 1_000_000 + " * * * *",
        "9" * 1_000_000 + " * * * *",
        "*/" + "0" * 1_000_000 + "7 * * * *",
        "-" * 1_000_000 + " * * * *",
        "/" * 1_000_000 + " * * * *",
        "* " * 500_000,
        " " * 1_000_000,
        "@" * 1_000_000,
        "\ud800\n" * 500_000,
        "@every " + "1" * 1_000_000,
        "@every " + "." * 1_000_000,
        "@every 1" + " " * 1_000_000,
        "@every 0." + "0" * 1_000_000 + "s",
        "@every " + "1ns" * 100_000,
    ],
    ids=range(15),
)
def test_a_megabyte_is_read_in_linear_time_and_never_echoed(expression: str) -> None:
    started = time.thread_time()
    fault = schedule_fault(expression) or ""
    assert time.thread_time() - started < 10, "quadratic time is hours"
    assert len(fault) < 700
    assert fault.isascii()
    assert fault.isprintable()
