"""The page as a file: whole, alone, and the same every time."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import subprocess
import sys
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.emit import html
from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Edge, Graph, ModuleCall, Node

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
VIEWER = files("graphviz_autograd").joinpath("viewer")
SMALL = Graph(
    [Node(0, "leaf", names=("w",)), Node(1, "output", names=("loss",))], [Edge(0, 1)], (1,)
)


class Read(HTMLParser):
    """The elements of a page, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self._in_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            attrs, text = self.scripts[-1]
            self.scripts[-1] = (attrs, text + data)

    def held(self, name: str) -> str:
        (text,) = [text for attrs, text in self.scripts if attrs.get("id") == name]
        return text


def test_a_page_holds_the_graph_whole() -> None:
    graph = Graph(
        [
            Node(
                0, "op", "AddBackward0", names=("<b>&amp;</script><!--",), attrs={"a": "</SCRIPT>"}
            ),
            Node(1, "output", names=("loss",), data={"note": "<script>alert(1)</script>"}),
        ],
        [Edge(0, 1)],
        (1,),
    )
    assert Graph.from_json(Read(html.page(graph)).held("graph")) == graph


def test_every_module_is_there_as_it_stands_after_those_it_imports() -> None:
    read = Read(html.page(SMALL))
    held = {attrs["data-module"]: text for attrs, text in read.scripts if "data-module" in attrs}
    names = [entry.name for entry in VIEWER.iterdir() if entry.name.endswith(".js")]
    assert set(held) == {*names} - {"bootstrap.js", "worker.js"}
    seen: set[str] = set()
    for name, text in held.items():
        assert text == VIEWER.joinpath(str(name)).read_text("utf-8")
        assert set(re.findall(r'from "\./([\w.-]+)"', text)) <= seen, name
        seen.add(str(name))


def test_only_one_script_runs_and_only_by_its_hash() -> None:
    read = Read(html.page(SMALL))
    (policy,) = [attrs["content"] for tag, attrs in read.elements if "http-equiv" in attrs]
    assert policy is not None
    (running,) = [text for attrs, text in read.scripts if "type" not in attrs]
    assert html._hash(running) in policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert "http" not in policy


def test_a_page_refers_to_nothing_outside() -> None:
    attributes = [
        (name, value)
        for _tag, attrs in Read(html.page(SMALL)).elements
        for name, value in attrs.items()
        if name in ("src", "href", "xlink:href", "srcset", "action", "style")
    ]
    assert attributes == []
    assert "url(http" not in html._text("viewer.css")


def test_graphviz_is_the_file_its_checksum_says_and_its_notices_come_along() -> None:
    vendor = VIEWER.joinpath("vendor")
    told, name = vendor.joinpath("SHA256SUMS").read_text("utf-8").split()
    assert hashlib.sha256(vendor.joinpath(name).read_bytes()).hexdigest() == told
    notices = Read(html.page(SMALL)).held("notices")
    for whose in ("Viz.js 3.31.0", "Eclipse Public License 2.0", "Expat", "Permission is hereby"):
        assert whose in notices
    assert "Eclipse Public License - v 2.0" in vendor.joinpath("LICENSE.graphviz").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("theme", ["light", "dark", "colorblind", None])
def test_the_colours_are_those_of_the_themes(theme: str | None) -> None:
    text = html.page(SMALL, **({} if theme is None else {"theme": theme}))
    settings = json.loads(Read(text).held("settings"))
    assert settings["theme"] == (theme or "system")
    for colour in ("--leaf:#add8e6", "--leaf:#1d4e6b", "--leaf:#56b4e9"):
        assert colour in text


def test_a_theme_of_ones_own_is_the_pages(tmp_path: Path) -> None:
    theme = tmp_path / "mine.toml"
    theme.write_text("base = 'dark'\n[fills]\nleaf = '#123456'\nop = 'red3'")
    text = html.page(SMALL, theme=str(theme))
    assert json.loads(Read(text).held("settings"))["theme"] == "own"
    assert ':root[data-theme="own"]' in text
    assert "--leaf:#123456" in text
    assert "--op:#cd0000" in text


