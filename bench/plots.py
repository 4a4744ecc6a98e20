"""Pictures of figures, as SVG: the same bytes for the same figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.result import Bars, Plot

_SIZE = (8.0, 4.2)
"""Inches."""


def draw(picture: Plot | Bars, folder: Path) -> None:
    """Write a picture into a folder."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    settings = {"svg.hashsalt": picture.file, "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
    with mpl.rc_context(settings):
        figure = _lines(plt, picture) if isinstance(picture, Plot) else _bars(plt, picture)
        figure.savefig(folder / f"{picture.file}.svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
        plt.close(figure)


def _lines(plt: Any, plot: Plot) -> Any:
    figure, axes = plt.subplots(figsize=_SIZE)
    for line in plot.lines:
        axes.plot(*zip(*line.points, strict=True), marker="o", label=line.name)
    axes.set_xscale("log")
    axes.set(title=plot.title, xlabel=plot.across, ylabel=plot.up)
    if plot.flat:
        axes.set_ylim(bottom=0)
    else:
        axes.set_yscale("log")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    return figure


def _bars(plt: Any, bars: Bars) -> Any:
    figure, panels = plt.subplots(1, len(bars.panels), figsize=_SIZE, sharey=True, squeeze=False)
    for axes, (title, values) in zip(panels[0], bars.panels.items(), strict=True):
        width = 0.85 / len(values)
        for index, (name, heights) in enumerate(values.items()):
            axes.bar([group + index * width for group in range(len(heights))], heights, width, label=name)
        axes.set_yscale("log")
        axes.set_ylim(bottom=1)
        axes.set_xticks([group + width * (len(values) - 1) / 2 for group in range(len(bars.groups))], bars.groups)
        axes.set_title(title)
        axes.grid(visible=True, axis="y", alpha=0.3)
    panels[0][0].set_ylabel(bars.up)
    figure.suptitle(bars.title)
    handles, names = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="lower center", ncols=4, bbox_to_anchor=(0.5, -0.12))
    return figure
