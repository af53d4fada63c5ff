"""A person clicks a box: the panel says what is known, and the gradient's way lights up."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

from graphviz_autograd.graph import Edge, Graph, Node
from graphviz_autograd.transform.plumbing import join_accumulators

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
DOING = runpy.run_path(str(Path(__file__).with_name("doing.py")))
box, settled = (DOING["box"], DOING["settled"])
NET: Graph = NETS["net"]().collapse(1)


def test_the_panel_says_all_that_is_known(opened: Any) -> None:
    page = opened(NET)
    box(page, 5).click()
    panel = page.locator("[role=complementary]")
    text = panel.inner_text()
    for known in ("TanhBackward0", "(5, 3)", "float32", "60 bytes", "net.py:8", "Net"):
        assert known in text
    assert "Saved for backward: 60 bytes" in text
    panel.locator("section:has-text('To: 1') .link.within").click()
    settled(page)
    text = panel.inner_text()
    assert "AddmmBackward0" in text
    assert "alpha" in text
    assert "matched" in panel.locator("section:has-text('What verify found')").inner_text()
    page.keyboard.press("Escape")
    assert not panel.is_visible()


def test_a_line_is_copied(opened: Any) -> None:
    page = opened(NET)
    box(page, 5).click()
    page.click(".copy")
    page.wait_for_selector(".copy:has-text('copied')")


def test_the_way_to_the_leaves_and_to_the_root_lights_up(opened: Any) -> None:
    page = opened(NET)
    page.keyboard.press("e")
    settled(page)
    box(page, 20).click()
    lit = page.eval_on_selector_all(".box.lit", "all => all.map((one) => Number(one.dataset.node))")
    assert set(lit) == {0, 1, 20, 21, 22, 5, 10, 11, 12}
    box(page, 12).click()
    lit = page.eval_on_selector_all(".box.lit", "all => all.map((one) => Number(one.dataset.node))")
    assert set(lit) == {12, 11, 10, 5, 20, 1, 0}
    page.locator("#canvas").click(position={"x": 5, "y": 400})
    assert page.locator(".lit").count() == 0


def test_a_leaf_of_many_uses_is_drawn_for_each_and_lights_all(opened: Any) -> None:
    page = opened(NETS["shared"](5))
    assert box(page, 0).count() == 5
    assert "×5 uses" in box(page, 0).first.text_content()
    box(page, 0).first.hover()
    assert page.locator(".twin").count() == 5
    page.hover("#bar")
    assert page.locator(".twin").count() == 0


def test_leaves_are_drawn_once_where_that_is_wanted(opened: Any, tmp_path: Path) -> None:
    page = opened(NETS["shared"](5))
    page.uncheck("#clones")
    settled(page)
    assert box(page, 0).count() == 1
    page.wait_for_timeout(300)
    page.reload()
    page.wait_for_selector("html[data-state=ready]")
    assert box(page, 0).count() == 1
    assert not opened(NETS["shared"](3)).is_visible("#clones")
    NETS["shared"](5).save(tmp_path / "shared.json")
    command = [sys.executable, "-m", "graphviz_autograd", "render", "-o", "x.html"]
    options = ["--full", "--no-clone-leaves", "shared.json"]
    subprocess.run([*command, *options], cwd=tmp_path, check=True, timeout=120)
    page = opened((tmp_path / "x.html").read_text("utf-8"))
    assert box(page, 0).count() == 1
    page.check("#clones")
    settled(page)
    assert box(page, 0).count() == 5


def test_attributes_are_in_the_boxes_where_that_was_asked(opened: Any) -> None:
    page = opened(NETS["net"](), show_attrs=True)
    assert "alpha: 1" in box(page, 10).text_content()
    page = opened(NETS["net"]())
    assert "alpha" not in box(page, 10).text_content()
    box(page, 10).click()
    assert "alpha" in page.inner_text("#panel")


def test_a_legend_says_what_the_colours_and_lines_mean(opened: Any) -> None:
    page = opened(NET)
    assert not page.is_visible("#meanings li")
    page.click("#meanings summary")
    said = page.locator("#meanings li").all_inner_texts()
    assert said == [
        "operation: a node of the backward graph",
        "output: what was asked for",
        "several operations in one box",
        "frame: what is inside of a module or group",
        "data flows along it, its gradient back",
    ]
    page.check("#saved")
    page.wait_for_selector("#meanings li:has-text('leads to a saved tensor')")
    page = opened(NET, legend=True)
    assert page.locator("#meanings li").first.is_visible()


def test_links_name_the_boxes_that_are_seen(opened: Any) -> None:
    page = opened(NET)
    box(page, 5).click()
    section = page.locator("#panel section:has-text('From: 1')")
    assert section.locator(".link").all_inner_texts() == ["Linear fc0", "AddmmBackward0"]
    section.locator(".link").first.click()
    settled(page)
    assert page.inner_text("#panel h2") == "Linear fc0"
    assert box(page, 10).count() == 0
    box(page, 5).click()
    page.wait_for_timeout(500)
    section.locator(".link.within").click()
    settled(page)
    assert page.inner_text("#panel h2") == "AddmmBackward0"
    assert box(page, 10).count() == 1
    assert page.locator("#panel section:has-text('From: 1') .link").all_inner_texts() == [
        "AccumulateGrad of fc0.weight"
    ]


def test_a_leaf_with_its_accumulator_is_told_as_a_leaf(opened: Any) -> None:
    page = opened(join_accumulators(NETS["net"]()))
    leaf = page.locator(".box.op-leaf").first
    leaf.click()
    assert "leaf" in page.inner_text("#panel .kind")
    fill = "one => getComputedStyle(one).backgroundColor"
    assert page.locator("#panel .swatch").evaluate(fill) == "rgb(173, 216, 230)"
    assert page.locator("#panel .buttons button").all_inner_texts() == ["Show its accumulator"]
    page.click("text=Show its accumulator")
    settled(page)
    assert page.locator(".box:has-text('AccumulateGrad')").count() == 1
    assert page.locator("#panel .buttons button").all_inner_texts() == ["Hide its accumulator"]


def test_what_is_alike_is_told_once_and_counted(opened: Any) -> None:
    graph = NETS["blocks"](12).fold()
    page = opened(graph)
    page.locator(".box.op-repeat").dblclick()
    settled(page)
    page.locator(".box.op-more").click()
    assert page.inner_text("#panel .kind") == "equal blocks"
    assert page.locator("#panel table tr").count() == 1
    nodes = [Node(0, "op", "SplitBackward0", outputs=NETS["tensor"](4, 16) * 78)]
    nodes += [Node(1, "op", "CatBackward0")]
    edges = [Edge(0, 1, source_index=n) for n in range(2)] + [Edge(0, 1)] * 4
    page = opened(Graph(nodes, edges, (1,)))
    box(page, 0).click()
    assert page.locator("#panel td").first.inner_text() == "(4, 16) ×78"
    rows = page.locator("#panel section:has-text('To: 6') li").all_inner_texts()
    assert rows == ["CatBackward0 ×5", "CatBackward0 output 1"]
