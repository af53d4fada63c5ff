"""Small graphs and large ones, deep ones, and names that mean harm."""

from __future__ import annotations

import re
import runpy
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import graphviz_autograd as gva
from graphviz_autograd.emit import html
from graphviz_autograd.graph import Edge, Graph, ModuleCall, Node

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
DOING = runpy.run_path(str(Path(__file__).with_name("doing.py")))
DONE, save = DOING["DONE"], DOING["save"]

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "\\N \\G \\l C:\\temp\\net",
    "&lt;b&gt; &amp; &#65;",
    "שלום עולם",
    "  two  spaces",
    "\"quoted\" 'and' `so`",
    "${alert(1)} {{x}}",
    "名前 😀",
    "]]>",
]


def boxes(page: Any) -> int:
    return int(page.locator(".box").count())


def hostile() -> Graph:
    """Every such name as a name, an op, an attribute, a module and a file."""
    nodes = [Node(n, "leaf", names=(name,)) for n, name in enumerate(HOSTILE)]
    top = ModuleCall("", HOSTILE[0], 1)
    nodes += [
        Node(
            100 + n,
            "op",
            name,
            attrs={name: name},
            data={"layer": name, name: n},
            modules=(top, ModuleCall(name, name, 1)),
            line=(name, 3),
        )
        for n, name in enumerate(HOSTILE)
    ]
    edges = [Edge(n, 100 + n) for n in range(len(HOSTILE))]
    end = Node(99, "output", names=(HOSTILE[1],))
    return Graph([*nodes, end], [*edges, Edge(100, 99)], (99,), {"read": ["modules"]})


def test_names_that_mean_harm_are_shown_as_typed_and_never_run(opened: Any, tmp_path: Path) -> None:
    page = opened(hostile())
    page.keyboard.press("e")
    page.wait_for_timeout(600)
    texts = page.eval_on_selector_all(".box text.first", "all => all.map((one) => one.textContent)")
    assert set(HOSTILE) <= set(texts)
    for number, name in enumerate(HOSTILE):
        page.fill("#search", name)
        found = page.locator("[role=option] .name").all_text_contents()
        assert name in [*found, *(one.replace("  ", " ") for one in found)], name
        page.fill("#search", "")
        page.locator(f'.box[data-node="{100 + number}"]').dispatch_event("click")
        assert page.text_content("#panel h2") == name
        assert f"{name}:3" in page.text_content("#panel")
    assert page.title() == HOSTILE[1]
    page.select_option("#layer", "layer")
    assert set(HOSTILE) <= set(page.locator("#layer-legend bdi").all_text_contents())
    page.keyboard.press("Escape")
    save(page, "all", "svg").save_as(tmp_path / "x.svg")
    root = ElementTree.parse(tmp_path / "x.svg").getroot()
    assert set(HOSTILE) <= {one.text for one in root.iter("{http://www.w3.org/2000/svg}text")}
    assert page.locator("img, #panel script, main script").count() == 0


def test_names_that_mean_harm_do_none_without_scripts(opened: Any) -> None:
    page = opened(hostile(), script=False, ready=False)
    shown = page.locator("noscript").first.inner_html()
    assert "<img" not in shown
    assert page.locator("noscript img").count() == 0


@pytest.mark.parametrize(
    "graph",
    [
        Graph([], []),
        Graph([Node(0, "output", names=("y",))], [], (0,)),
        Graph(
            [Node(0, "leaf", names=("",)), Node(5, "op", "X")], [Edge(5, 5), Edge(0, 5), Edge(5, 0)]
        ),
    ],
    ids=["nothing", "one box", "circles"],
)
def test_hardly_anything_is_shown_too(opened: Any, graph: Graph) -> None:
    page = opened(graph)
    assert boxes(page) == len(graph.nodes)
    for key in ("e", "c", "f"):
        page.keyboard.press(key)
    page.wait_for_selector(DONE)
    assert boxes(page) == len(graph.nodes)


def test_twenty_thousand_nodes_in_three_hundred_modules(opened: Any) -> None:
    page = opened(NETS["many_modules"](20_000, 300))
    assert 1 < boxes(page) <= 150
    page.fill("#search", "part7.3")
    page.keyboard.press("Enter")
    page.wait_for_selector(".box.selected")
    page.wait_for_selector(DONE)
    assert "part7.3" in page.text_content(".box.selected")
    page.locator(".box.selected").press("Enter")
    page.wait_for_selector(".frame.selected")
    assert boxes(page) > 60


def test_a_chain_of_five_thousand_opens_in_sections(opened: Any) -> None:
    page = opened(html.page(NETS["chain"](5_000)))
    assert boxes(page) == 50
    assert "1–100 of 5000" in page.locator(".box").first.text_content()
    page.fill("#search", "op5backward0")
    page.keyboard.press("Enter")
    page.wait_for_selector(".box.selected")
    page.wait_for_selector(DONE)
    assert boxes(page) == 149


