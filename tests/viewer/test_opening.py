"""A person opens modules and blocks, and closes them again."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.emit import html
from graphviz_autograd.graph import Edge, Graph, ModuleCall, Node

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
DOING = runpy.run_path(str(Path(__file__).with_name("doing.py")))
box, frame, group, ids, settled = (
    DOING["box"],
    DOING["frame"],
    DOING["group"],
    DOING["ids"],
    DOING["settled"],
)
NET: Graph = NETS["net"]().collapse(1)


def test_a_page_opens_from_a_file_with_its_modules_closed(opened: Any) -> None:
    page = opened(NET)
    fc0 = box(page, group(NET, "fc0"))
    assert fc0.get_attribute("data-kind") == "group"
    assert fc0.get_attribute("aria-expanded") == "false"
    assert "Linear" in fc0.text_content()
    assert frame(page, group(NET, "")).get_attribute("aria-expanded") == "true"
    assert ids(page) == {group(NET, "fc0"), group(NET, "fc1"), 5, 1, 0}
    assert page.inner_text("#status") == "6 ops, 2 leaves · 5 boxes"
    assert page.title() == "loss"


@pytest.mark.parametrize("how", ["double click", "Enter"])
def test_a_group_opens_where_it_is_and_closes_again(opened: Any, how: str) -> None:
    page = opened(NET)
    for _ in range(3):
        page.keyboard.press("-")  # so that there is room for it
    fc1 = group(NET, "fc1")
    before = box(page, fc1).bounding_box()

    def act(what: Any) -> None:
        if how == "Enter":
            what.focus()
            page.keyboard.press("Enter")
        else:
            what.dblclick(position={"x": 12, "y": 12})
        settled(page)

    act(box(page, fc1))
    assert {20, 21, 22} <= ids(page)
    assert box(page, fc1).count() == 0
    now = frame(page, fc1).bounding_box()
    assert abs(now["x"] - before["x"]) < 3
    assert abs(now["y"] - before["y"]) < 3
    assert page.evaluate("document.activeElement.dataset.node") == str(fc1)
    act(frame(page, fc1))
    assert ids(page) == {group(NET, "fc0"), fc1, 5, 1, 0}
    again = box(page, fc1).bounding_box()
    assert abs(again["x"] - before["x"]) < 3
    assert abs(again["y"] - before["y"]) < 3


def test_everything_opens_and_closes_by_key_and_by_button(opened: Any) -> None:
    page = opened(NET)
    page.keyboard.press("e")
    settled(page)
    everything = {0, 1, 5, 10, 11, 12, 20, 21, 22}
    assert ids(page) == everything
    page.keyboard.press("c")
    settled(page)
    assert ids(page) == {group(NET, ""), 0}
    page.click("#open-all")
    settled(page)
    assert ids(page) == everything
    page.click("#close-all")
    settled(page)
    assert ids(page) == {group(NET, ""), 0}


def test_a_repeat_opens_to_its_first_block_or_to_all(opened: Any) -> None:
    graph = NETS["blocks"](12).fold()
    page = opened(graph)
    repeat = next(node.id for node in graph.nodes if node.op == "repeat")
    more = next(node.id for node in graph.nodes if node.op == "more")
    assert "Block ×12" in box(page, repeat).text_content()
    box(page, repeat).dblclick()
    settled(page)
    assert "11 more" in box(page, more).text_content()
    frame(page, repeat).click(position={"x": 40, "y": 12})
    page.click("text=Open all 12")
    settled(page)
    assert page.locator(".box:has-text('Block')").count() == 12
    assert box(page, more).count() == 0


@pytest.mark.parametrize("viewport", [(390, 800), (600, 800), (900, 600)])
def test_what_was_opened_and_closed_again_is_in_sight_in_a_small_window_too(
    opened: Any, viewport: tuple[int, int]
) -> None:
    """Leaves that are repeated where all is open must not change the height of the tools."""
    width, height = viewport
    graph = NETS["blocks"](12)
    extra = [replace(edge, source=graph.nodes[0].id) for edge in graph.edges[3:40:3]]
    leaf = replace(graph.nodes[0], kind="leaf", op="", names=("w",))
    graph = replace(graph, nodes=[leaf, *graph.nodes[1:]], edges=[*graph.edges, *extra]).collapse(0)
    page = opened(graph, viewport={"width": width, "height": height})
    tall = page.evaluate("document.querySelector('#canvas').clientHeight")
    page.click("#open-all")
    settled(page)
    assert "uses" in page.locator(".box", has_text="w").first.text_content()
    assert page.evaluate("document.querySelector('#canvas').clientHeight") == tall
    page.click("#close-all")
    settled(page)
    assert page.locator(".box:visible").count() > 0


@pytest.mark.parametrize("viewport", [(390, 800), (1280, 800)])
def test_after_a_double_click_enter_closes_again(opened: Any, viewport: tuple[int, int]) -> None:
    width, height = viewport
    page = opened(NET, viewport={"width": width, "height": height})
    fc1 = group(NET, "fc1")
    box(page, fc1).dblclick()
    settled(page)
    assert frame(page, fc1).count() == 1
    page.keyboard.press("Enter")
    settled(page)
    assert frame(page, fc1).count() == 0


def test_arrows_between_modules_are_right_whatever_is_open(opened: Any) -> None:
    page = opened(NET)

    def arrows() -> int:
        return int(page.locator(".arrow").count())

    assert arrows() == 4  # fc0 → tanh → fc1 → sum → loss
    box(page, group(NET, "fc0")).dblclick()
    settled(page)
    assert arrows() == 6


def test_ten_openings_in_a_row_end_with_the_last(opened: Any) -> None:
    page = opened(NET)
    for _ in range(5):
        page.keyboard.press("e")
        page.keyboard.press("c")
    page.keyboard.press("e")
    settled(page)
    assert len(ids(page)) == 9


@pytest.mark.parametrize("viewport", [(1280, 800), (390, 800)])
def test_a_double_click_opens_what_the_panel_is_about_to_cover(
    opened: Any, viewport: tuple[int, int]
) -> None:
    width, height = viewport
    page = opened(NET, viewport={"width": width, "height": height})
    fc1 = group(NET, "fc1")
    page.click("#canvas", position={"x": 5, "y": 200})
    for _ in range(30):
        place = box(page, fc1).bounding_box()
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        if x > width - 60 or (width < 400 and y > height - 120):
            break
        page.keyboard.press("Shift+ArrowDown" if width < 400 else "Shift+ArrowRight")
        page.keyboard.press("Shift+ArrowUp" if width < 400 else "Shift+ArrowLeft")
        page.keyboard.press("Shift+ArrowUp" if width < 400 else "Shift+ArrowLeft")
    page.mouse.move(x, y)
    for count in (1, 2):
        page.mouse.down(click_count=count)
        page.mouse.up(click_count=count)
        page.wait_for_timeout(180)
        assert page.is_visible("#panel")
    settled(page)
    assert frame(page, fc1).count() == 1
    assert {20, 21, 22} <= ids(page)


def test_two_clicks_far_apart_in_time_open_nothing(opened: Any) -> None:
    page = opened(NET)
    for _ in range(2):
        box(page, group(NET, "fc1")).click()
        page.wait_for_timeout(900)
    assert frame(page, group(NET, "fc1")).count() == 0


def test_what_opens_comes_into_sight(opened: Any) -> None:
    graph = NETS["many_modules"](120, 3)
    page = opened(graph.collapse(2), viewport={"width": 900, "height": 700})
    last = page.locator(".box[aria-expanded=false]").last
    last.dblclick()
    settled(page)
    page.wait_for_timeout(300)
    place, canvas = page.locator(".frame.selected").bounding_box(), page.locator("#canvas")
    room = canvas.bounding_box()
    assert place["x"] >= room["x"]
    assert place["x"] + min(place["width"], room["width"]) <= room["x"] + room["width"] + 30


def test_opening_all_dims_nothing_and_closing_all_leaves_no_panel(opened: Any) -> None:
    page = opened(NET)
    box(page, 5).click()
    page.keyboard.press("e")
    settled(page)
    assert page.locator("#canvas.lighting").count() == 0
    box(page, 10).click()
    page.click("#close-all")
    settled(page)
    assert not page.is_visible("#panel")


def test_what_was_selected_in_a_group_that_closes_gives_way_to_the_group(opened: Any) -> None:
    page = opened(NET)
    page.keyboard.press("e")
    settled(page)
    box(page, 10).click()
    frame(page, group(NET, "fc0")).focus()
    page.keyboard.press("Enter")
    settled(page)
    assert "Linear fc0" in page.inner_text("#panel h2")
    assert "selected" in box(page, group(NET, "fc0")).get_attribute("class").split()


def test_leaves_that_are_drawn_again_count_as_boxes(opened: Any) -> None:
    around = Node(999, "group", "module", modules=(ModuleCall("", "Net", 1),))
    leaves = [Node(n, "leaf", names=(f"w{n}",), outputs=NETS["tensor"](2)) for n in range(10)]
    ops = [Node(100 + n, "op", f"Op{n * n % 41}Backward0", parent=999) for n in range(60)]
    edges = [Edge(leaf.id, op.id, target_index=1) for op in ops for leaf in leaves]
    edges += [Edge(one.id, one.id + 1) for one in ops[:-1]]
    page = opened(html.page(Graph([around, *leaves, *ops], edges, (159,))))
    assert page.locator(".box.op-section").count() == 7
    assert page.locator(".box").count() == 17  # the leaves once for all sections
    page.locator(".box.op-section").nth(2).press("Enter")
    settled(page)
    assert page.locator(".box").count() == 6 + 10 + 9 * 11
    page.keyboard.press("e")
    settled(page)
    assert page.locator(".box").count() == 60 * 11
