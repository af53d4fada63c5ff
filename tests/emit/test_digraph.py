"""A Picture is graphviz's Digraph in every respect, but needs no `dot` on PATH."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import sys
import time
import warnings
from pathlib import Path

import graphviz
import pytest

from graphviz_autograd.emit.digraph import DrawingWarning, Picture
from graphviz_autograd.errors import LayoutError, LayoutTimeoutError, OptionError


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")  # no dot to be found


@pytest.fixture
def picture() -> Picture:
    dot = Picture()
    dot.node("x", "leaf")
    dot.edge("x", "y")
    return dot


def slow() -> Picture:
    """Too much for any layout in a tenth of a second."""
    dot = Picture()
    dot.body += [f"\t{leaf} -> {step}\n" for step in range(3_000) for leaf in "abcd"]
    dot.timeout = 0.1
    return dot


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


# ---- render


def test_render_writes_the_source_and_the_picture_and_returns_its_path(picture: Picture) -> None:
    assert picture.render("loss", format="png") == "loss.png"
    assert files() == ["loss", "loss.png"]
    assert Path("loss").read_text() == picture.source
    assert Path("loss.png").read_bytes().startswith(b"\x89PNG")


def test_the_default_names_and_format_are_graphviz_own(picture: Picture) -> None:
    assert picture.filename == graphviz.Digraph().filename
    assert picture.render() == "Digraph.gv.pdf"
    assert Path("Digraph.gv.pdf").read_bytes().startswith(b"%PDF")
    assert Picture("loss").filename == graphviz.Digraph("loss").filename
    assert Picture(filename="a.gv", format="svg").render() == "a.gv.svg"


@pytest.mark.parametrize(
    ("arguments", "result", "written"),
    [
        ({"filename": "a.gv", "cleanup": True}, "a.gv.svg", ["a.gv.svg"]),
        (
            {"filename": "a", "directory": "deep/er"},
            "deep/er/a.svg",
            ["deep/er/a", "deep/er/a.svg"],
        ),
        ({"filename": "a", "renderer": "cairo"}, "a.cairo.svg", ["a", "a.cairo.svg"]),
        (
            {"filename": "a", "renderer": "svg", "formatter": "core"},
            "a.core.svg.svg",
            ["a", "a.core.svg.svg"],
        ),
        ({"outfile": "b.png"}, "b.png", ["b.gv", "b.png"]),
        ({"outfile": "deep/b.svg"}, "deep/b.svg", ["deep/b.gv", "deep/b.svg"]),
        ({"outfile": "b.svg", "filename": "src"}, "b.svg", ["b.svg", "src"]),
        ({"filename": Path("c.gv")}, "c.gv.svg", ["c.gv", "c.gv.svg"]),
        ({"filename": "./d"}, "d.svg", ["d", "d.svg"]),
        ({"filename": "e", "format": "SVG", "engine": "neato"}, "e.svg", ["e", "e.svg"]),
    ],
)
def test_where_render_writes(arguments: dict[str, object], result: str, written: list[str]) -> None:
    dot = Picture(format="svg")
    assert dot.render(**arguments) == str(Path(result))  # type: ignore[arg-type]
    assert files() == [str(Path(name)) for name in written]


def test_arguments_by_position_are_taken_without_a_warning(picture: Picture) -> None:
    assert picture.render("loss", "out", False, True, "svg") == str(Path("out/loss.svg"))
    assert picture.pipe("svg", None, None, None, True).startswith(b"<?xml")


def test_the_signatures_are_graphviz_own() -> None:
    for name in ("render", "pipe", "save", "view", "copy"):
        ours = inspect.signature(getattr(Picture, name)).parameters
        theirs = inspect.signature(getattr(graphviz.Digraph, name)).parameters
        assert list(ours) == list(theirs), name
        for key, parameter in theirs.items():
            assert ours[key].default == parameter.default, (name, key)
            assert ours[key].kind == parameter.kind, (name, key)


def test_the_source_may_be_replaced_by_the_picture_on_request(picture: Picture) -> None:
    with pytest.raises(OptionError, match=r"overwrite_source=True"):
        picture.render("same.svg", outfile="same.svg")
    assert files() == []
    picture.render("same.svg", outfile="same.svg", overwrite_source=True)
    assert files() == ["same.svg"]
    assert Path("same.svg").read_text().startswith("<?xml")


def test_a_result_that_exists_is_left_alone_on_request(picture: Picture) -> None:
    Path("loss.svg").write_text("precious")
    with pytest.raises(graphviz.FileExistsError):
        picture.render("loss", format="svg", raise_if_result_exists=True)
    assert Path("loss.svg").read_text() == "precious"
    with pytest.raises(OptionError, match="exclude each other"):
        picture.render("loss", raise_if_result_exists=True, overwrite_source=True)


def test_an_outfile_tells_the_format(picture: Picture) -> None:
    with pytest.raises(OptionError, match=r"'loss\.txt' does not end in a format"):
        picture.render(outfile="loss.txt")
    with pytest.warns(graphviz.UnknownSuffixWarning):
        picture.render(outfile="loss.txt", format="svg")
    assert Path("loss.txt").read_text().startswith("<?xml")
    with pytest.warns(graphviz.FormatSuffixMismatchWarning):
        picture.render(outfile="loss.png", format="svg")
    assert Path("loss.png").read_text().startswith("<?xml")


# ---- pipe, save and notebooks


def test_pipe_gives_bytes_or_text(picture: Picture) -> None:
    assert picture.pipe(format="pdf").startswith(b"%PDF")
    assert picture.pipe().startswith(b"%PDF")
    text = picture.pipe(format="svg", encoding="utf-8")
    assert "leaf" in text
    assert files() == []


def test_a_notebook_shows_an_svg(picture: Picture) -> None:
    (mime, svg), *others = picture._repr_mimebundle_().items()
    assert mime == "image/svg+xml"
    assert "</svg>" in svg
    assert not others
    bundle = picture._repr_mimebundle_(include=["image/png"])
    assert bundle["image/png"].startswith(b"\x89PNG")


def test_positions_of_nodes_are_kept_by_neato_no_op() -> None:
    placed = Picture(engine="neato", format="plain")
    placed.node("a", pos="0,0!")
    placed.node("b", pos="720,0")
    assert "node b 10.375 0.25 " in placed.pipe(neato_no_op=2, encoding="utf-8")
    assert "node b 10.375 0.25 " not in placed.pipe(encoding="utf-8")


def test_save_writes_what_graphviz_writes(picture: Picture) -> None:
    plain = graphviz.Digraph(filename="theirs.gv")
    plain.node("x", "leaf")
    plain.edge("x", "y")
    plain.save()
    assert picture.save("ours.gv") == "ours.gv"
    assert Path("ours.gv").read_bytes() == Path("theirs.gv").read_bytes()
    Path("ours.gv").write_text("mine")
    picture.save("ours.gv", skip_existing=True)
    assert Path("ours.gv").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="opens with xdg-open")
def test_view_opens_the_picture(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("bin").mkdir()
    opener = Path("bin/xdg-open")
    opener.write_text('#!/bin/sh\necho "$1" > opened.part; /bin/mv opened.part opened\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", str(opener.parent.absolute()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # graphviz does not wait for it
        assert picture.view("loss") == "loss.pdf"
        for _ in range(500):
            if Path("opened").exists():
                break
            time.sleep(0.01)
    assert Path("opened").read_text() == "loss.pdf\n"


@pytest.mark.skipif(sys.platform != "linux", reason="opens with xdg-open")
def test_view_on_a_machine_without_a_desktop_says_where_the_picture_is(picture: Picture) -> None:
    with pytest.warns(DrawingWarning, match=r"loss\.pdf is written, but nothing here can show"):
        assert picture.view("loss") == "loss.pdf"
    assert Path("loss.pdf").exists()


# ---- notes and errors


def test_a_picture_scaled_down_gives_a_warning_at_the_callers_line() -> None:
    dot = Picture(format="png")
    dot.body += [f"\t{number} -> {number + 1}\n" for number in range(400)]
    with pytest.warns(DrawingWarning, match=r"PNG scaled to 42% to stay within") as caught:
        dot.render("loss")
    assert caught[0].filename == __file__
    dot.render("loss", quiet=True)


def test_a_layout_that_takes_too_long_leaves_the_source_which_the_error_names() -> None:
    with pytest.raises(LayoutTimeoutError, match=r"The DOT is in out/loss$"):
        slow().render("loss", "out", cleanup=True)
    assert files() == [str(Path("out/loss"))]
    with pytest.raises(LayoutTimeoutError, match=r"The DOT is in .*\.dot$") as caught:
        slow().pipe(format="svg")
    Path(str(caught.value).rpartition(" ")[2]).unlink()


def test_a_failed_drawing_leaves_the_picture_that_was_there() -> None:
    Path("loss.svg").write_text("precious")
    broken = Picture(body=["\ta -> [\n"])
    with pytest.raises(LayoutError, match="syntax error in line 2"):
        broken.render("loss", format="svg")
    assert Path("loss.svg").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"engine": "dott"}, r"engine is one of dot, .*did you mean 'dot'\?"),
        ({"format": "svgg"}, r"format is one of svg, .*did you mean 'svg'\?"),
        ({"renderer": "cario"}, r"renderer is one of cairo, .*did you mean 'cairo'\?"),
        ({"renderer": "svg", "formatter": "cor"}, r"formatter is one of .*did you mean 'core'\?"),
        ({"format": "svg", "renderer": "gd"}, r"format is one of svg:svg:core, svg:cairo"),
    ],
)
def test_a_mistake_in_an_option_says_what_is_valid(
    picture: Picture, arguments: dict[str, str], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        picture.pipe(**arguments)  # type: ignore[call-overload]
    with pytest.raises(OptionError, match=message):
        picture.render("loss", **arguments)  # type: ignore[arg-type]


def test_a_formatter_needs_a_renderer(picture: Picture) -> None:
    with pytest.raises(graphviz.RequiredArgumentError, match="needs a renderer"):
        picture.pipe(formatter="core")


# ---- as an object


def test_a_picture_can_be_copied_and_pickled(picture: Picture) -> None:
    picture.timeout = 5
    picture.command = "/opt/dot"
    for other in (
        picture.copy(),
        copy.copy(picture),
        copy.deepcopy(picture),
        pickle.loads(pickle.dumps(picture)),
    ):
        assert type(other) is Picture
        assert other.source == picture.source
        assert (other.timeout, other.command) == (5, "/opt/dot")
    other = picture.copy()
    other.node("z")
    assert "z" not in picture.source
    assert Picture().copy().timeout == 60


def test_a_picture_is_a_digraph_and_takes_subgraphs() -> None:
    dot = Picture("g", "a comment", "g.gv", format="svg", engine="neato")
    assert isinstance(dot, graphviz.Digraph)
    with dot.subgraph(name="cluster_a") as inner:
        inner.node("x")
    assert re.search(r"subgraph cluster_a \{\s+x\s+\}", dot.source)
    assert dot.render() == "g.gv.svg"
