"""A person opens modules and blocks, and closes them again."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.graph import Graph

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
    assert page.inner_text("#status") == "10 nodes as 5 boxes"
    assert page.title() == "loss"


@pytest.mark.parametrize("how", ["double click", "Enter"])
def test_a_group_opens_where_it_is_and_closes_again(opened: Any, how: str) -> None:
    page = opened(NET)
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