@pytest.mark.parametrize("option", ["theme", "rankdir", "style"])
def test_what_is_unknown_is_refused(option: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=option):
        SMALL.save(tmp_path / "a.html", **{option: "purple"})
    assert not list(tmp_path.iterdir())


def test_a_browser_without_scripts_gets_a_picture() -> None:
    static = html.page(SMALL).partition("<noscript>")[2].partition("</noscript>")[0]
    assert ">loss</text>" in static
    assert "xml version" not in static
    many = Graph([Node(number, "op", "AddBackward0") for number in range(500)], [])
    assert "<svg" not in html.page(many).partition("</noscript>")[0]


def test_modules_are_grouped_and_blocks_closed_as_it_takes() -> None:
    net = ModuleCall("", "Net", 1)
    nodes = [
        Node(
            n,
            "op",
            f"Op{n % 7}Backward0",
            modules=(net, ModuleCall(f"m{n // 50}", "Mod", 1)),
            made=n,
        )
        for n in range(600)
    ]
    graph = Graph(nodes, [Edge(n, n + 1) for n in range(599)], (599,), {"read": ["modules"]})
    data, _notes = graph.draw("html")
    held = Graph.from_json(Read(data.decode()).held("graph"))
    assert held.closed
    assert {node.id for node in held.nodes} >= {node.id for node in nodes}
    shaped = graph.collapse(0)
    assert Graph.from_json(Read(shaped.draw("html")[0].decode()).held("graph")) == shaped


def test_two_processes_write_the_same_page(tmp_path: Path) -> None:
    code = (
        "import sys, torch, graphviz_autograd as gva\n"
        "m = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh())\n"
        "with gva.record(m) as rec: loss = m(torch.ones(1, 2)).sum()\n"
        "gva.walk(loss, m, record=rec).save(sys.argv[1])"
    )
    for name in ("a.html", "b.html"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=True, timeout=120)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_gva_render_writes_a_page_with_all_that_is_known(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import torch\nmodel = torch.nn.Linear(2, 1)\n"
        "model(torch.ones(3, 2)).tanh().sum().backward()\n"
    )
    command = [sys.executable, "-m", "graphviz_autograd", "render", "-o", "x.html", "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    graph = Graph.from_json(Read((tmp_path / "x.html").read_text("utf-8")).held("graph"))
    assert {"shapes", "attrs", "saved", "modules", "lines"} <= set(graph.meta["read"])
    assert any(node.kind == "group" for node in graph.nodes)


def test_a_theme_is_light_only_where_it_was_asked_for(tmp_path: Path) -> None:
    SMALL.save(tmp_path / "graph.json")
    for theme, options in {"system": [], "light": ["--theme", "light"]}.items():
        command = [sys.executable, "-m", "graphviz_autograd", "render", "-o", "x.html", *options]
        subprocess.run([*command, "graph.json"], cwd=tmp_path, check=True, timeout=120)
        held = Read((tmp_path / "x.html").read_text("utf-8")).held("settings")
        assert json.loads(held)["theme"] == theme


def test_the_classic_style_leaves_out_accumulators_and_outputs() -> None:
    text = html.page(NETS["net"](), style="classic")
    ops = {node.op for node in Graph.from_json(Read(text).held("graph")).nodes}
    assert "TanhBackward0" in ops
    assert "AccumulateGrad" not in ops
    assert "AccumulateGrad" not in text.partition("<noscript>")[2].partition("</noscript>")[0]


def test_options_that_a_page_has_not_are_told(tmp_path: Path) -> None:
    options: dict[str, Any] = {"bogus": 1}
    with pytest.raises(OptionError, match="option is one of"):
        SMALL.save(tmp_path / "a.html", **options)
