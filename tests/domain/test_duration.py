import pytest

from app.domain.duration import natural, parse_duration
from app.domain.quoting import quoted

MOST = 2**63 - 1
HOUR = 3600 * 10**9
WRITE = 'write numbers with units, such as "1h30m" or "45s"'
TOO_LONG = "is too long for 64 bits of nanoseconds: write at most 2562047h"


def fault(text: str) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_duration(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1ns", 1),
        ("1us", 1_000),
        ("1\u00b5s", 1_000),
        ("1\u03bcs", 1_000),
        ("1ms", 1_000_000),
        ("1s", 1_000_000_000),
        ("1m", 60_000_000_000),
        ("1h", 3_600_000_000_000),
    ],
)
def test_every_unit_of_go_counts_its_nanoseconds(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("+0", 0),
        ("-0", 0),
        ("0s", 0),
        ("00s", 0),
        ("+5s", 5 * 10**9),
        ("-5s", -5 * 10**9),
        ("-1.5h", -HOUR - HOUR // 2),
        ("1h30m", HOUR + HOUR // 2),
        ("30m1h", HOUR + HOUR // 2),
        ("1s1s", 2 * 10**9),
        ("1h2m3s4ms5us6ns", 3_723_004_005_006),
        ("0123456789ns", 123456789),
        ("-1ns1ns", -2),
    ],
)
def test_signs_and_terms_add_up(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1.5s", 1_500_000_000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("1.25m", 75 * 10**9),
        ("0.5ns", 0),
        ("1.9ns", 1),
        ("0.1h", 360 * 10**9),
        ("0.000000001s", 1),
        ("0.0000000001s", 0),
        ("1.0s", 1_000_000_000),
        (".5s.5s", 1_000_000_000),
        ("0.3333333333333333333h", 1_200_000_000_000),
        ("0.100000000000000000000h", 360 * 10**9),
        ("0.830103483285477580700h", 2_988_372_539_827),
    ],
)
def test_a_fraction_counts_down_to_the_nanosecond(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0.9223372036854775807h", 3_320_413_933_267),
        ("0.9223372036854775808h", 3_320_413_933_267),
        ("0.9223372036854775809h", 3_320_413_933_267),
        ("0.92233720368547758079h", 3_320_413_933_267),
        ("0.92233720368547758089999999999999999999h", 3_320_413_933_267),
        ("0." + "9" * 5000 + "s", 1_000_000_000),
        ("0." + "0" * 5000 + "9s", 0),
    ],
)
def test_digits_beyond_the_precision_are_read_over(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("9223372036854775807ns", MOST),
        ("9223372036854775.807us", MOST),
        ("9223372036s854775807ns", MOST),
        ("2562047h47m16.854775807s", MOST),
        ("-2562047h47m16.854775807s", -MOST),
        ("-9223372036854775808ns", -(2**63)),
        ("-9223372036854775807ns1ns", -(2**63)),
        ("-9223372036854775.808us", -(2**63)),
        ("2562047h", 2562047 * HOUR),
        ("153722867m", 153722867 * 60 * 10**9),
        ("00000000000000000000000000000000001s", 10**9),
        ("0" * 5000 + "1s", 10**9),
    ],
)
def test_64_bits_are_used_to_the_full(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "9223372036854775808ns",
        "+9223372036854775808ns",
        "9223372036854775807ns1ns",
        "9223372036854775.808us",
        "-9223372036854775809ns",
        "-9223372036854775808ns1ns",
        "-9223372036854775.809us",
        "9223372036854775.809us9223372036854775.807us",
        "-9223372036854775.809us9223372036854775.807us",
        "9223372036854776us",
        "2562048h",
        "-2562048h",
        "153722868m",
        "10000000000000000000ns",
        "99999999999999999999ns",
        "18446744073709551616ns",
        "18446744073709551617ns",
        "5000000000000000000ns5000000000000000000ns",
    ],
)
def test_more_than_64_bits_are_refused(text: str) -> None:
    assert fault(text) == f"{quoted(text)} {TOO_LONG}"


