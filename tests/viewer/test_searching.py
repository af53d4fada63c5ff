"""A person searches for a name, an op, a module, a shape, a line."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.graph import Graph

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
DOING = runpy.run_path(str(Path(__file__).with_name("doing.py")))
box, ids, search, settled = (DOING["box"], DOING["ids"], DOING["search"], DOING["settled"])
NET: Graph = NETS["net"]().collapse(1)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("fc1.weight", "fc1.weight"),
        ("addmm", "AddmmBackward0"),
        ("linear fc0", "Linear fc0"),
        ("(5, 3) tanh", "TanhBackward0"),
        ("net.py:21", "AddmmBackward0"),
        ("FC0.W", "fc0.weight"),
    ],
)
def test_search_finds_names_ops_modules_shapes_and_lines(
    opened: Any, query: str, first: str
) -> None:
    assert search(opened(NET), query)[0] == first


def test_enter_goes_to_what_was_found_and_opens_what_hides_it(opened: Any) -> None:
    page = opened(NET)
    page.keyboard.press("/")
    page.keyboard.type("weight")
    assert page.locator("[role=option]").count() == 2
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    wanted = int(chosen.get_attribute("data-node"))
    assert page.get_attribute("#search", "aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Enter")
    settled(page)
    assert "selected" in box(page, wanted).get_attribute("class").split()
    assert "weight" in page.inner_text("#panel h2")
    place = box(page, wanted).bounding_box()
    assert abs(place["x"] + place["width"] / 2 - (1280 - 340) / 2) < 200
    assert not page.is_visible("#results")


def test_what_is_not_there_is_not_found(opened: Any) -> None:
    page = opened(NET)
    assert search(page, "no such thing") == []
    assert page.inner_text("#results .count") == "0 results"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "canvas"


def test_a_saved_tensor_that_is_found_is_drawn(opened: Any) -> None:
    page = opened(NET)
    assert 6 not in ids(page)
    search(page, "saved result")
    page.keyboard.press("Enter")
    settled(page)
    assert 6 in ids(page)
    assert page.is_checked("#saved")
    page.uncheck("#saved")
    settled(page)
    assert 6 not in ids(page)


@pytest.mark.parametrize("query", ["(5, 3)", "(5,3)", "( 5 , 3 )"])
def test_a_shape_is_found_as_written_however_it_is_spaced(opened: Any, query: str) -> None:
    page = opened(NET)
    found = search(page, query)
    assert found == ["TanhBackward0", "AddmmBackward0", "Linear fc0", "result"]
    about = page.locator("[role=option] .about").all_inner_texts()
    assert about[-1] == "saved by TanhBackward0 · (5, 3) · Net"
    assert search(page, "(3, 5)") == []
    assert search(page, "(5,3) addmm") == ["AddmmBackward0"]
    assert "AddmmBackward0" in search(page, "(5,")


def test_an_accumulator_says_of_which_leaf(opened: Any) -> None:
    page = opened(NET)
    assert "AccumulateGrad of fc0.weight" in search(page, "accumulate")