def test_a_thousand_boxes_are_laid_out_and_drawn(opened: Any) -> None:
    page = opened(NETS["many_modules"](1_400, 7))
    page.keyboard.press("e")
    page.wait_for_selector("#status:has-text('· 1,4')", timeout=30_000)
    assert boxes(page) > 1_300
    began = time.perf_counter()
    for _ in range(10):
        page.keyboard.press("Shift+ArrowDown")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert time.perf_counter() - began < 3


def test_an_unrolled_rnn_of_two_hundred_steps(opened: Any, tmp_path: Path) -> None:
    import torch

    cell = torch.nn.RNNCell(3, 4)
    state = torch.zeros(1, 4)
    with gva.record(cell) as record:
        for _ in range(200):
            state = cell(torch.ones(1, 3), state)
    graph = gva.walk(state.sum(), cell, record=record)
    page = opened(graph)
    assert boxes(page) < 60
    page.locator(".box:has-text('199 more')").press("Enter")
    page.wait_for_selector(".frame:has-text('199 more')")
    page.wait_for_selector(DONE)
    assert page.locator(".box.op-section").count() == 10
    assert boxes(page) < 60  # leaves are drawn once for all sections
    page.locator(".box:has-text('21–40 of 199')").press("Enter")
    page.wait_for_selector(".frame:has-text('21–40 of 199')")
    page.wait_for_selector(DONE)
    assert page.locator(".box:has-text('RNNCell')").count() == 20
    assert page.locator(".box.kind-leaf, .box.op-leaf").count() > 80  # beside each of their uses


def test_a_page_with_everything_open_is_laid_out_too(opened: Any) -> None:
    page = opened(html.page(NETS["blocks"](40)))
    assert boxes(page) == 161


def test_without_scripts_there_is_a_picture(opened: Any) -> None:
    page = opened(NETS["net"](), script=False, ready=False)
    assert "TanhBackward0" in page.content()
    assert page.locator("svg").first.is_visible()


def test_where_no_worker_may_run_graphviz_runs_in_the_page(opened: Any) -> None:
    page = opened(
        NETS["net"](),
        before="window.Worker = class { constructor() { throw new Error('blocked'); } };",
    )
    assert boxes(page) == 9
    assert "laid out in the page" in page.inner_text("#status")
    frame = page.locator(".frame").first.bounding_box()
    assert frame["width"] > 100


def test_where_a_worker_dies_graphviz_runs_in_the_page(opened: Any) -> None:
    broken = """window.Worker = class {
      postMessage() { this.onerror({ message: "no workers here" }); }
      terminate() {}
    };"""
    page = opened(NETS["net"](), before=broken)
    assert boxes(page) == 9
    assert "no workers here" in page.inner_text("#status")


def test_a_layout_that_takes_too_long_is_stopped_and_made_plainly(modules: Any) -> None:
    note = modules.evaluate(
        """async (text) => {
          const graph = modules["graph.js"].read(text);
          const showing = { shapes: true, attrs: 0, saved: false, inputs: true, clones: true };
          const measure = (line) => line.length * 7;
          const drawn = modules["picture.js"].picture(graph, graph.closed, showing, measure);
          const never = "onmessage = () => { for (;;); };";
          const layouts = new modules["layout.js"].Layouts("", never, { limit: 150 });
          const { layout, note } = await layouts.of(drawn);
          return [note, layout.boxes.size];
        }""",
        NETS["net"]().to_json(),
    )
    assert re.match(r"plain rows: Graphviz took more than 0\.15 s", note[0])
    assert note[1] == 9


def test_a_page_works_in_a_frame_of_a_notebook(opened: Any, watched: Any) -> None:
    markup = NETS["net"]()._repr_mimebundle_()["text/html"]
    page = opened(f"<!DOCTYPE html><body>{markup}</body>", ready=False)
    inner = page.frame_locator("iframe")
    inner.locator("html[data-state=ready]").wait_for()
    assert inner.locator(".box").count() == 9
    inner.locator('.box[data-node="5"]').click()
    assert "TanhBackward0" in inner.locator("#panel h2").inner_text()


def test_the_wheel_scrolls_a_notebook_until_its_graph_was_clicked(opened: Any) -> None:
    markup = NETS["net"]()._repr_mimebundle_()["text/html"]
    page = opened(f"<!DOCTYPE html><body>{markup}<p style='height:3000px'>", ready=False)
    inner = page.frame_locator("iframe")
    inner.locator("html[data-state=ready]").wait_for()
    world = inner.locator(".world")
    before = world.get_attribute("transform")
    page.mouse.move(200, 500)
    page.mouse.wheel(0, 100)
    page.wait_for_timeout(300)
    assert world.get_attribute("transform") == before
    assert page.evaluate("scrollY") == 100
    page.keyboard.down("Control")
    page.mouse.wheel(0, -50)
    page.keyboard.up("Control")
    page.wait_for_timeout(200)
    zoomed = world.get_attribute("transform")
    assert zoomed != before
    page.mouse.click(200, 450)
    page.mouse.wheel(0, -100)
    page.wait_for_timeout(300)
    assert world.get_attribute("transform") != zoomed
    assert page.evaluate("scrollY") == 100
    inner.locator("#keys").click()
    assert "Ctrl" in inner.locator("#help").inner_text()
