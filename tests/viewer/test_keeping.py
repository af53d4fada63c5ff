"""A person keeps a picture, a view, a theme."""

from __future__ import annotations

import re
import runpy
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.graph import Graph

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
DOING = runpy.run_path(str(Path(__file__).with_name("doing.py")))
box, group, ids = DOING["box"], DOING["group"], DOING["ids"]
save, settled = DOING["save"], DOING["settled"]
NET: Graph = NETS["net"]().collapse(1)


def texts(svg: Path) -> set[str | None]:
    root = ElementTree.parse(svg).getroot()
    return {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}


def test_the_picture_is_saved_as_svg(opened: Any, tmp_path: Path) -> None:
    page = opened(NET)
    done = save(page, "all", "svg")
    assert done.suggested_filename == "loss.svg"
    done.save_as(tmp_path / "x.svg")
    assert {"TanhBackward0", "Linear", "loss"} <= texts(tmp_path / "x.svg")
    text = (tmp_path / "x.svg").read_text("utf-8")
    assert "class=" not in text
    assert "var(" not in text
    assert not page.is_visible("#save-menu")


def test_what_is_in_view_is_saved_without_the_rest(opened: Any, tmp_path: Path) -> None:
    page = opened(NET)
    whole = save(page, "view", "svg")
    whole.save_as(tmp_path / "whole.svg")
    assert {"TanhBackward0", "Linear", "loss"} <= texts(tmp_path / "whole.svg")
    page.mouse.move(*middle(page, 0))
    page.mouse.wheel(0, -1200)
    page.wait_for_timeout(100)
    save(page, "view", "svg").save_as(tmp_path / "part.svg")
    assert "loss" in texts(tmp_path / "part.svg")
    assert "TanhBackward0" not in texts(tmp_path / "part.svg")
    save(page, "all", "svg").save_as(tmp_path / "all.svg")
    assert {"TanhBackward0", "Linear", "loss"} <= texts(tmp_path / "all.svg")
    save(page, "view", "png").save_as(tmp_path / "part.png")
    width = int.from_bytes((tmp_path / "part.png").read_bytes()[16:20])
    assert 1000 < width <= 2 * 1280  # as large as it is seen, twice as fine


def middle(page: Any, number: int) -> tuple[float, float]:
    place = box(page, number).bounding_box()
    return place["x"] + place["width"] / 2, place["y"] + place["height"] / 2


def test_the_picture_is_saved_as_png(opened: Any, tmp_path: Path) -> None:
    page = opened(NET)
    save(page, "all", "png").save_as(tmp_path / "x.png")
    data = (tmp_path / "x.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20]) > 200


def test_saving_goes_by_keyboard_too(opened: Any) -> None:
    page = opened(NET)
    page.focus("#save")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.title") == "Save the whole picture as SVG"
    page.keyboard.press("Escape")
    assert not page.is_visible("#save-menu")
    assert page.evaluate("document.activeElement.id") == "save"


def test_a_reload_keeps_what_one_looked_at(opened: Any) -> None:
    page = opened(NET)
    box(page, group(NET, "fc0")).dblclick()
    settled(page)
    box(page, 10).click()
    page.select_option("#layer", "bytes")
    page.select_option("#theme", "dark")
    page.keyboard.press("Escape")
    box(page, 10).click()
    page.mouse.wheel(0, -100)
    page.wait_for_timeout(400)
    place = box(page, 10).bounding_box()
    page.reload()
    page.wait_for_selector("html[data-state=ready]")
    assert 10 in ids(page)
    assert "AddmmBackward0" in page.inner_text("#panel h2")
    assert page.input_value("#layer") == "bytes"
    assert page.get_attribute("html", "data-theme") == "dark"
    again = box(page, 10).bounding_box()
    assert abs(again["x"] - place["x"]) < 2
    assert abs(again["y"] - place["y"]) < 2


@pytest.mark.parametrize(
    "hash", ["#open=zzzz*9-!", "#at=999&view=a_b_c", "#%%%", "#layer=none&shut=5&theme=pink"]
)
def test_an_address_that_makes_no_sense_is_passed_over(opened: Any, hash: str) -> None:
    page = opened(NET, hash=hash)
    assert len(ids(page)) == 5
    assert page.get_attribute("html", "data-theme") == "light"
    assert page.input_value("#theme") == "system"


def test_the_theme_is_the_systems_or_the_one_that_was_chosen(opened: Any) -> None:
    page = opened(NET, dark=True)
    paper = "getComputedStyle(document.querySelector('#canvas')).backgroundColor"
    assert page.evaluate(paper) == "rgb(22, 24, 29)"
    page.select_option("#theme", "light")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page = opened(NET, theme="dark")
    assert page.evaluate(paper) == "rgb(22, 24, 29)"
    page = opened(NET, theme="light", dark=True)
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page = opened(NET, theme="colorblind")
    assert page.get_attribute("html", "data-theme") == "colorblind"


def test_around_a_dark_theme_of_ones_own_the_page_is_dark(opened: Any, tmp_path: Path) -> None:
    bar = "getComputedStyle(document.querySelector('#bar')).backgroundColor"
    for base, expected in (("dark", "rgb(30, 33, 40)"), ("light", "rgb(246, 247, 249)")):
        (tmp_path / "mine.toml").write_text(f"base = '{base}'\n[fills]\nleaf = '#123456'")
        page = opened(NET, theme=str(tmp_path / "mine.toml"))
        assert page.evaluate(bar) == expected


@pytest.mark.parametrize(
    ("rankdir", "along", "sign"), [("TB", "y", 1), ("LR", "x", 1), ("BT", "y", -1)]
)
def test_the_arrows_go_the_way_that_was_asked(
    opened: Any, rankdir: str, along: str, sign: int
) -> None:
    page = opened(NET, rankdir=rankdir)
    first, last = box(page, 5).bounding_box()[along], box(page, 0).bounding_box()[along]
    assert (last - first) * sign > 0


def test_once_it_is_ready_the_picture_stands_where_the_address_says(opened: Any) -> None:
    watch = """addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
      if (document.documentElement.dataset.state !== "ready") return;
      const world = document.querySelector(".world");
      window.atReady ??= [location.hash, world.getAttribute("transform")];
    }).observe(document.documentElement, { attributes: true }));"""
    page = opened(NET, before=watch)
    hash, transform = page.evaluate("window.atReady")
    x, y, scale = hash.partition("view=")[2].split("_")
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", transform)]
    assert numbers == pytest.approx([float(x), float(y), float(scale)], abs=0.06)
    page.wait_for_timeout(500)
    assert page.get_attribute(".world", "transform") == transform
    assert page.evaluate("location.hash") == hash


def test_a_layout_that_takes_its_time_is_told(opened: Any) -> None:
    slow = """window.Worker = class extends Worker {
      postMessage(text) { setTimeout(() => super.postMessage(text), 900); }
    };"""
    page = opened(NET, before=slow)
    page.keyboard.press("e")
    page.wait_for_selector("#canvas[aria-busy=true]")
    assert "Laying out" not in page.inner_text("#status")
    page.wait_for_selector("#status.busy:has-text('Laying out')")
    page.wait_for_selector("#canvas[aria-busy=false]")
    assert page.inner_text("#status") == "6 ops, 2 leaves · 9 boxes"
    assert page.locator("#status.busy").count() == 0
