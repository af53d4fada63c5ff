"""How large pictures become: what no viewer opens is scaled down, and a note says so."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

import pytest

from graphviz_autograd.emit.layout import draw
from graphviz_autograd.errors import (
    LayoutError,
)

posix = pytest.mark.skipif(os.name != "posix", reason="scripts and signals of POSIX")

_DOTS = runpy.run_path(str(Path(__file__).with_name("dots.py")))
MAGIC, chain, unrolled = _DOTS["MAGIC"], _DOTS["chain"], _DOTS["unrolled"]
png_size = _DOTS["png_size"]


def test_a_long_png_stays_within_the_limit_and_says_so() -> None:
    drawing = draw(chain(1_000), "png")
    assert max(png_size(drawing.data)) <= 16_384
    assert min(png_size(drawing.data)) >= 1
    (note,) = drawing.notes
    assert re.fullmatch(r"PNG scaled to 17% to stay within 16,384 pixels; SVG has no limit", note)


@pytest.mark.parametrize(
    "attributes",
    ["dpi=300", "size=900", 'size="900,900!"', 'margin="2,3"', "dpi=1234 size=100", "pad=3"],
)
def test_a_png_stays_within_the_limit_whatever_the_graph_asks_for(attributes: str) -> None:
    drawing = draw(f"digraph {{ rankdir=LR {attributes} {chain(600)[9:]}", "png")
    assert 16_000 < max(png_size(drawing.data)) <= 16_384
    assert drawing.notes


def test_a_png_of_a_size_the_graph_asks_for_has_that_size() -> None:
    drawing = draw("digraph { size=2; " + chain(600)[9:], "png")
    assert max(png_size(drawing.data)) == 192
    assert drawing.notes == ()


def test_a_picture_too_thin_for_a_pixel_is_still_a_picture() -> None:
    """Graphviz itself writes an empty file here."""
    drawing = draw(chain(30_000), "png")
    assert max(png_size(drawing.data)) <= 16_384
    assert min(png_size(drawing.data)) >= 2
    assert drawing.notes[0].startswith("PNG scaled to 0.6% ")


def test_a_png_that_fits_is_left_alone() -> None:
    drawing = draw(chain(3), "png")
    assert 300 < max(png_size(drawing.data)) < 400
    assert drawing.notes == ()


def test_a_png_that_a_viewport_makes_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"20,000 pixels long, 16,384 is the most"):
        draw('digraph { viewport="15000,10" a }', "png", keep=tmp_path / "kept.dot")


def test_a_pdf_page_stays_within_what_readers_open() -> None:
    drawing = draw(chain(1_000), "pdf")
    box = re.search(rb"/MediaBox \[ 0 0 (\d+) (\d+) \]", drawing.data)
    assert box
    assert 14_000 < max(map(int, box.groups())) <= 14_400
    assert drawing.notes[0].startswith("PDF scaled to 19% to stay within 14,400 points")


def test_an_svg_has_no_limit() -> None:
    drawing = draw(chain(1_000), "svg")
    assert drawing.notes == ()
    height = re.search(rb'height="(\d+)pt"', drawing.data)
    assert height
    assert int(height[1]) > 70_000


@posix
def test_a_machine_without_fonts_gets_its_picture_and_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "fonts.conf"
    config.write_text('<?xml version="1.0"?><fontconfig></fontconfig>')
    monkeypatch.setenv("FONTCONFIG_FILE", str(config))
    for format in ("png", "pdf"):
        (note,) = draw("digraph { a -> b }", format).notes
        assert note.startswith("no font was found on this machine, so the P")
    svg = draw('digraph { node [fontsize=10 shape=box] a [label="MeanBackward0"] }', "svg")
    assert svg.notes == ()
    box = re.search(rb'points="([\d.]+),[\d.-]+ ([\d.]+),[^"]*"/>\n<text', svg.data)
    assert box
    assert float(box[1]) - float(box[2]) > 13 * 6  # the browser's font has room
