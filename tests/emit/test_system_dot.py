"""A `dot` of the system's draws where it is asked for."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

import pytest

from graphviz_autograd.emit import layout, layout_child
from graphviz_autograd.emit.layout import draw
from graphviz_autograd.errors import (
    OptionError,
)

posix = pytest.mark.skipif(os.name != "posix", reason="scripts and signals of POSIX")

_DOTS = runpy.run_path(str(Path(__file__).with_name("dots.py")))
MAGIC, chain, unrolled = _DOTS["MAGIC"], _DOTS["chain"], _DOTS["unrolled"]
png_size = _DOTS["png_size"]


@pytest.fixture
def system_dot(tmp_path: Path) -> str:
    """A program that takes dot's arguments, notes them, and draws with pygraphviz."""
    path = tmp_path / "dot"
    path.write_text(
        f"#!{sys.executable}\n"
        "import runpy, sys, pathlib\n"
        f"pathlib.Path({str(tmp_path / 'arguments')!r}).write_text('\\n'.join(sys.argv[1:]))\n"
        "given = {a[:2]: a[2:] for a in sys.argv[1:] if a[1] != 'G'}\n"
        "text = sys.stdin.read()\n"
        "for a in sys.argv[1:]:\n"
        "    text = text.replace('{', '{' + a[2:] + ';', 1) if a[1] == 'G' else text\n"
        f"pathlib.Path({str(tmp_path / 'given')!r}).write_text(text)\n"
        f"sys.stdin = open({str(tmp_path / 'given')!r})\n"
        f"sys.argv[1:] = [{layout._pygraphviz_folder()!r}, given['-K'], given['-T'], '0']\n"
        f"runpy.run_path({layout_child.__file__!r}, run_name='__main__')\n"
    )
    path.chmod(0o755)
    return str(path)


@posix
def test_a_system_dot_draws_when_it_is_asked_for(system_dot: str, tmp_path: Path) -> None:
    drawing = draw("digraph { a -> b }", "png", engine="neato", command=system_dot)
    assert drawing.data.startswith(MAGIC["png"])
    arguments = (tmp_path / "arguments").read_text().split("\n")
    assert arguments[:2] == ["-Kneato", "-Tpng"]
    assert arguments[2].startswith("-Gsize=170.")


@posix
def test_a_png_of_a_system_dot_stays_within_the_limit(system_dot: str) -> None:
    drawing = draw(chain(400), "png", command=system_dot)
    assert 16_000 < max(png_size(drawing.data)) <= 16_384
    assert drawing.notes == ("PNG scaled down to stay within 16,384 pixels; SVG has no limit",)


@posix
def test_a_system_dot_is_named_in_the_environment(
    system_dot: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GVA_DOT", system_dot)
    assert b"</svg>" in draw("digraph { a -> b }", "svg").data
    assert (tmp_path / "arguments").exists()
    monkeypatch.setenv("GVA_DOT", "nonesuch")
    with pytest.raises(
        OptionError, match="no Graphviz program 'nonesuch' .from the environment variable GVA_DOT."
    ):
        draw("digraph { a -> b }", "svg")


@posix
def test_a_system_dot_gets_the_time_limit_and_then_positions_to_draw(
    system_dot: str, tmp_path: Path
) -> None:
    drawing = draw(unrolled(40), "svg", timeout=2, command=system_dot)
    assert drawing.data.count(b'class="node"') == 40 * 10 + 4
    assert drawing.notes == ("dot did not finish in 2 s; drawn with a plain layered layout",)
    assert (tmp_path / "arguments").read_text().split("\n") == ["-Knop2", "-Tsvg"]
