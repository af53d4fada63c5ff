"""The entries' graphs, pictures, numbers and reports, each made once for all tests.

They are made on the CPU, so that the numbers are the same on every machine.
"""

from __future__ import annotations

import contextlib
import io
import runpy
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from graphviz_autograd import Graph, Report
from graphviz_autograd.cli.checking import Examination
from graphviz_autograd.errors import OptionError
from graphviz_autograd.gallery import build, entries
from graphviz_autograd.gallery.entries import Entry
from graphviz_autograd.script import Engine, Program, run

browser = runpy.run_path(str(Path(__file__).parents[1] / "viewer" / "conftest.py"))["browser"]
"""The viewer's tests drive the same Chromium."""

ENTRIES = {entry.name: entry for entry in entries.find()}
SVG = "{http://www.w3.org/2000/svg}"
COLOURS = {
    "lightblue": "blue",
    "#add8e6": "blue",
    "lightgrey": "grey",
    "#d3d3d3": "grey",
    "darkolivegreen1": "green",
    "#caff70": "green",
    "orange": "orange",
    "#fdf0c8": "yellow",
    "#c3e6a8": "matched",
    "#ff7b6b": "failed",
}
"""What people call the colours that Graphviz writes."""


@contextlib.contextmanager
def on_the_cpu() -> Iterator[io.StringIO]:
    """Nothing knows of a CUDA device; gives what is printed meanwhile."""
    with (
        mock.patch("torch.cuda.is_available", return_value=False),
        contextlib.redirect_stdout(io.StringIO()) as printed,
    ):
        yield printed


class Gallery:
    """All that can be asked of the entries, by their names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: dict[str, Entry] = ENTRIES
        for made_once in ("ran", "svg", "end", "report"):
            setattr(self, made_once, cache(getattr(self, made_once)))

    def ran(self, name: str, engine: Engine = "torch") -> tuple[Graph, str]:
        """The entry run to its end: the graph that is drawn, and what it printed."""
        entry = self.entries[name]
        with on_the_cpu() as printed:
            program = Program("file", str(entry.path))
            outcome = run(program, engine=engine, roots=entry.roots, keep_going=True)
        assert outcome.exit_code == 0, outcome
        assert outcome.graph is not None
        return outcome.graph, printed.getvalue()

    def graph(self, name: str, engine: Engine = "torch") -> Graph:
        return self.ran(name, engine)[0]

    def printed(self, name: str, engine: Engine = "torch") -> str:
        return self.ran(name, engine)[1]

    def end(self, name: str) -> dict[str, Any]:
        """The variables that `python gallery/NAME.py` ends with."""
        with on_the_cpu():
            return runpy.run_path(str(self.entries[name].path), run_name="__main__")

    def report(self, name: str) -> Report:
        """What `gva verify` finds."""
        entry = self.entries[name]
        examination = Examination()
        with on_the_cpu():
            run(Program("file", str(entry.path)), roots=entry.roots, examiner=examination)
        assert examination.report is not None, examination.failure
        return examination.report

    def svg(self, name: str) -> ET.ElementTree:
        """The picture, drawn as `gva gallery` draws it."""
        entry = self.entries[name]
        graph = self.report(name).graph if entry.fails else self.graph(name)
        build.picture(entry, graph, self.folder / f"{name}.svg")
        return ET.parse(self.folder / f"{name}.svg")

    def boxes(self, name: str) -> Counter[tuple[str, str]]:
        """(first line of the label, colour) of each box in the picture."""
        found: Counter[tuple[str, str]] = Counter()
        for group in self.svg(name).iter(f"{SVG}g"):
            if group.get("class") == "node":
                shape = group.find(f".//{SVG}polygon")
                assert shape is not None
                colour = COLOURS.get(shape.get("fill", ""), shape.get("fill", ""))
                found[_text(group), colour] += 1
        return found

    def frames(self, name: str) -> list[str]:
        """The titles of the frames in the picture."""
        titles = self.svg(name).iterfind(f".//{SVG}g[@id='frame-titles']/{SVG}text")
        return [(text.text or "").replace("\xa0", " ") for text in titles]

    def labels(self, name: str) -> list[str]:
        """All that boxes say, a line each."""
        return [(text.text or "").strip() for text in self.svg(name).iter(f"{SVG}text")]

    def arrows(self, name: str) -> Counter[tuple[str, str]]:
        """From which op to which op gradients flow, and along how many arrows."""
        graph = self.graph(name)
        nodes = graph.by_id()
        return Counter(
            (nodes[edge.source].op, nodes[edge.target].op)
            for edge in graph.edges
            if edge.kind == "grad"
        )

    def leaves(self, name: str) -> set[str]:
        """The names of the leaves."""
        return {", ".join(node.names) for node in self.graph(name).nodes if node.kind == "leaf"}

    def leads(self, name: str, source: str, target: str) -> bool:
        """Whether gradients find a way from the one called `target` back to `source`."""
        try:
            return bool(self.graph(name).between(source, target).edges)
        except OptionError as error:
            if "there is no way" not in str(error):
                raise
            return False


def _text(group: ET.Element) -> str:
    label = group.find(f".//{SVG}text")
    return (label.text or "").strip() if label is not None else ""


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return Gallery(tmp_path_factory.mktemp("gallery"))


# ---- in a browser


@pytest.fixture
def quiet_page(browser: Any) -> Callable[..., AbstractContextManager[Any]]:
    """Opens a page, which may say nothing to the console and ask for nothing but files.

    What it takes are options of Playwright's `new_page`.
    """

    @contextlib.contextmanager
    def opened(**options: Any) -> Iterator[Any]:
        page = browser.new_page(**options)
        page.set_default_timeout(20_000)
        problems: list[str] = []
        page.on("console", lambda said: problems.append(said.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda asked: problems.append(asked.url) if _far(asked.url) else None)
        yield page
        page.close()
        assert problems == []

    return opened


def _far(url: str) -> bool:
    return not url.startswith(("file:", "blob:"))
