"""What the tests do in a page, and what they read from it; loaded by path."""

from __future__ import annotations

from typing import Any

from graphviz_autograd.graph import Graph

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


def save(page: Any, part: str, format: str) -> Any:
    """The file that the page gives: all of the picture, or what is in view."""
    page.click("#save")
    with page.expect_download() as download:
        page.click(f"#export-{part}-{format}")
    return download.value
