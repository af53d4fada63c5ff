"""Pictures of the page in six states, in build/viewer, for people to look at.

What can be told by a machine is told here: no box covers another, no text leaves its box, and
what is written can be told from what it is written on.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphviz_autograd as gva
from graphviz_autograd.graph import Graph

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))
FOLDER = Path(__file__).parents[2] / "build" / "viewer"

LEAVING = """all => all.filter((box) => {
  const shape = box.querySelector(".shape").getBBox();
  return [...box.querySelectorAll("text")].some((text) => {
    const { x, width, y, height } = text.getBBox();
    const [right, bottom] = [shape.x + shape.width, shape.y + shape.height + 1];
    return x < shape.x || x + width > right || y < shape.y || y + height > bottom;
  });
}).map((box) => box.textContent)"""

COVERING = """all => {
  const places = all.map((box) => [box, box.getBoundingClientRect()]);
  const found = [];
  for (const [index, [box, one]] of places.entries()) {
    for (const [other, two] of places.slice(index + 1)) {
      const across = one.left < two.right - 7 && two.left < one.right - 7;  // a pile leans over
      const down = one.top < two.bottom - 7 && two.top < one.bottom - 7;
      if (across && down) found.push([box.textContent, other.textContent]);
    }
  }
  return found;
}"""

CONTRAST = """all => {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return Math.min(...all.filter((box) => box.querySelector(".first")).map((box) => {
    const two = [".shape", ".first"]
      .map((part) => luminance(getComputedStyle(box.querySelector(part)).fill));
    return (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05);
  }));
}"""


@pytest.fixture(scope="module")
def transformer() -> Graph:
    """A small transformer with its loss."""
    import torch

    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
    x = torch.randn(2, 5, 16, requires_grad=True)
    with gva.record(model) as record:
        loss = model(x).square().mean()
    names = {"loss": loss, "x": x, **dict(model.named_parameters())}
    return gva.walk(loss, names, record=record, shapes=True, saved=True, attrs=True)


def opens(page: Any) -> None:
    page.locator(
        ".box:has-text('TransformerEncoderLayer'), .box:has-text('MultiheadAttention')"
    ).first.press("Enter")


def searches(page: Any) -> None:
    page.fill("#search", "norm")


def selects(page: Any) -> None:
    page.locator(".box.kind-op").first.press(" ")


def colours(page: Any) -> None:
    page.select_option("#layer", "saved bytes")


def everything(page: Any) -> None:
    page.keyboard.press("e")


STATES: dict[str, tuple[Callable[[Any], None] | None, dict[str, Any]]] = {
    "opening": (None, {}),
    "opened": (opens, {}),
    "searching": (searches, {}),
    "selected, dark": (selects, {"dark": True}),
    "layer": (colours, {}),
    "everything, colour-blind safe": (everything, {"theme": "colorblind"}),
}


@pytest.mark.parametrize("state", STATES)
def test_pictures_of_the_page(opened: Any, transformer: Graph, state: str) -> None:
    act, options = STATES[state]
    page = opened(transformer, viewport={"width": 1400, "height": 900}, **options)
    if act is not None:
        act(page)
        page.wait_for_selector("#canvas[aria-busy=false]")
    page.wait_for_timeout(700)
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{state}.png")
    assert page.eval_on_selector_all(".box", LEAVING) == []
    assert page.eval_on_selector_all(".box", COVERING) == []
    assert page.eval_on_selector_all(".box", CONTRAST) >= 4.5
