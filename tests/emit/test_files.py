"""Files are written whole or not at all, in the format their name tells."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.emit.files import FORMATS, format_of, render_bytes, save, write_whole
from graphviz_autograd.errors import LayoutError, LayoutTimeoutError, OptionError
from graphviz_autograd.graph import Edge, Graph, Node

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and pipes of POSIX")
not_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere"
)

SMALL = Graph([Node(0, "leaf", names=("w",)), Node(1, "output")], [Edge(0, 1)], (1,))

# No layout of four thousand arrows onto four boxes is done in a tenth of a second.
SLOW = Graph(
    [Node(number, "op", "AddBackward0") for number in range(1_000)],
    [Edge(leaf, number) for number in range(4, 1_000) for leaf in range(4)],
)

STARTS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "json": b"{"}
STARTS |= {"mermaid": b"flowchart", "mmd": b"flowchart", "graphml": b"<?xml"}
STARTS |= {"html": b"<!DOCTYPE html>"}


# ---- save


@pytest.mark.parametrize("format", FORMATS)
def test_the_suffix_tells_the_format(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"loss.{format.upper()}"
    assert save(SMALL, path) == []
    data = path.read_bytes()
    assert data.startswith(STARTS.get(format, b"digraph"))
    assert render_bytes(SMALL, format)[0][:50] == data[:50]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_format_that_is_named_overrides_the_suffix(tmp_path: Path) -> None:
    save(SMALL, tmp_path / "loss.txt", format="dot")
    assert (tmp_path / "loss.txt").read_text().startswith("digraph")


def test_options_reach_the_drawing(tmp_path: Path) -> None:
    save(SMALL, tmp_path / "loss.dot", rankdir="LR")
    assert "rankdir=LR" in (tmp_path / "loss.dot").read_text()
    for name in ("loss.svg", "loss.mmd"):
        with pytest.raises(OptionError, match="rankdir"):
            save(SMALL, tmp_path / name, rankdir="up")


def test_a_theme_of_ones_own_colours_every_picture(tmp_path: Path) -> None:
    theme = tmp_path / "mine.toml"
    theme.write_text("[fills]\nleaf = '#123456'")
    for name in ("loss.svg", "loss.dot", "loss.mmd"):
        save(SMALL, tmp_path / name, theme=os.fspath(theme))
        assert "#123456" in (tmp_path / name).read_text()


def test_what_mermaid_does_not_draw_is_noted(tmp_path: Path) -> None:
    assert save(SMALL, tmp_path / "a.mmd", legend=True) == ["a Mermaid flowchart has no legend"]
    many = Graph([Node(0, "op", "A"), Node(1, "op", "B")], [Edge(0, 1)] * 501)
    (note,) = save(many, tmp_path / "a.mmd")
    assert note.startswith("Mermaid draws 500 arrows and 50,000 characters, where")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("loss.svgg", r"loss\.svgg: format is one of svg, png, .*did you mean 'svg'\?"),
        ("loss", r"loss has no suffix to tell the format: end it in one of \.svg, \.png"),
        (".svg", r"\.svg has no suffix"),
    ],
)
def test_a_name_that_tells_no_format_is_refused(path: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        save(SMALL, path)
    with pytest.raises(OptionError, match="format is one of"):
        format_of("loss.svg", "bmp")


def test_a_missing_folder_is_told_before_any_layout(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"the folder .* does not exist; make it first"):
        save(SLOW, tmp_path / "none" / "loss.svg", timeout=0.1)


def test_when_layout_fails_the_dot_lies_beside(tmp_path: Path) -> None:
    path = tmp_path / "loss.svg"
    path.write_text("precious")
    with pytest.raises(LayoutTimeoutError, match=r"loss\.dot$"):
        save(SLOW, path, timeout=0.1)
    assert (tmp_path / "loss.dot").read_text().startswith("digraph")
    assert path.read_text() == "precious"
    (tmp_path / "loss.dot").write_text("mine")
    with pytest.raises(LayoutError) as caught:
        save(SLOW, path, timeout=0.1)
    assert (tmp_path / "loss.dot").read_text() == "mine"
    elsewhere = Path(str(caught.value).rpartition(" ")[2])
    assert elsewhere.read_text().startswith("digraph")
    elsewhere.unlink()


def test_a_picture_scaled_down_is_noted(tmp_path: Path) -> None:
    count = 400
    long = Graph(
        [Node(number, "op", "AddBackward0") for number in range(count)],
        [Edge(number, number + 1) for number in range(count - 1)],
    )
    (note,) = save(long, tmp_path / "long.png")
    assert note.startswith("PNG scaled to ")


# ---- write_whole


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_relative_path_is_taken_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_whole("x.svg", b"one")
    assert (tmp_path / "x.svg").read_bytes() == b"one"


def test_a_write_that_fails_half_way_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.svg"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OptionError, match=r"cannot write .*x\.svg: No space left on device"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_permissions_are_those_of_the_old_file_or_of_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    before = os.umask(0o027)
    try:
        write_whole(path, b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    write_whole(path, b"two")
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@posix
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "x.svg"
    target.write_bytes(b"old")
    link = tmp_path / "x.svg"
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@posix
def test_a_pipe_is_written_to_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.svg"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"drawn")
    reader.join(10)
    assert heard == [b"drawn"]
    assert pipe.is_fifo()


def test_what_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"it is a folder; name a file in it"):
        write_whole(tmp_path, b"")
    with pytest.raises(OptionError, match=r"the folder .*none does not exist"):
        write_whole(tmp_path / "none" / "x.svg", b"")
    with pytest.raises(OptionError, match="cannot write"):
        write_whole(tmp_path / ("x" * 300), b"")
    assert list(tmp_path.iterdir()) == []


@not_root
def test_a_read_only_file_or_folder_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(OptionError, match="it may not be written"):
        write_whole(path, b"new")
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OptionError, match=r"the folder .* may not be written"):
            write_whole(tmp_path / "y.svg", b"new")
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("a.svg", {"bogus": 1}, "option is one of show_attrs, .*, not 'bogus'"),
        ("a.json", {"timeout": -1}, "timeout is a number of seconds"),
        ("a.dot", {"engine": "nope"}, "engine is one of"),
    ],
)
def test_a_mistake_in_an_option_is_told_whatever_the_format(
    tmp_path: Path, name: str, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(OptionError, match=says):
        Graph([Node(0, "output")], []).save(tmp_path / name, **options)
    assert not list(tmp_path.iterdir())
