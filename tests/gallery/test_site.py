"""The whole site, as `make gallery` makes it, in a browser: every page and every page's viewer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd import Graph
from graphviz_autograd.gallery import build, entries

ENTRIES = {entry.name: entry for entry in entries.find()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All entries, made on the CPU, so that the numbers are the same on every machine."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        assert build.build(list(ENTRIES.values()), folder).failures == {}
    return folder


def test_search_in_the_index_finds_every_entry_and_every_tag(quiet_page: Any, site: Path) -> None:
    with quiet_page() as page:
        page.goto((site / "index.html").as_uri())
        cards = page.locator(".card:visible")
        assert cards.count() == len(ENTRIES)
        for name in ("gpt2", "wrong_function"):
            page.get_by_label("Search").fill(ENTRIES[name].title)
            assert cards.count() == 1
        for tag in {tag for entry in ENTRIES.values() for tag in entry.tags}:
            page.get_by_label("Search").fill("")
            page.locator(".card a", has_text=tag).get_by_text(tag, exact=True).first.click()
            assert cards.count() >= sum(tag in entry.tags for entry in ENTRIES.values()) > 0


@pytest.mark.parametrize("name", ENTRIES)
def test_every_page_shows_its_picture_and_starts_its_viewer(
    quiet_page: Any, site: Path, name: str
) -> None:
    entry = ENTRIES[name]
    with quiet_page(color_scheme="dark", viewport={"width": 390, "height": 844}) as page:
        page.goto((site / name / "index.html").as_uri())
        assert page.locator("h1").inner_text() == entry.title
        assert page.evaluate("document.querySelector('#picture img').naturalWidth") > 0
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        page.get_by_role("button", name="Explore").click()
        page.wait_for_selector("#said", state="hidden")
        inner = page.frame_locator("iframe")
        assert inner.locator("html[data-state=ready]").count() == 1
        assert inner.locator(".box").count() == boxes(site / name / "graph.svg")
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


@pytest.mark.parametrize("name", ENTRIES)
def test_the_picture_is_of_the_program_as_it_runs_by_itself(
    gallery: Any, site: Path, name: str
) -> None:
    """Not as it runs while it is checked: compiled functions are one box."""
    shown = Graph.from_json((site / name / "graph.json").read_text(encoding="utf-8"))
    assert nodes(shown) == nodes(gallery.graph(name))
    if name == "compiled":
        assert "runs uncompiled" in (site / name / "index.html").read_text(encoding="utf-8")


def nodes(graph: Graph) -> list[Any]:
    """What its nodes are. While torch is recorded, reshape is a view by another name."""
    names = {"ReshapeAliasBackward0": "ViewBackward0"}
    return [(node.kind, names.get(node.op, node.op), node.names) for node in graph.nodes]


def boxes(svg: Path) -> int:
    """How many boxes a picture has."""
    return svg.read_text(encoding="utf-8").count(' class="node"')


@pytest.mark.parametrize("name", ENTRIES)
def test_every_side_says_the_same_of_the_leaves_but_of_the_wrong_one(site: Path, name: str) -> None:
    """Engine, torch and finite differences, each as numbers in the page's table."""
    report = json.loads((site / name / "verify.json").read_text(encoding="utf-8"))
    assert report["leaves"]
    known = Counter(leaf["sides"]["numeric"] is not None for leaf in report["leaves"])
    assert known[True] >= min(24, len(report["leaves"])), "as many as the table shows"
    for leaf in report["leaves"]:
        sides = leaf["sides"]
        if sides["numeric"] is None:
            assert sides["why"].startswith("not asked")
            continue
        engine, torch, numeric = (flat(sides[side]) for side in ("engine", "torch", "numeric"))
        assert numeric == pytest.approx(engine, rel=1e-3, abs=1e-4)
        assert (torch == pytest.approx(engine, rel=1e-3, abs=1e-4)) == (not ENTRIES[name].fails)


def flat(numbers: Any) -> list[float]:
    if isinstance(numbers, list):
        return [number for inner in numbers for number in flat(inner)]
    return [numbers]
