"""A picture comes out of DOT text, whatever Graphviz does, and no `dot` is installed."""

from __future__ import annotations

import os
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphviz_autograd.emit import layout
from graphviz_autograd.emit.layout import draw
from graphviz_autograd.errors import (
    LayoutError,
    LayoutTimeoutError,
    MissingExtraError,
    OptionError,
)

posix = pytest.mark.skipif(os.name != "posix", reason="scripts and signals of POSIX")

_DOTS = runpy.run_path(str(Path(__file__).with_name("dots.py")))
MAGIC, chain, unrolled = _DOTS["MAGIC"], _DOTS["chain"], _DOTS["unrolled"]


def program(path: Path, script: str) -> str:
    """A shell script that stands in for a system `dot`."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def is_gone(process: int) -> bool:
    for _ in range(500):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        stat = Path(f"/proc/{process}/stat")  # killed, but nobody has asked how it ended
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def number_in(path: Path) -> int:
    for _ in range(500):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError(f"{path} was never written")


# ---- pictures


def test_an_svg_has_a_size_and_a_viewbox_and_the_text_that_was_given() -> None:
    drawing = draw('digraph { a [label="Größe ∂L/∂w"] a -> b }', "svg")
    head = re.search(rb"<svg [^>]*>", drawing.data)
    assert head
    assert re.search(rb'width="[\d.]+pt" height="[\d.]+pt"', head[0])
    assert b"viewBox=" in head[0]
    text = drawing.data.decode().replace("\N{NO-BREAK SPACE}", " ").replace("&#160;", " ")
    assert "Größe ∂L/∂w" in text
    assert drawing.notes == ()


def test_a_box_without_a_label_bears_its_name_beside_one_that_has_a_label() -> None:
    svg = draw("digraph { a -> b; b [label=other] }", "svg").data
    assert re.findall(rb">(\w+)</text>", svg) == [b"a", b"other"]


@pytest.mark.parametrize("format", MAGIC)
def test_each_format_is_what_it_says(format: str) -> None:
    assert draw("digraph { a -> b }", format).data.startswith(MAGIC[format])


@pytest.mark.parametrize("engine", [e for e in layout.ENGINES if not e.startswith("nop")])
def test_each_engine_draws(engine: str) -> None:
    assert b"</svg>" in draw("digraph { a -> b -> c }", "svg", engine=engine).data


@pytest.mark.parametrize("engine", ["nop", "nop1", "nop2"])
def test_nodes_that_have_positions_stay_there(engine: str) -> None:
    placed = 'digraph { a [pos="100,100" width=0.5 height=0.5] }'
    assert b"</svg>" in draw(placed, "svg", engine=engine).data


@pytest.mark.skipif(sys.platform != "linux", reason="the formats of the wheel for Linux")
@pytest.mark.parametrize("format", [*layout.FORMATS, "svg:cairo"])
def test_every_listed_format_can_be_drawn(format: str) -> None:
    drawn = draw('digraph { a [URL="x" pos="9,9"] }', format, engine="nop")
    assert len(drawn.data) > 20


@pytest.mark.parametrize("timeout", [None, float("inf"), 1e12])
def test_a_layout_may_take_as_long_as_it_wants(timeout: float | None) -> None:
    assert b"</svg>" in draw("digraph { a }", "svg", timeout=timeout).data


def test_a_graph_with_no_nodes_is_drawn() -> None:
    assert b"</svg>" in draw("digraph {}", "svg").data


def test_what_no_text_may_hold_does_not_truncate_the_picture() -> None:
    svg = draw('digraph { a [label="x\0y\ud800z"] b }', "svg").data
    assert "x\N{REPLACEMENT CHARACTER}y?z" in svg.decode()
    assert b"<title>b</title>" in svg


# ---- time


def test_what_dot_would_take_too_long_over_is_drawn_by_a_plain_layout_at_once() -> None:
    started = time.monotonic()
    drawing = draw(unrolled(300), "svg")
    assert time.monotonic() - started < 10
    assert drawing.data.count(b'class="node"') == 300 * 10 + 4
    assert drawing.data.count(b'class="edge"') == 300 * 14 - 1
    assert drawing.notes == (
        "3,004 boxes are more than dot lays out in the time it has; drawn with a plain layered "
        "layout, where arrows from one box share a line",
    )


def test_a_small_picture_is_dots_own() -> None:
    text = unrolled(5)
    assert draw(text, "svg") == draw(text, "svg", timeout=None)


def test_dot_draws_a_long_chain_which_is_easy_for_it() -> None:
    assert draw(chain(5_000), "svg").notes == ()


def test_without_a_time_limit_dot_does_what_it_would_not_begin() -> None:
    drawing = draw(unrolled(22), "plain", timeout=None)
    assert drawing.notes == ()
    assert draw(unrolled(22), "plain", timeout=1).notes != ()
    assert draw(unrolled(22), "plain", timeout=1).data != drawing.data


def test_an_engine_that_takes_too_long_is_replaced_by_the_plain_layout() -> None:
    drawing = draw(unrolled(200), "svg", engine="neato", timeout=2)
    assert drawing.data.count(b'class="node"') == 200 * 10 + 4
    assert drawing.notes == ("neato did not finish in 2 s; drawn with a plain layered layout",)


@pytest.mark.parametrize(("format", "magic"), [("png", MAGIC["png"]), ("pdf", MAGIC["pdf"])])
def test_a_huge_picture_of_the_plain_layout_stays_within_its_page(
    format: str, magic: bytes
) -> None:
    drawing = draw(unrolled(150), format)
    assert drawing.data.startswith(magic)
    assert any(note.startswith(f"{format.upper()} scaled to ") for note in drawing.notes)


def framed(modules: int) -> str:
    """Modules one after the other, each with leaves of its own and a long way around it."""
    lines = []
    for i in range(modules):
        inner = " ".join(f"x{i}_{j} -> x{i}_{j + 1}; w{i}_{j} -> x{i}_{j};" for j in range(20))
        lines.append(f"subgraph cluster_{i} {{ label=module{i}; {inner} }}")
        lines.append(f"x{i - 1}_20 -> x{i}_0; x{i - 1}_20 -> x{i}_20;" if i else "")
    return f"digraph {{ {' '.join(lines)} }}"


def test_frames_are_drawn_by_the_plain_layout_as_well() -> None:
    drawing = draw(framed(200), "svg")
    assert drawing.data.count(b'class="cluster"') == 200
    assert drawing.data.count(b">module7</text>") == 1
    (note,) = drawing.notes
    assert "plain layered layout" in note


def test_a_frame_of_thousands_of_rows_does_not_keep_dot_for_minutes() -> None:
    chain = " ".join(f"x{i} -> x{i + 1};" for i in range(10_000))
    drawing = draw(f"digraph {{ subgraph cluster_0 {{ label=m; w -> a -> x0; {chain} }} }}", "svg")
    assert any("plain layered layout" in note for note in drawing.notes)
    assert drawing.data.count(b'class="cluster"') == 1


@pytest.mark.skipif(sys.platform != "linux", reason="glibc fills memory that nobody has set")
def test_the_plain_layout_reads_no_memory_that_nobody_has_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MALLOC_PERTURB_", "165")
    end = layout._plain(b'digraph { 0 -> 1; 1 [label="\n(2)"] }', "svg", 60, None)
    assert end is not None  # a label may begin with an empty line: of an output without a name
    assert (end.code, end.data.count(b'class="node"')) == (0, 2)


def test_dot_is_hurried_where_that_keeps_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = draw(framed(60), "svg", timeout=30)
    assert drawing.notes == ()
    assert drawing.data.count(b'class="cluster"') == 60
    (path,) = re.findall(rb'<title>x0_3&#45;&gt;x0_4</title>\n<path [^>]*d="([^"]*)"', drawing.data)
    assert len(re.findall(rb"-?[\d.]+,-?[\d.]+", path)) == 4  # one straight piece


def test_when_the_plain_layout_takes_too_long_as_well_the_dot_is_kept() -> None:
    text = unrolled(1_000)
    started = time.monotonic()
    with pytest.raises(LayoutTimeoutError, match=r"did not finish in 0\.1 s") as caught:
        draw(text, "svg", timeout=0.1)
    assert time.monotonic() - started < 5
    kept = Path(str(caught.value).rpartition(" ")[2])
    assert kept.suffix == ".dot"
    assert kept.read_text() == text
    assert caught.value.exit_code == 6
    assert isinstance(caught.value, TimeoutError)
    kept.unlink()


def test_the_error_names_the_file_that_holds_the_dot_already(tmp_path: Path) -> None:
    source = tmp_path / "loss.gv"
    with pytest.raises(LayoutTimeoutError, match=re.escape(str(source))):
        draw(unrolled(1_000), "svg", timeout=0.1, kept=source)
    assert not source.exists()


def test_the_dot_is_kept_where_asked_unless_something_lies_there(tmp_path: Path) -> None:
    wanted = tmp_path / "x.dot"
    with pytest.raises(LayoutError, match=re.escape(str(wanted))):
        draw("digraph { a -> ", "svg", keep=wanted)
    assert wanted.read_text() == "digraph { a -> "
    with pytest.raises(LayoutError) as caught:
        draw("digraph { b -> ", "svg", keep=wanted)
    assert wanted.read_text() == "digraph { a -> "
    elsewhere = Path(str(caught.value).rpartition(" ")[2])
    assert elsewhere.read_text() == "digraph { b -> "
    elsewhere.unlink()


@posix
def test_the_time_limit_ends_what_a_wrapper_script_started(tmp_path: Path) -> None:
    note = tmp_path / "process"
    slow = program(tmp_path / "dot", f"sleep 60 & echo $! > {note}; wait")
    with pytest.raises(LayoutTimeoutError):
        draw("digraph { a }", "svg", timeout=0.3, command=slow, keep=tmp_path / "k.dot")
    assert is_gone(number_in(note))


@posix
def test_ctrl_c_ends_the_layout_and_goes_on(tmp_path: Path) -> None:
    note = tmp_path / "process"
    slow = program(tmp_path / "dot", f"sleep 60 & echo $! > {note}; wait")
    code = (
        "from graphviz_autograd.emit.layout import draw\n"
        f"try: draw('digraph {{ a }}', 'svg', command={slow!r})\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    process = number_in(note)
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=10)
    assert said == "interrupted\n"
    assert is_gone(process)


@posix
def test_ctrl_c_ends_the_bundled_layout() -> None:
    code = (
        "import sys\n"
        "from graphviz_autograd.emit.layout import draw\n"
        "print('go', flush=True)\n"
        "try: draw(sys.stdin.read(), 'svg')\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )
    pipe = subprocess.PIPE
    child = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True)
    assert child.stdin
    assert child.stdout
    child.stdin.write(unrolled(3_000))
    child.stdin.close()
    child.stdout.readline()
    time.sleep(0.4)
    child.send_signal(signal.SIGINT)
    assert child.stdout.read() == "interrupted\n"
    assert child.wait(10) == 0
    child.stdout.close()


# ---- what goes wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("digraph { a -> ", "syntax error in line 1"),
        ("garbage", "syntax error in line 1 near 'garbage'"),
        ("", "no graph could be read"),
    ],
)
def test_graphviz_own_words_are_in_the_error(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=said) as caught:
        draw(text, "svg", keep=tmp_path / "kept.dot")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "kept.dot").read_text() == text


def test_what_graphviz_could_not_draw_but_for_a_part_is_noted() -> None:
    drawing = draw("digraph { a [label=<<b>x</i>>] }", "svg")
    assert b"</svg>" in drawing.data
    assert drawing.notes[0].startswith("Graphviz says: mismatched tag")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "dott"}, r"engine is one of dot, neato, .*, not 'dott'; did you mean 'dot'\?"),
        ({"format": "svgg"}, r"format is one of svg, png, .*, not 'svgg'; did you mean 'svg'\?"),
        ({"format": "svg:foo"}, r"format is one of svg:svg:core, svg:cairo.*, not 'svg:foo'"),
        ({"timeout": 0}, r"timeout is a number of seconds above 0, or None, not 0"),
        ({"timeout": "60"}, r"timeout is a number of seconds above 0, or None, not '60'"),
        ({"timeout": float("nan")}, r"timeout is a number of seconds above 0"),
        (
            {"command": "/nowhere/dot"},
            r"there is no Graphviz program '/nowhere/dot'; give the path",
        ),
    ],
)
def test_a_mistake_in_an_option_says_what_is_valid(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        draw("digraph { a }", **{"format": "svg", **options})  # type: ignore[arg-type]


@posix
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("kill -SEGV $$", r"it crashed \(SIGSEGV\)"),
        ("kill -KILL $$", "it was killed, perhaps for want of memory"),
        ("echo 'Error: no such thing' >&2; exit 3", "no such thing"),
        ("exit 3", "it said nothing"),
    ],
)
def test_a_crash_is_told_and_the_dot_is_kept(script: str, said: str, tmp_path: Path) -> None:
    broken = program(tmp_path / "dot", script)
    with pytest.raises(LayoutError, match=said):
        draw("digraph { a }", "svg", command=broken, keep=tmp_path / "kept.dot")
    assert (tmp_path / "kept.dot").read_text() == "digraph { a }"


def test_without_pygraphviz_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(MissingExtraError, match="pip install pygraphviz"):
        draw("digraph { a }", "svg")


# ---- the user's files and folders


def test_files_named_like_modules_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "random", "re", "graphviz", "pygraphviz", "os", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "_graphviz.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert b"</svg>" in draw("digraph { a }", "svg").data


def test_drawing_prints_nothing_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    draw("digraph { a [shape=nonesuch] }", "svg")
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
