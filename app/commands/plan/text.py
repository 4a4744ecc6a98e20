"""Plans for people: on a terminal the waves from left to right, otherwise lines."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.commands.plan.planner import HostRestore, Plan, Step
from app.commands.terminal.door import Door
from app.domain.quoting import printable

_MIN_WAVE_COLUMNS = 30
"""The least columns of a wave; more waves than fit beside each other go into the next row."""
_MAX_NAMED_HOSTS = 4


def show(plans: list[Plan], console: Door) -> None:
    """Print the plans."""
    for number, plan in enumerate(plans):
        if number:
            console.say("")
        if console.is_terminal:
            console.print(Text(heading(plan), style="bold"), soft_wrap=True)
            for row in _rows(plan, max(console.width // (_MIN_WAVE_COLUMNS + 3), 1)):
                console.print(row)
        else:
            for line in lines(plan):
                console.say(line)
        for line in in_time(plan, pictured=console.is_terminal):
            console.say(line)


def heading(plan: Plan) -> str:
    """`backup.yaml: BackupBatch demo/shop, repository gcs-repo, Sequential: 2 waves`."""
    name = "/".join(filter(None, (plan.namespace, plan.name)))
    count = f"{len(plan.waves)} wave{'' if len(plan.waves) == 1 else 's'}"
    repository = f"repository {plan.repository}" if plan.repository else "no repository"
    refused = "; the server would refuse it: run `stash-admission check` to see why" if plan.refused else ""
    return printable(f"{plan.file}: {f'{plan.kind} {name}'.rstrip()}, {repository}, {plan.order}: {count}{refused}")


def lines(plan: Plan) -> Iterator[str]:
    """The plan in lines."""
    yield heading(plan)
    for number, wave in enumerate(plan.waves, 1):
        yield f"  wave {number}"
        for step in wave:
            first, *rest = _step(step)
            yield f"    members[{step.number}] {first}"
            yield from (f"      {line}" for line in rest)


def in_time(plan: Plan, *, pictured: bool = False) -> Iterator[str]:
    """When a backup runs next, and what each host will have; with a picture of the year if there is room for one."""
    if plan.forecast is None:
        return
    runs = ", ".join(f"{each:%Y-%m-%d %H:%M}" for each in plan.forecast.next_runs)
    yield printable(
        f"  schedule {plan.schedule}: next runs {runs} UTC" if runs else f"  schedule {plan.schedule}: no runs"
    )
    for each in plan.forecast.horizons:
        count = f"{each.snapshots} snapshot{'' if each.snapshots == 1 else 's'}"
        oldest = f", the oldest of {each.oldest:%Y-%m-%d %H:%M} UTC" if each.oldest else ""
        yield f"  after {each.days:3} days each host has, of each path, {count}{oldest}"
    if pictured and plan.forecast.horizons:
        yield f"  a year from now, week by week: {_picture(plan.forecast.horizons[-1].weeks)} (each bar: {_SCALE})"


_BARS = "·▁▂▃▄▅▆▇█"
_SCALE = "none, 1, 2 to 3, and so on to 128 or more snapshots"


def _picture(weeks: tuple[int, ...]) -> str:
    """The weeks of a year, the latest on the right: the bar is as high as the number has binary digits."""
    return "".join(_BARS[min(count.bit_length(), len(_BARS) - 1)] for count in weeks)


def _step(step: Step) -> Iterator[str]:
    yield printable(f"{step.target}: {_hosts(step)}")
    for fed in step.fed:
        yield restored(step, fed)


def restored(step: Step, fed: HostRestore, *, short: bool = False) -> str:
    """All that is said of a host of a step; in `short` without the path of the rule's target."""
    others = "every other " if fed.host == step.host and len(step.fed) > 1 else ""
    return printable(f"{others}{described(fed, short=short)}{unwritten(fed)}")


def _hosts(step: Step) -> str:
    if step.host is None:
        return "no host in restic"
    if step.hosts is None or step.hosts == (step.host,):
        return f"host {step.host}"
    named = step.hosts
    if len(named) > _MAX_NAMED_HOSTS:
        named = (*named[: _MAX_NAMED_HOSTS - 2], "…", named[-1])
    return f"hosts {step.host} ({', '.join(named) or 'none'})"


def unwritten(fed: HostRestore) -> str:
    """What is to be said of a source that no backup writes."""
    return "" if fed.written is not False else f"; no backup writes under {fed.source} to this repository"


def described(fed: HostRestore, *, short: bool = False) -> str:
    """What is restored for a host: `app-3 ← /source/data of app-1 (spec.target.rules[0])`; in `short`, `(rules[0])`."""
    if fed.restores == "nothing":
        return f"{fed.host} ← nothing: no rule applies to it"
    by = f" ({fed.rule.rpartition('.')[2] if short else fed.rule})" if fed.rule else ""
    if fed.restores == "snapshots":
        return f"{fed.host} ← snapshots {', '.join(fed.snapshots)}{by}"
    what = ", ".join(fed.paths) if fed.paths else "everything"
    return f"{fed.host} ← {what} of {fed.source}{by}"


def _rows(plan: Plan, fitting: int) -> Iterator[RenderableType]:
    """The waves in rows, an arrow between each and the next."""
    for start in range(0, len(plan.waves), fitting):
        row = Table.grid(padding=(0, 0))
        cells: list[RenderableType] = []
        for number, wave in enumerate(plan.waves[start : start + fitting], start):
            row.add_column(vertical="middle")
            row.add_column()
            cells += [Text(" → " if number else "   ", style="bold cyan"), _panel(number + 1, wave)]
        row.add_row(*cells)
        yield row


def _panel(number: int, wave: tuple[Step, ...]) -> Panel:
    lines: list[RenderableType] = []
    for step in wave:
        lines += [Text(printable(step.target), style="bold"), _line(_hosts(step))]
        for fed in step.fed:
            style = "red" if fed.restores == "nothing" or fed.written is False else "dim"
            lines.append(_line(restored(step, fed, short=True), style))
    return Panel(Group(*lines), title=f"wave {number}", title_align="left", border_style="cyan", expand=False)


def _line(text: str, style: str = "") -> Padding:
    return Padding(Text(printable(text), style=style, overflow="fold"), (0, 0, 0, 2))
