"""What a person does in the page, done in a real browser."""

from __future__ import annotations

import re
import runpy
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.graph import Graph

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
NET: Graph = NETS["net"]().collapse(1)

DONE = "#canvas[aria-busy=false]"


def settled(page: Any) -> None:
    """Waits until the picture stands, and nothing moves any more."""
    page.wait_for_selector(DONE)
    page.wait_for_selector("#canvas:not(.moving)")
    page.wait_for_timeout(250)


def ids(page: Any) -> set[int]:
    """The nodes that are boxes now."""
    found = page.eval_on_selector_all(".box", "all => all.map((one) => Number(one.dataset.node))")
    return set(found)


def group(graph: Graph, path: str) -> int:
    """The id of the group of a module call."""
    (found,) = [n.id for n in graph.nodes if n.op == "module" and n.modules[-1].path == path]
    return found


def box(page: Any, number: int) -> Any:
    return page.locator(f'.box[data-node="{number}"]')


def frame(page: Any, number: int) -> Any:
    return page.locator(f'.frame[data-node="{number}"]')


def search(page: Any, text: str) -> list[str]:
    page.fill("input[type=search]", text)
    return list(page.locator("[role=option] .name").all_inner_texts())


# ---- opening and closing


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


# ---- search


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


# ---- the panel, and the way of the gradient


def test_the_panel_says_all_that_is_known(opened: Any) -> None:
    page = opened(NET)
    box(page, 5).click()
    panel = page.locator("[role=complementary]")
    text = panel.inner_text()
    for known in ("TanhBackward0", "(5, 3)", "float32", "60 bytes", "net.py:8", "Net"):
        assert known in text
    assert "Saved for backward: 60 bytes" in text
    panel.locator("section:has-text('To: 1') .link").click()
    settled(page)
    text = panel.inner_text()
    assert "AddmmBackward0" in text
    assert "alpha" in text
    assert "verify status" in text
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


# ---- keyboard


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
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    wanted = {"search", "open-all", "close-all", "fit", "layer", "saved", "theme", "canvas"}
    assert wanted <= reached
    names = page.eval_on_selector_all(
        "button, select, input, .box, .frame",
        """all => all.filter((one) =>
          !(one.getAttribute("aria-label") || one.labels?.length || one.textContent))""",
    )
    assert names == []


# ---- looking around


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
    titles = page.locator(".frame .first:visible")
    assert titles.all_text_contents() == ["Net"]  # those within have no room
    assert 8 < titles.bounding_box()["height"] < 20
    assert page.locator(".box text:visible").count() == 0
    for _ in range(9):
        page.keyboard.press("+")
    assert page.locator(".frame .first:visible").count() == 3
    assert abs(page.locator(".frame .first").first.bounding_box()["height"] - near) < 1


def test_the_mouse_is_told_what_a_box_is(opened: Any) -> None:
    page = opened(NET)
    box(page, 5).hover()
    assert box(page, 5).locator("title").text_content() == "TanhBackward0\nNet\nnet.py:8"


def test_what_is_out_of_sight_is_not_drawn_and_the_minimap_shows_where_one_is(opened: Any) -> None:
    page = opened(NETS["blocks"](30))
    page.click("#open-all")
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


# ---- layers


def test_a_layer_colours_the_boxes_with_a_legend_and_a_list(opened: Any) -> None:
    page = opened(NET)
    page.keyboard.press("e")
    settled(page)
    page.select_option("#layer", "bytes")
    look = "one => getComputedStyle(one.querySelector('.shape')).fill"
    first, second = (box(page, number).evaluate(look) for number in (10, 20))
    assert first != second
    assert page.inner_text("#legend h2") == "bytes"
    rows = page.locator("#legend li").all_inner_texts()
    assert [re.sub(r"\s+", " ", row) for row in rows] == [
        "AddmmBackward0 fc1 200 bytes",
        "AddmmBackward0 fc0 100 bytes",
    ]
    page.locator("#legend .link").first.click()
    settled(page)
    assert "fc1" in page.inner_text("#panel")
    page.select_option("#layer", "")
    assert not page.is_visible("#legend")
    assert box(page, 10).evaluate(look) == box(page, 5).evaluate(look)


def test_a_closed_group_has_the_sum_of_what_is_in_it(opened: Any) -> None:
    page = opened(NET)
    page.select_option("#layer", "parameters")
    assert page.locator("#legend li").all_inner_texts()[0].endswith("16")
    page.keyboard.press("c")
    settled(page)
    filled = box(page, group(NET, "")).evaluate("one => one.style.getPropertyValue('--fill')")
    assert filled.startswith("#")


def test_what_verify_found_is_seen_at_once(opened: Any) -> None:
    page = opened(NET)
    assert page.input_value("#layer") == "verify status"
    assert "matched" in page.inner_text("#legend")
    green = box(page, group(NET, "fc0")).evaluate(
        "one => getComputedStyle(one.querySelector('.shape')).fill"
    )
    assert green == "rgb(195, 230, 168)"


# ---- files, address, theme


def test_the_picture_is_saved_as_svg(opened: Any, tmp_path: Path) -> None:
    page = opened(NET)
    with page.expect_download() as download:
        page.click("#export-svg")
    assert download.value.suggested_filename == "loss.svg"
    download.value.save_as(tmp_path / "x.svg")
    root = ElementTree.parse(tmp_path / "x.svg").getroot()
    texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"TanhBackward0", "Linear", "loss"} <= texts
    text = (tmp_path / "x.svg").read_text("utf-8")
    assert "class=" not in text
    assert "var(" not in text


def test_the_picture_is_saved_as_png(opened: Any, tmp_path: Path) -> None:
    page = opened(NET)
    with page.expect_download() as download:
        page.click("#export-png")
    download.value.save_as(tmp_path / "x.png")
    data = (tmp_path / "x.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20]) > 200


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
    "hash", ["#open=zzzz*9-!", "#at=999&view=a_b_c", "#%%%", "#layer=none&shut=5"]
)
def test_an_address_that_makes_no_sense_is_passed_over(opened: Any, hash: str) -> None:
    page = opened(NET, hash=hash)
    assert len(ids(page)) == 5


def test_the_theme_is_the_systems_or_the_one_that_was_chosen(opened: Any) -> None:
    page = opened(NET, dark=True)
    paper = "getComputedStyle(document.querySelector('#canvas')).backgroundColor"
    assert page.evaluate(paper) == "rgb(22, 24, 29)"
    page.select_option("#theme", "light")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page = opened(NET, theme="dark")
    assert page.evaluate(paper) == "rgb(22, 24, 29)"
    page = opened(NET, theme="colorblind")
    assert page.get_attribute("html", "data-theme") == "colorblind"


@pytest.mark.parametrize(
    ("rankdir", "along", "sign"), [("TB", "y", 1), ("LR", "x", 1), ("BT", "y", -1)]
)
def test_the_arrows_go_the_way_that_was_asked(
    opened: Any, rankdir: str, along: str, sign: int
) -> None:
    page = opened(NET, rankdir=rankdir)
    first, last = box(page, 5).bounding_box()[along], box(page, 0).bounding_box()[along]
    assert (last - first) * sign > 0
