"""A person uses the keyboard alone."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from graphviz_autograd.graph import Graph

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
DOING = runpy.run_path(str(Path(__file__).with_name("doing.py")))
box, group, settled = (DOING["box"], DOING["group"], DOING["settled"])
NET: Graph = NETS["net"]().collapse(1)


def test_arrow_keys_follow_the_arrows(opened: Any) -> None:
    page = opened(NET)
    box(page, 5).focus()
    walked = []
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
        walked.append(int(page.evaluate("document.activeElement.dataset.node")))
    assert walked == [group(NET, "fc1"), 1, 0, 1]
    page.keyboard.press(" ")
    assert "SumBackward0" in page.inner_text("#panel h2")


def test_left_and_right_go_to_the_box_beside(opened: Any) -> None:
    page = opened(NET, rankdir="LR")
    page.keyboard.press("e")
    settled(page)
    box(page, 5).focus()
    page.keyboard.press("ArrowRight")  # with the data's flow
    assert int(page.evaluate("document.activeElement.dataset.node")) == 20
    box(page, 11).focus()
    beside = [number for number in (10, 5, 12, 21, 22) if number]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    assert int(page.evaluate("document.activeElement.dataset.node")) in {11, *beside}


def test_the_keys_are_listed(opened: Any) -> None:
    page = opened(NET)
    page.keyboard.press("?")
    assert page.is_visible("dialog#help")
    assert "search" in page.inner_text("dialog#help")
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog#help")


def test_one_reaches_everything_with_tab(opened: Any) -> None:
    page = opened(NET)
    reached = set()
    for _ in range(13):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    wanted = {"search", "open-all", "close-all", "fit", "layer", "saved", "theme", "save", "canvas"}
    assert wanted <= reached
    names = page.eval_on_selector_all(
        "button, select, input, .box, .frame",
        """all => all.filter((one) =>
          !(one.getAttribute("aria-label") || one.labels?.length || one.textContent))""",
    )
    assert names == []


def test_from_loading_to_the_bytes_of_a_saved_tensor_without_a_mouse(opened: Any) -> None:
    page = opened(NET)
    page.keyboard.press("/")
    page.keyboard.type("tanh")
    page.keyboard.press("Enter")
    settled(page)
    assert page.evaluate("document.activeElement.dataset.node") == "5"
    page.keyboard.press(" ")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.go") == "6":
            break
    page.keyboard.press("Enter")
    settled(page)
    assert "saved for backward" in page.inner_text("#panel .kind")
    assert "60 bytes" in page.inner_text("#panel")
