"""A person colours the boxes by a layer."""

from __future__ import annotations

import re
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphviz_autograd.graph import Edge, Graph, Node

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
DOING = runpy.run_path(str(Path(__file__).with_name("doing.py")))
box, group, settled = (DOING["box"], DOING["group"], DOING["settled"])
NET: Graph = NETS["net"]().collapse(1)


def test_a_layer_colours_the_boxes_with_a_legend_and_a_list(opened: Any) -> None:
    page = opened(NET)
    page.keyboard.press("e")
    settled(page)
    page.select_option("#layer", "bytes")
    look = "one => getComputedStyle(one.querySelector('.shape')).fill"
    first, second = (box(page, number).evaluate(look) for number in (10, 20))
    assert first != second
    assert page.inner_text("#layer-legend h2") == "bytes"
    rows = page.locator("#layer-legend li").all_inner_texts()
    assert [re.sub(r"\s+", " ", row) for row in rows] == [
        "fc1 AddmmBackward0 200 bytes",
        "fc0 AddmmBackward0 100 bytes",
    ]
    page.locator("#layer-legend .link").first.click()
    settled(page)
    assert "fc1" in page.inner_text("#panel")
    page.select_option("#layer", "")
    assert not page.is_visible("#layer-legend")
    assert box(page, 10).evaluate(look) == box(page, 5).evaluate(look)


def test_a_closed_group_has_the_sum_of_what_is_in_it(opened: Any) -> None:
    page = opened(NET)
    page.select_option("#layer", "parameters")
    assert page.locator("#layer-legend li").all_inner_texts()[0].endswith("16")
    page.keyboard.press("c")
    settled(page)
    filled = box(page, group(NET, "")).evaluate("one => one.style.getPropertyValue('--fill')")
    assert filled.startswith("#")
    box(page, group(NET, "")).click()
    names, values = (
        page.locator(f"#panel section {tag}").all_inner_texts() for tag in ("dt", "dd")
    )
    known = dict(zip(names, values, strict=True))
    assert known["bytes"] == "300 bytes"
    assert known["parameters"] == "28"
    assert known["output bytes"] == "204 bytes"
    assert known["verify status"] == "2 matched"
    box(page, group(NET, "")).hover()
    assert "parameters: 28" in box(page, group(NET, "")).locator("title").text_content()


def test_what_verify_found_is_seen_at_once(opened: Any) -> None:
    page = opened(NET)
    assert page.input_value("#layer") == "verify status"
    assert "matched" in page.inner_text("#layer-legend")
    green = box(page, group(NET, "fc0")).evaluate(
        "one => getComputedStyle(one.querySelector('.shape')).fill"
    )
    assert green == "rgb(195, 230, 168)"


def test_a_closed_group_says_how_much_of_it_failed(opened: Any) -> None:
    found = {
        10: {"status": "failed", "first": True, "absolute": 0.25, "relative": 0.5},
        12: {"status": "failed", "absolute": 0.5},
        20: {"status": "not checked", "reason": "no rule"},
    }
    net = NETS["net"]()
    nodes = [replace(n, data={"verify": found[n.id]}) if n.id in found else n for n in net.nodes]
    graph = replace(net, nodes=tuple(nodes)).collapse(1)
    page = opened(graph)
    first, other = box(page, group(graph, "fc0")), box(page, group(graph, "fc1"))
    assert "FIRST FAILURE: 2 of 2 inside" in first.text_content()
    assert "strong" in first.get_attribute("class").split()
    assert "not checked:" in other.text_content()
    look = "one => getComputedStyle(one.querySelector('.shape')).fill"
    assert first.evaluate(look) == "rgb(255, 123, 107)"
    assert "stripes" in other.evaluate(look)
    first.click()
    faults = page.locator("#panel section:has-text('Failed inside: 2') .link")
    assert faults.all_inner_texts() == ["AddmmBackward0", "fc0.weight"]
    faults.first.click()
    settled(page)
    assert "off by 0.25 (0.5 relative)" in box(page, 10).text_content()
    page.keyboard.press("c")
    settled(page)
    top = box(page, group(graph, "")).text_content()
    assert "FIRST FAILURE: 2 of 3 inside" in top
    assert "not checked: 1 of 3 inside" in top


def test_a_long_graph_opens_where_verify_found_the_first_fault(opened: Any) -> None:
    graph = NETS["many_modules"](800, 400)
    wrong = {"verify": {"status": "failed", "first": True, "absolute": 1.0}}
    nodes = [replace(node, data=wrong) if node.id == 300 else node for node in graph.nodes]
    page = opened(replace(graph, nodes=nodes))
    place = page.locator(".box.strong").bounding_box()
    assert 200 < place["y"] < 600
    assert "FIRST FAILURE" in page.locator(".box.strong").text_content()
    assert not page.locator(".box[data-kind=output]").is_visible()


def test_what_verify_found_is_told_in_words(opened: Any) -> None:
    net = NETS["net"]()
    found: dict[int, dict[str, Any]] = {
        0: {"status": "matched", "kind": "output", "id": 0, "name": "loss", "device": "cpu"},
        10: {
            "status": "failed", "kind": "node", "id": 10, "name": "AddmmBackward0", "first": True,
            "absolute": 0.25, "relative": 0.5, "allowed": 1.8e-05, "where": [0, 1],
            "found_by": "local", "numeric": "finite differences agree with the engine",
        },
        20: {"status": "not checked", "kind": "node", "reason": "opaque forward"},
    }  # fmt: skip
    nodes = [replace(n, data={"verify": found[n.id]} if n.id in found else {}) for n in net.nodes]
    page = opened(replace(net, nodes=nodes))
    rows = page.locator("#layer-legend li").all_inner_texts()
    assert [re.sub(r"\s+", " ", row) for row in rows] == ["failed 1", "matched 0", "not checked 1"]
    options = page.locator("#layer option").all_inner_texts()
    known = {"verify status", "largest difference", "relative difference"}
    assert set(options) == known | {"Kind", "output bytes", "parameters", "saved bytes"}
    box(page, 10).click()
    said = page.locator("#panel section:has-text('What verify found')").inner_text().split("\n")
    assert said[1:] == [
        "Status", "failed, the first failure", "Apart", "0.25 (0.5 relative)",
        "Allowed", "1.8e-05", "At", "element (0, 1)",
        "Numbers", "finite differences agree with the engine", "Found by", "the local check",
    ]  # fmt: skip
    text, shape = (box(page, 20).locator(part) for part in ("text >> nth=-1", ".shape"))
    inner, outer = text.bounding_box(), shape.bounding_box()
    assert inner["x"] - outer["x"] > 0.06 * outer["width"]  # beside the stripes


def test_views_and_accumulators_have_no_bytes_of_their_own(opened: Any) -> None:
    ops = ("TBackward0", "AccumulateGrad", "UnsafeViewBackward0", "MmBackward0")
    nodes = [Node(n, "op", op, outputs=NETS["tensor"](2)) for n, op in enumerate(ops)]
    page = opened(Graph(nodes, [Edge(n, n + 1) for n in range(3)], (3,)))
    page.select_option("#layer", "output bytes")
    assert page.locator("#layer-legend li .link").all_inner_texts() == ["MmBackward0"]
    assert "views" in page.inner_text("#layer-legend .note")
