"""`make bench` measures speeds: that it divides, compares and writes down what it measured is tested here."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench import page, plots, profile, ratios
from bench.result import Bars, Line, Plot, Section, Table, number
from bench.servers import OURS, SUBJECTS, serving
from bench.setting import CHECK, QUICK, WHOLE, Setting
from bench.throughput import spread_of
from proof import machine
from proof.stage import issue
from testbed.patience import eventually

GO = "calls/s against Go, controller-runtime: /mutate, 2 members"
MEMORY = "MB of memory at the start"
MEASURED = {
    "rate/mutate/2/8/ours": [2600.0, 2400.0, 2500.0],
    "rate/mutate/2/8/controllerruntime": [1300.0, 1200.0, 2500.0],
    "memory/start/ours": [91.0],
}


def target(name: str) -> ratios.Target:
    (found,) = [each for each in ratios.TARGETS if each.name == name]
    return found


# --- Ratios.


def test_a_ratio_is_the_median_of_what_was_measured_in_the_same_round() -> None:
    assert target(GO).value(MEASURED) == 2.0


def test_a_ratio_of_different_numbers_of_rounds_is_that_of_the_medians() -> None:
    assert target(GO).value({**MEASURED, "rate/mutate/2/8/controllerruntime": [1000.0]}) == 2.5


def test_a_figure_may_be_bound_by_itself() -> None:
    assert target(MEMORY).value(MEASURED) == 91.0


@pytest.mark.parametrize("lacking", list(MEASURED))
def test_what_was_not_measured_has_no_ratio(lacking: str) -> None:
    figures = {name: values for name, values in MEASURED.items() if name != lacking}
    assert len(ratios.values(figures)) == 1


@pytest.mark.parametrize(
    ("name", "value", "holds"), [(GO, 1.2, True), (GO, 1.19, False), (MEMORY, 90, True), (MEMORY, 90.1, False)]
)
def test_a_bound_itself_holds(name: str, value: float, holds: bool) -> None:
    assert target(name).holds(value) is holds
    assert bool(ratios.missed({name: value})) is not holds


def test_a_missed_target_is_named_with_what_was_wanted() -> None:
    assert ratios.missed({GO: 1.1}) == [f"{GO}: 1.10, wanted at least 1.2"]


@pytest.mark.parametrize(("name", "before", "now", "is_worse"), [
    (GO, 2.0, 1.71, False),
    (GO, 2.0, 1.69, True),
    (GO, 2.0, 9.0, False),
    (MEMORY, 80, 91.9, False),
    (MEMORY, 80, 92.1, True),
    (MEMORY, 80, 10, False),
])  # fmt: skip
def test_worse_by_more_than_15_percent_is_said_and_nothing_else(
    name: str, before: float, now: float, is_worse: bool
) -> None:
    assert bool(ratios.worsened({name: now}, {name: before})) is is_worse


def test_what_got_worse_is_said_with_both_values() -> None:
    assert ratios.worsened({GO: 1.5}, {GO: 2.0}) == {target(GO): f"{GO}: 1.50, was 2.00, worse by 25%"}


def test_calls_a_second_are_also_compared_by_cpu() -> None:
    cpu = {"cpu/mutate/2/8/ours": [100.0, 110.0], "cpu/mutate/2/8/controllerruntime": [300.0, 330.0]}
    assert ratios.values_by_cpu({**MEASURED, **cpu}) == {GO: 3.0}


def test_ratios_of_which_one_run_knows_nothing_are_not_compared() -> None:
    assert ratios.worsened({GO: 0.1}, {MEMORY: 1.0}) == {}


def test_every_target_says_which_part_measures_it() -> None:
    assert {each.part for each in ratios.TARGETS} <= set(bench.COMPARED)


def test_every_target_has_a_name_and_figures_of_its_own() -> None:
    assert len({each.name for each in ratios.TARGETS}) == len(ratios.TARGETS)
    assert len({(each.above, each.below) for each in ratios.TARGETS}) == len(ratios.TARGETS)


@pytest.mark.parametrize(("below", "bounds"), [
    ("controllerruntime", {2: 1.2, 50: 2.0, 500: 2.0}),
    ("nethttp", {2: 1.0, 50: 1.5, 500: 1.5}),
    ("kopf", {2: 6, 50: 10, 500: 10}),
    ("usual", {2: 6, 50: 10, 500: 10}),
    ("floor", {2: 0.4}),
])  # fmt: skip
def test_both_webhooks_are_to_be_ahead_of_each_peer_at_each_size(below: str, bounds: dict[int, float]) -> None:
    found = {each.above: each.bound for each in ratios.TARGETS if each.below and each.below.endswith(f"/8/{below}")}
    wanted = {
        f"rate/{webhook}/{size}/8/ours": bound for size, bound in bounds.items() for webhook in ("mutate", "validate")
    }
    assert found == wanted
    assert below in {subject.key for subject in SUBJECTS}


def test_the_other_targets_are_about_tails_growth_inventory_creates_memory_and_start() -> None:
    others = [each for each in ratios.TARGETS if not each.above.startswith("rate/")]
    bounds = {(each.above.split("/")[0], each.at_least, each.bound) for each in others}
    assert bounds == {
        ("p99", False, 4), ("cpu", False, 11), ("inventory", False, 1.2), ("inventory", False, 1.1),
        ("creates", True, 0.95), ("memory", False, 90), ("memory", False, 1.1), ("start", False, 3),
    }  # fmt: skip


def test_what_is_compared_measures_all_that_targets_are_about() -> None:
    assert {2, 50, 500} <= set(CHECK.sizes) <= set(WHOLE.sizes)
    assert 8 in CHECK.connections
    assert {0, 100_000} <= set(CHECK.inventory) <= set(WHOLE.inventory)
    assert 16 in CHECK.clients
    assert WHOLE.rounds >= 5
    assert set(bench.COMPARED) <= set(bench.PARTS)


def test_stored_ratios_are_read_again(tmp_path: Path) -> None:
    ratios.store({GO: 1.23456}, [("cores", "2")], tmp_path / "new" / "ratios.json")
    assert ratios.stored(tmp_path / "new" / "ratios.json") == {GO: 1.235}
    assert json.loads((tmp_path / "new" / "ratios.json").read_text())["measured on"] == {"cores": "2"}


@pytest.mark.parametrize("text", [None, "", "[]", '{"ratios": {"a": "b"}}', '{"ratios": null}'])
def test_where_nothing_is_stored_it_is_said_how_to_store_it(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "ratios.json").write_text(text)
    with pytest.raises(ratios.NoRatios, match=r"ratios\.json is not .*(`make bench`|run that again)"):
        ratios.stored(tmp_path / "ratios.json")


# --- Figures and the page.


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (0.0123, "0.012"), (0.99961, "1.00"), (1.234, "1.23"), (9.996, "10.0"), (12.34, "12.3"), (99.96, "100"),
    (12345.6, "12,346"),
])  # fmt: skip
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_the_spread_is_half_of_what_lies_between_the_extremes() -> None:
    assert spread_of([90.0, 100.0, 120.0]) == 0.15


PLOT = Plot("members", "A decision", "members", "µs", [Line("/mutate", [(10, 100.0), (5000, 40_000.0)])])
BARS = Bars("calls", "Calls a second", "calls/s", ("2", "50"), {"/mutate": {"ours": [9.0, 3.0], "kopf": [1.0, 0.2]}})


def section(**figures: list[float]) -> Section:
    table = Table(("server", "calls/s"), [("this | server", "2,500")])
    return Section("Calls", "How it is done.", [table], [PLOT], ["A remark."], {**MEASURED, **figures})


def rendered(seen: dict[str, float], by_cpu: dict[str, float] | None = None, whole: bool = True) -> str:
    when = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    return page.render([section()], seen, by_cpu or {}, [("cores", "2")], when, whole)


def test_the_page_says_that_all_targets_are_met() -> None:
    text = rendered({GO: 1.3})
    assert "All 1 are met." in text
    assert f"| {GO} | 1.30 |  | at least 1.2 | yes |" in text
    assert "Measured on 2026-01-02" in text
    assert "shorter run" not in text


def test_the_page_hides_no_miss() -> None:
    text = rendered({GO: 1.1, MEMORY: 80.0}, {GO: 1.3})
    assert "**1 of 2 are missed.**" in text
    assert f"| {GO} | 1.10 | 1.30 | at least 1.2 | **no** |" in text


def test_the_page_shows_tables_pictures_and_remarks() -> None:
    text = rendered({})
    assert "## Calls\n\nHow it is done.\n\n![A decision](benchmarks/members.svg)" in text
    assert "| server | calls/s |\n|---|---:|\n| this \\| server | 2,500 |\n\nA remark." in text
    assert "## Targets" not in text


def test_a_part_of_a_run_says_so() -> None:
    assert "a part of the measurements" in rendered({}, whole=False)


@pytest.mark.parametrize("picture", [PLOT, BARS])
def test_the_same_figures_make_the_same_picture(picture: Plot | Bars, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra `tools`")
    drawn = []
    for _ in range(2):
        plots.draw(picture, tmp_path)
        drawn.append((tmp_path / f"{picture.file}.svg").read_text())
    assert drawn[0] == drawn[1]
    assert picture.title in drawn[0]
    assert "<dc:date>" not in drawn[0]


# --- The profile.


def test_a_look_counts_for_the_layer_of_the_innermost_frame_that_has_one(tmp_path: Path) -> None:
    source = tmp_path / "httptools_impl.py"
    source.write_text("a line\nself.transport.write(data)\n")
    start = "main (/x/app/serving.py:1);run (/lib/asyncio/runners.py:2)"
    rule = "validate (/x/app/admission.py:4);unique_alias (/x/app/rules/a.py:5);<genexpr> (?:0)"
    found = profile.layers([
        f"{start} 5",
        f"{start};read (/lib/ssl.py:921) 4",
        f"{start};_answer (/x/app/server.py:3);{rule} 3",
        f"{start};_answer (/x/app/server.py:3);parse (/x/app/review.py:4);dumps (/lib/json/encoder.py:1) 2",
        f"{start};_answer (/x/app/server.py:3);send (/x/uvicorn/../{source.name}:1);write ({source}:2) 1",
    ])  # fmt: skip
    assert found == {
        "event loop, and receiving": 5, "TLS": 4, "rules": 3, "JSON and the envelope": 2, "sending: TLS and socket": 1,
    }  # fmt: skip


def test_a_profile_that_saw_nothing_is_none() -> None:
    with pytest.raises(profile.NoProfile):
        profile.layers([])


# --- The servers.


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core for the server, one for the load")
def test_a_server_that_is_measured_runs_on_one_core_and_tells_what_it_uses(tmp_path: Path) -> None:
    certificates, _ = issue(tmp_path)
    before = os.sched_getaffinity(0)
    with serving((OURS,), {}, certificates, tmp_path) as (server,):
        assert os.sched_getaffinity(server.pid) == {min(before)}
        assert 0 < server.cpu < 60
        assert 20 < server.memory() <= server.memory("VmHWM")
        eventually(lambda: '"decided"' in server.log.read_text())  # the line comes after the answer
    assert not server.running
    assert os.sched_getaffinity(0) == before


# --- The command.


DEFAULTS: dict[str, Any] = {
    "only": "", "rounds": None, "seconds": None, "quick": False, "check": False, "before": None,
}  # fmt: skip


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Run the command with made-up parts; what it writes goes to a folder."""
    monkeypatch.setattr(bench, "_prepare", lambda _: {"controllerruntime": Path("none")})
    monkeypatch.setattr(bench, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(bench, "PICTURES", tmp_path / "benchmarks")
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    monkeypatch.setattr(plots, "draw", lambda picture, folder: (folder / f"{picture.file}.svg").touch())
    monkeypatch.setattr(ratios.store, "__defaults__", (tmp_path / "ratios.json",))
    monkeypatch.setattr(ratios.stored, "__defaults__", (tmp_path / "ratios.json",))

    def run(part: Callable[[Setting], Section] = lambda _: section(), **options: Any) -> int:
        monkeypatch.setattr(bench, "PARTS", {"throughput": part, "memory": lambda _: Section("Memory", "")})
        monkeypatch.setattr(bench, "COMPARED", ("throughput",))
        with pytest.raises(SystemExit) as ended:
            bench.main(**{**DEFAULTS, **options})
        return int(str(ended.value.code))

    return run


def test_a_whole_run_writes_page_pictures_and_ratios_and_names_the_targets_that_it_misses(
    told: Callable[..., int], tmp_path: Path, capsys: Any
) -> None:
    assert told() == 0
    assert "**1 of 2 are missed.**" in (tmp_path / "benchmarks.md").read_text()
    assert (tmp_path / "benchmarks" / "members.svg").exists()
    assert ratios.stored(tmp_path / "ratios.json") == {GO: 2.0, MEMORY: 91.0}
    assert f"target missed: {MEMORY}: 91.00, wanted at most 90" in capsys.readouterr().err


@pytest.mark.parametrize("options", [{"only": "throughput"}, {"quick": True}, {"rounds": 1}, {"seconds": 0.1}])
def test_a_part_of_a_run_is_printed_and_stores_nothing(
    told: Callable[..., int], options: dict[str, Any], tmp_path: Path, capsys: Any
) -> None:
    assert told(**options) == 0
    assert "# Benchmarks" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_cannot_be_measured_fails_the_run_and_nothing_is_stored(
    told: Callable[..., int], tmp_path: Path, capsys: Any
) -> None:
    def broken(_: Setting) -> Section:
        raise ExceptionGroup("tasks", [RuntimeError(f"3 of 10 calls failed, see {tmp_path}/log")])

    assert told(broken) == 1
    assert (
        "throughput could not be measured: RuntimeError: 3 of 10 calls failed, see .../log" in capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("before", "code"), [({GO: 2.1, MEMORY: 90}, 0), ({GO: 2.6, MEMORY: 90}, 1)])
def test_a_check_fails_where_a_ratio_got_worse(
    told: Callable[..., int], before: dict[str, float], code: int, tmp_path: Path, capsys: Any
) -> None:
    ratios.store(before, [], tmp_path / "ratios.json")
    assert told(check=True) == code
    said = capsys.readouterr()
    assert f"2 ratios compared, medians of few rounds; {code} worse by more than 15%" in said.out
    assert (f"{GO}: 2.00, was 2.60, worse by 23%" in said.err) is bool(code)
    assert ratios.stored(tmp_path / "ratios.json") == before


def test_a_check_without_anything_to_compare_with_says_so_at_once(told: Callable[..., int], capsys: Any) -> None:
    assert told(check=True) == 2
    assert "`make bench` writes it" in capsys.readouterr().err


def test_an_unknown_part_is_refused(told: Callable[..., int], capsys: Any) -> None:
    assert told(only="througput") == 2
    assert "there are throughput, memory" in capsys.readouterr().err


def test_a_quick_run_is_no_whole_run() -> None:
    assert QUICK != WHOLE != CHECK
