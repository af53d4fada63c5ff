"""A person clicks a box: the panel says what is known, and the gradient's way lights up."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

from graphviz_autograd.graph import Graph

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
    panel.locator("section:has-text('To: 1') .link").click()
    settled(page)
    text = panel.inner_text()
    assert "AddmmBackward0" in text
    assert "alpha" in text
    assert "matched" in panel.locator("section:has-text('verify')").inner_text()
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