def test_a_number_of_any_length_is_refused_and_not_a_crash() -> None:
    assert fault("9" * 5000 + "s") == f'"{"9" * 80}..." {TOO_LONG}'


@pytest.mark.parametrize("sign", ["", "+", "-"])
def test_the_one_sum_that_wraps_round_in_go_wraps_round_here(sign: str) -> None:
    assert parse_duration(f"{sign}9223372036854775808ns9223372036854775808ns") == 0
    assert parse_duration(f"{sign}9223372036854775808ns9223372036854775808ns7ns") == int(f"{sign}7")


@pytest.mark.parametrize("text", ["", "+", "-"])
def test_a_text_without_a_number_is_refused(text: str) -> None:
    assert fault(text) == f'"{text}" has no number: {WRITE}'


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("h", "h"),
        ("--1s", "-1s"),
        ("+-0", "-0"),
        (" 1h", " 1h"),
        (".", "."),
        ("-.s", ".s"),
        ("..5s", "..5s"),
        ("1h.", "."),
        ("1h..5s", "..5s"),
        ("\u0661s", "\\u0661s"),
        ("\uff11s", "\\uff11s"),
        ("\n1s", "\\n1s"),
        ("\ud800", "\\ud800"),
    ],
)
def test_a_term_without_a_number_is_refused(text: str, rest: str) -> None:
    assert fault(text) == f'{quoted(text)} has "{rest}" where a number is expected: {WRITE}'


@pytest.mark.parametrize("text", ["10", "1", "00", "0.0", "1.", ".5", "1h30", "-3", "1.5.5s", "1.5.s"])
def test_a_number_without_a_unit_is_refused(text: str) -> None:
    assert fault(text) == f'"{text}" has a number without a unit: {WRITE}'


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("3d", "d"),
        ("1w", "w"),
        ("1y", "y"),
        ("1H", "H"),
        ("1S", "S"),
        ("1h 30m", "h "),
        ("1 h", " h"),
        ("1h\n", "h\\n"),
        ("1h\x00", "h\\u0000"),
        ("1\u00b5", "\\u00b5"),
        ("1hour", "hour"),
        ("1m-1s", "m-"),
        ("1h+30m", "h+"),
        ("1,5h", ","),
        ("1_0s", "_"),
        ("1e3s", "e"),
        ("1\u0661s", "\\u0661s"),
    ],
)
def test_an_unknown_unit_is_refused_and_named(text: str, unit: str) -> None:
    known = "write ns, us, ms, s, m or h, without spaces; a day is 24h"
    assert fault(text) == f'{quoted(text)} has the unknown unit "{unit}": {known}'


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", '""'),
        ('a"b\\', '"a\\"b\\\\"'),
        ("\x00\n\x7f\x85\u2028\u202e\ud800", '"\\u0000\\n\\u007f\\u0085\\u2028\\u202e\\ud800"'),
        ("x" * 80, f'"{"x" * 80}"'),
        ("x" * 80 + "y", f'"{"x" * 80}..."'),
        ("x" * 80 + "yz", f'"{"x" * 80}..."'),
    ],
)
def test_a_quoted_text_is_short_printable_ascii(text: str, written: str) -> None:
    assert quoted(text) == written


@pytest.mark.parametrize(
    ("digits", "value"),
    [
        ("0", 0),
        ("", 0),
        ("000", 0),
        ("007", 7),
        ("700", 700),
        ("9223372036854775807", MOST),
        ("18446744073709551615", 2**64 - 1),
        ("000009223372036854775808", 2**63),
    ],
)
def test_digits_that_64_bits_hold_keep_their_value(digits: str, value: int) -> None:
    assert natural(digits) == value


@pytest.mark.parametrize("digits", ["1" + "0" * 19, "1" + "0" * 20, "1" * 5000, "0" * 9 + "9" * 10**6])
def test_digits_that_64_bits_do_not_hold_stay_out_of_reach(digits: str) -> None:
    assert natural(digits) >= 10**19
