"""The README's pictures are those that the gallery makes now."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
SHOWN = re.findall(
    r"docs/pictures/(\w+)\.svg", (CHECKOUT / "README.md").read_text(encoding="utf-8")
)


def test_the_readme_shows_three_and_no_other_is_there() -> None:
    there = {path.stem for path in (CHECKOUT / "docs" / "pictures").iterdir()}
    assert len(SHOWN) == 3
    assert there == set(SHOWN)


def drawn(picture: ET.Element) -> dict[str, Any]:
    """What a picture shows, whatever the fonts of the machine: of each box, frame and arrow what
    stands in it and its colours.
    """
    found = {}
    for group in picture.iter(f"{SVG}g"):
        if group.get("class") in ("graph", "node", "edge", "cluster"):
            inner = group if group.get("class") != "graph" else list(group.findall(f"{SVG}text"))
            parts = [part for child in inner for part in child.iter()]
            texts = [part.text for part in parts if part.tag == f"{SVG}text"]
            colours = {(part.get("fill"), part.get("stroke")) for part in parts if part.get("fill")}
            found[str(group.get("id"))] = group.get("class"), texts, colours
    return found


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_in_the_readme_is_as_it_is_made_now(gallery: Any, name: str) -> None:
    """If not: `make readme-pictures`, and look at them."""
    path = CHECKOUT / "docs" / "pictures" / f"{name}.svg"
    then, now = drawn(ET.parse(path).getroot()), drawn(gallery.svg(name).getroot())
    assert len(now) > 4
    assert then == now


def test_they_are_small() -> None:
    for path in (CHECKOUT / "docs" / "pictures").iterdir():
        assert path.stat().st_size < 20_000, path
