"""A person zooms, pans, and looks at the whole from far away."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from graphviz_autograd.graph import Graph

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
DOING = runpy.run_path(str(Path(__file__).with_name("doing.py")))
box, settled = (DOING["box"], DOING["settled"])
NET: Graph = NETS["net"]().collapse(1)


def test_one_zooms_pans_and_fits(opened: Any) -> None:
    page = opened(NET)
    start = box(page, 5).bounding_box()
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.wheel(0, -400)
    large = box(page, 5).bounding_box()
    assert large["width"] > 1.5 * start["width"]
    assert abs(large["x"] + 5 * large["width"] / start["width"] - start["x"] - 5) < 3
    page.mouse.move(20, 500)
    page.mouse.down()
    page.mouse.move(120, 560, steps=4)
    page.mouse.up()
    moved = box(page, 5).bounding_box()
    assert abs(moved["x"] - large["x"] - 100) < 3  # its frame is thinner without the mouse
    assert abs(moved["y"] - large["y"] - 60) < 3
    assert not page.is_visible("#panel")
    page.keyboard.press("f")
    settled(page)
    fitted = box(page, 5).bounding_box()
    assert abs(fitted["width"] - start["width"]) < 2
    page.keyboard.press("+")
    assert box(page, 5).bounding_box()["width"] > 1.2 * start["width"]
    page.keyboard.press("-")
    page.keyboard.press("Shift+ArrowRight")
    assert box(page, 5).bounding_box()["x"] < fitted["x"] - 50


def test_two_fingers_zoom(opened: Any) -> None:
    page = opened(NET)
    before = box(page, 5).bounding_box()["width"]
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})

    def touch(kind: str, *points: tuple[int, int]) -> None:
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    touch("touchStart", (600, 400), (700, 400))
    for step in range(1, 11):
        touch("touchMove", (600 - 5 * step, 400), (700 + 5 * step, 400))
    touch("touchEnd")
    assert 1.7 < box(page, 5).bounding_box()["width"] / before < 2.3


def test_from_far_away_titles_of_frames_can_still_be_read(opened: Any) -> None:
    page = opened(NET)
    page.keyboard.press("e")
    settled(page)
    near = page.locator(".frame .first").first.bounding_box()["height"]
    for _ in range(9):
        page.keyboard.press("-")
    titles = page.locator(".titles text")
    assert titles.all_text_contents() == ["Net"]  # those within have no room
    assert 8 < titles.bounding_box()["height"] < 24
    assert page.locator(".box text:visible").count() == 0
    assert page.locator(".world ~ .titles").count() == 1  # after the boxes: none covers them
    for _ in range(9):
        page.keyboard.press("+")
    assert titles.count() == 0
    assert page.locator(".frame .first:visible").count() == 3
    assert abs(page.locator(".frame .first").first.bounding_box()["height"] - near) < 1


def test_a_long_graph_opens_at_its_root_and_can_be_read(opened: Any) -> None:
    page = opened(NETS["many_modules"](800, 400))
    root = page.locator(".box[data-kind=output]")
    assert 600 < root.bounding_box()["y"] < 780  # below it there is no white
    assert page.locator(".box .first:visible").first.bounding_box()["height"] > 8
    assert page.locator("#minimap.idle").count() == 0
    page.keyboard.press("f")
    settled(page)
    assert page.locator("#minimap.idle").count() == 1
    page.keyboard.press("e")
    settled(page)
    assert page.locator(".box .first:visible").first.bounding_box()["height"] > 8


def test_what_the_panel_covered_is_drawn_when_it_closes(opened: Any) -> None:
    page = opened(NETS["many_modules"](40, 2), rankdir="LR")
    for key in ("e", "f"):
        page.keyboard.press(key)
        settled(page)
    seen = "all => all.filter((one) => one.style.display !== 'none').length"
    before = page.eval_on_selector_all(".box", seen)
    page.locator(".box").nth(3).click()
    page.wait_for_timeout(100)
    assert page.eval_on_selector_all(".box", seen) < before
    page.keyboard.press("Escape")
    page.wait_for_timeout(100)
    assert page.eval_on_selector_all(".box", seen) >= before - 2


def test_a_box_at_the_edge_is_not_lost_behind_the_panel(opened: Any) -> None:
    page = opened(NETS["many_modules"](40, 2), rankdir="LR")
    page.keyboard.press("e")
    settled(page)
    last = page.locator(".box:visible").last
    last.click()
    page.wait_for_timeout(900)  # it may become a double click
    place, panel = last.bounding_box(), page.locator("#panel").bounding_box()
    assert place["x"] + place["width"] < panel["x"]


def test_the_mouse_is_told_what_a_box_is(opened: Any) -> None:
    page = opened(NET)
    box(page, 5).hover()
    assert box(page, 5).locator("title").text_content() == "TanhBackward0\nNet\nnet.py:8"


def test_what_is_out_of_sight_is_not_drawn_and_the_minimap_shows_where_one_is(opened: Any) -> None:
    page = opened(NETS["blocks"](30))
    page.click("#open-all")
    settled(page)
    page.keyboard.press("f")
    settled(page)
    assert page.locator("#minimap.idle").count() == 1
    for _ in range(12):
        page.keyboard.press("+")
    page.wait_for_timeout(200)
    hidden = page.eval_on_selector_all(
        ".box", "all => all.filter((b) => b.style.display === 'none').length"
    )
    assert 60 < hidden < 121
    assert page.locator("#minimap.idle").count() == 0
    map_ = page.locator("#minimap").bounding_box()
    before = page.get_attribute(".world", "transform")
    page.mouse.click(map_["x"] + map_["width"] / 2, map_["y"] + 12)
    assert page.get_attribute(".world", "transform") != before
    assert box(page, 0).is_visible() or box(page, 4).is_visible()


def test_a_smaller_window_does_not_lose_the_graph(opened: Any) -> None:
    page = opened(NET, viewport={"width": 1000, "height": 700})
    for _ in range(4):
        page.keyboard.press("-")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowLeft")
    page.set_viewport_size({"width": 390, "height": 500})
    page.wait_for_timeout(300)
    seen = [one.bounding_box() for one in page.locator(".box:visible").all()]
    assert any(-20 < one["x"] < 390 and 0 < one["y"] < 500 for one in seen)


def test_what_was_in_the_middle_stays_there_when_the_window_shrinks(opened: Any) -> None:
    page = opened(NET, viewport={"width": 1000, "height": 700})
    before = box(page, 5).bounding_box()
    page.set_viewport_size({"width": 800, "height": 700})
    page.wait_for_timeout(300)
    assert abs(box(page, 5).bounding_box()["x"] - before["x"] + 100) < 3


def test_what_follows_a_motion_at_once_is_drawn_wholly(opened: Any) -> None:
    page = opened(NETS["many_modules"](1_400, 7))
    for key in ("e", "c"):
        page.keyboard.press(key)
        settled(page)
    page.locator(".box[aria-expanded=false]").first.press("Enter")
    page.wait_for_selector("#canvas.moving")
    page.keyboard.press("e")
    page.wait_for_selector("#status:has-text('· 1,4')")
    assert page.locator("#canvas.moving").count() == 0
    seen = "all => all.filter((one) => one.style.display !== 'none').length"
    page.keyboard.press("+")
    near = page.eval_on_selector_all(".box", seen)
    page.keyboard.press("f")
    page.wait_for_timeout(500)
    assert page.eval_on_selector_all(".box", seen) > max(1_300, near)


def test_on_a_small_screen_all_tools_are_in_sight(opened: Any) -> None:
    page = opened(NET, viewport={"width": 390, "height": 800})
    for tool in ("#open-all", "#close-all", "#fit", "#layer", "#saved", "#theme", "#save", "#keys"):
        place = page.locator(tool).bounding_box()
        assert place["x"] >= 0, tool
        assert place["x"] + place["width"] <= 390, tool
    for _ in range(6):
        page.keyboard.press("+")
    assert not page.is_visible("#minimap")
