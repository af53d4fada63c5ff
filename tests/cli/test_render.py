"""`gva render`: what a person types, and what they get."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from graphviz_autograd import Graph
from graphviz_autograd.cli import gva, options
from graphviz_autograd.emit import dot, files
from graphviz_autograd.emit.themes import THEMES

Gva = Callable[..., Result]

TRAIN = """
import sys
import torch
print("args", sys.argv[1:])
w = torch.ones(2, requires_grad=True)
loss = (w * w.exp()).sum()
loss.backward()
print("went on")
"""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gva:
    """Calls `gva` in a folder that holds train.py."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(TRAIN)

    def call(*args: str) -> Result:
        result = CliRunner().invoke(gva, list(args))
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result

    return call


def kinds(path: str) -> dict[str, int]:
    """How many nodes of each kind a saved graph has."""
    nodes = Graph.from_json(Path(path).read_text()).nodes
    return {kind: sum(n.kind == kind for n in nodes) for kind in {n.kind for n in nodes}}


# ---- the picture


def test_a_script_becomes_a_picture_beside_the_person(call: Gva) -> None:
    result = call("render", "train.py")
    assert result.exit_code == 0
    assert result.stdout == "args []\n"
    assert result.stderr == (
        "wrote train.svg: root loss (SumBackward0), 4 ops, 1 leaf [backward at train.py:7]\n"
    )
    svg = Path("train.svg").read_text()
    assert "loss" in svg
    assert "ExpBackward0" in svg


def test_a_script_runs_on_the_engine_when_asked_to(call: Gva) -> None:
    """The same picture; the saved graph says whose autograd it was."""
    assert call("render", "-o", "torch.dot", "train.py").exit_code == 0
    result = call("render", "--engine", "own", "-o", "own.dot", "train.py")
    assert result.stderr == (
        "wrote own.dot: root loss (SumBackward0), 4 ops, 1 leaf [backward at train.py:7]\n"
    )
    assert Path("own.dot").read_text() == Path("torch.dot").read_text()
    assert call("render", "-o", "own.json", "--engine", "own", "train.py").exit_code == 0
    assert Graph.from_json(Path("own.json").read_text()).meta["engine"] == "own"
    refused = call("render", "--engine", "own", "own.json")
    assert refused.exit_code == 2
    assert "--engine is for scripts" in refused.stderr


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.svg", b"<?xml"),
        ("a.png", b"\x89PNG"),
        ("a.pdf", b"%PDF"),
        ("a.dot", b"digraph"),
        ("a.gv", b"digraph"),
        ("a.JSON", b"{"),
    ],
)
def test_the_format_follows_the_suffix(call: Gva, name: str, start: bytes) -> None:
    assert call("render", "-o", name, "train.py").exit_code == 0
    assert Path(name).read_bytes().startswith(start)


def test_a_format_that_is_named_wins_over_the_suffix(call: Gva) -> None:
    assert call("render", "-f", "dot", "-o", "a.txt", "train.py").exit_code == 0
    assert Path("a.txt").read_text().startswith("digraph")
    assert "wrote train.dot" in call("render", "--format", "dot", "train.py").stderr


@pytest.mark.parametrize(
    ("args", "name"),
    [
        (["-m", "train"], "train.svg"),
        (["-m", "lessons_r.one"], "one.svg"),
        (["-m", "lessons_r"], "lessons_r.svg"),
        (["-c", TRAIN], "code.svg"),
        (["lessons_r/one.py"], "one.svg"),
    ],
)
def test_the_picture_is_called_after_the_script_and_lies_here(
    call: Gva, args: list[str], name: str
) -> None:
    folder = Path("lessons_r")
    folder.mkdir()
    (folder / "__init__.py").touch()
    for module in ("one.py", "__main__.py"):
        (folder / module).write_text("import os\nos.chdir('lessons_r')\n" + TRAIN)
    assert call("render", *args).exit_code == 0
    assert Path(name).is_file()


def test_options_of_the_drawing_reach_it(call: Gva) -> None:
    call("render", "-o", "plain.dot", "train.py")
    call("render", "-o", "bare.dot", "--no-show-shapes", "train.py")
    call("render", "-o", "full.dot", "--show-saved", "--show-attrs", "train.py")
    call("render", "-o", "styled.dot", "--theme", "dark", "--rankdir", "LR", "train.py")
    call("render", "-o", "classic.dot", "--style", "classic", "train.py")
    text = {path.stem: path.read_text() for path in Path().glob("*.dot")}
    assert re.search(r"ExpBackward0\s\(2\)", text["plain"])
    assert not re.search(r"ExpBackward0\s\(2\)", text["bare"])
    assert "orange" in text["full"]
    assert "[saved tensor]" in text["full"]
    assert "orange" not in text["plain"]
    assert "rankdir=LR" in text["styled"]
    assert "AccumulateGrad" in text["plain"]
    assert "AccumulateGrad" not in text["classic"]


def test_a_saved_graph_holds_everything_there_is_to_read(call: Gva) -> None:
    call("render", "-o", "a.json", "train.py")
    assert kinds("a.json")["saved"] > 0
    read = ["shapes", "attrs", "saved", "modules", "lines"]
    assert json.loads(Path("a.json").read_text())["meta"]["read"] == read


def test_the_choices_are_those_of_the_drawing_room() -> None:
    assert set(options.THEMES) == set(THEMES)
    assert options.STYLES == dot.STYLES
    assert options.RANKDIRS == dot.RANKDIRS
    assert options.FORMATS == files.FORMATS
    assert set(options.DRAWING) == set(dot.Options.__annotations__)


def test_open_shows_the_picture(call: Gva, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(click, "launch", opened.append)
    call("render", "--open", "train.py")
    assert opened == [os.path.abspath("train.svg")]


def test_quiet_says_nothing(call: Gva) -> None:
    assert call("render", "-q", "train.py").stderr == ""


# ---- what is the script's, and what is ours


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        (["train.py", "-o", "x.svg", "--", "a"], ["-o", "x.svg", "--", "a"]),
        (["--", "train.py", "--root", "w"], ["--root", "w"]),
        (["-m", "train", "-q", "--help"], ["-q", "--help"]),
        (["-c", TRAIN, "-c", "--version"], ["-c", "--version"]),
    ],
)
def test_what_comes_after_the_script_is_the_scripts(
    call: Gva, typed: list[str], seen: list[str]
) -> None:
    result = call("render", *typed)
    assert result.exit_code == 0
    assert result.stdout == f"args {seen}\n"


def test_an_option_after_a_script_that_refuses_it_is_explained(call: Gva) -> None:
    Path("strict.py").write_text("import argparse\nargparse.ArgumentParser().parse_args()\n")
    result = call("render", "strict.py", "--root=loss")
    assert result.exit_code == 2
    assert "unrecognized arguments: --root=loss" in result.stderr
    assert result.stderr.endswith(
        "--root=loss was given to the script: options of gva come before it\n"
    )


def test_roots_and_the_nth_backward_call_and_keep_going_are_passed_on(call: Gva) -> None:
    Path("loop.py").write_text(
        "import sys, torch\nw = torch.ones(2, requires_grad=True)\n"
        "for step in range(3):\n    hidden = w * step\n    hidden.sum().backward()\n"
        "print('end')\nsys.exit(5)\n"
    )
    result = call("render", "--backward", "2", "--root", "hidden", "--keep-going", "loop.py")
    assert (result.exit_code, result.stdout) == (5, "end\n")
    assert "root hidden (MulBackward0)" in result.stderr
    result = call("render", "--backward", "9", "loop.py")
    assert result.exit_code == 5  # the script's own failure comes first
    assert not Path("loop.json").exists()


def test_the_timeout_is_passed_on(call: Gva) -> None:
    Path("slow.py").write_text("import time\ntime.sleep(60)\n")
    result = call("render", "--timeout", "0.2", "slow.py")
    assert result.exit_code == 124
    assert result.stderr == "Error: slow.py was not done after 0.2 s; it was at slow.py:2\n"


# ---- mistakes


@pytest.mark.parametrize(
    ("args", "exit_code", "said"),
    [
        (["trian.py"], 2, "there is no file 'trian.py': did you mean train.py?"),
        (["."], 2, "'.' is a folder"),
        (["-o", "a.svgg", "train.py"], 2, "format is one of svg, png, pdf, dot, gv, json"),
        (["-o", "nowhere/a.svg", "train.py"], 2, "does not exist"),
        (["-o", ".", "train.py"], 2, "it is a folder"),
        (["-m", "-c", "train"], 2, "-m and -c cannot be given together"),
        (["--open", "-o", "-", "train.py"], 2, "--open needs a file"),
        (["--root", "a b", "train.py"], 2, "--root a b: not a Python expression"),
        (["--root", "los", "train.py"], 2, "did you mean loss?"),
        (["-c", "x = 1"], 4, "the code ended without a backward call"),
        (["-m", "no_such_module"], 2, "there is no module of that name"),
    ],
)
def test_a_mistake_is_one_clear_line(call: Gva, args: list[str], exit_code: int, said: str) -> None:
    result = call("render", *args)
    assert result.exit_code == exit_code
    assert said in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert not list(Path().glob("*.svg"))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "Missing argument 'SCRIPT'"),
        (["--backward", "0", "train.py"], "0 is not in the range x>=1"),
        (["--timeout", "0", "train.py"], "0.0 is not in the range x>0"),
        (["--theme", "drak", "train.py"], "'drak' is not one of 'light', 'dark', 'colorblind'"),
        (["--show-savd", "train.py"], "Did you mean"),
    ],
)
def test_a_mistake_in_an_option_lists_what_is_valid(call: Gva, args: list[str], said: str) -> None:
    result = call("render", *args)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "args" not in result.stdout  # the script did not run


def test_a_theme_of_ones_own_is_read_before_the_script_runs(call: Gva) -> None:
    """So that a mistake in it costs nothing, and the script may go to another folder."""
    Path("mine.toml").write_text("[fills]\nleaf = '#123456'")
    Path("away.py").write_text("import os\nos.chdir('/')\n" + TRAIN)
    assert call("render", "--theme", "mine.toml", "-o", "a.dot", "away.py").exit_code == 0
    Path("mine.toml").write_text("[fills]\nleaf = 'lihgtblue'")
    assert 'fillcolor="#123456"' in Path("a.dot").read_text()
    result = call("render", "--theme", "mine.toml", "train.py")
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(
        r"Error: theme \S*mine\.toml: fills\.leaf is .*'lightblue'\?\n", result.stderr
    )


def test_a_theme_named_in_pyproject_lies_beside_it(
    call: Gva, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine.toml").write_text("[fills]\nleaf = '#123456'")
    settings('theme = "mine.toml"')
    Path("inner").mkdir()
    monkeypatch.chdir("inner")
    assert call("render", "-o", "a.dot", "../train.py").exit_code == 0
    assert 'fillcolor="#123456"' in Path("a.dot").read_text()


def test_no_clobber_refuses_before_the_script_runs(call: Gva) -> None:
    Path("train.svg").write_text("mine")
    result = call("render", "--no-clobber", "train.py")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: train.svg is there already, and --no-clobber keeps it\n"
    assert Path("train.svg").read_text() == "mine"
    assert call("render", "train.py").exit_code == 0
    assert Path("train.svg").read_text() != "mine"


def test_a_script_given_without_the_command_is_pointed_to_it(call: Gva) -> None:
    result = call("train.py")
    assert result.exit_code == 2
    assert "Did you mean: gva render train.py" in result.stderr
    assert "No such command 'rendr'" in call("rendr").stderr


def test_a_layout_that_fails_exits_with_6(call: Gva) -> None:
    result = call("render", "--dot", "/nowhere/dot", "train.py")
    assert result.exit_code in (2, 6)
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert "/nowhere/dot" in result.stderr


# ---- saved graphs


def test_a_saved_graph_is_drawn(call: Gva) -> None:
    call("render", "-o", "graph.json", "train.py")
    result = call("render", "--show-saved", "--theme", "dark", "graph.json")
    assert result.exit_code == 0
    assert result.stderr == "wrote graph.svg: root loss (SumBackward0), 4 ops, 1 leaf\n"
    assert "loss" in Path("graph.svg").read_text()


def test_the_name_of_a_root_is_told_as_it_is(call: Gva) -> None:
    Path("named.py").write_text(
        "import torch\nout = {'a': torch.ones(2, requires_grad=True).exp()}\n"
    )
    assert 'root out["a"] (ExpBackward0)' in call("render", "named.py").stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--root", "x", "graph.json"], "--root is for scripts; graph.json is a saved graph"),
        (["--backward", "2", "graph.json"], "--backward is for scripts"),
        (["--keep-going", "graph.json"], "--keep-going is for scripts"),
        (["graph.json", "--lr", "3"], "takes no arguments: --lr 3"),
        (["missing.json"], "cannot read 'missing.json': No such file or directory\n"),
        (["broken.json"], "broken.json"),
    ],
)
def test_a_mistake_with_a_saved_graph_is_one_clear_line(
    call: Gva, args: list[str], said: str
) -> None:
    call("render", "-o", "graph.json", "train.py")
    Path("broken.json").write_text('{"not": "a graph"}')
    result = call("render", *args)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


# ---- [tool.graphviz-autograd]


def settings(text: str, folder: str = ".") -> None:
    Path(folder, "pyproject.toml").write_text(f"[tool.graphviz-autograd]\n{text}\n")


def test_the_nearest_pyproject_gives_defaults_and_the_command_line_wins(
    call: Gva, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings('format = "dot"\nroot = ["w * 3"]\nshow-shapes = false\ntimeout = 30\nquiet = true')
    Path("deep/er").mkdir(parents=True)
    monkeypatch.chdir("deep/er")
    result = call("render", "../../train.py")
    assert (result.exit_code, result.stderr) == (0, "")
    text = Path("train.dot").read_text()
    assert "w * 3" in text
    call("render", "--root", "loss", "--show-shapes", "-o", "b.dot", "../../train.py")
    assert re.search(r"SumBackward0\s\(\)", Path("b.dot").read_text())
    settings("", folder="..")  # nearer, and silent
    call("render", "../../train.py")
    assert Path("train.svg").is_file()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("show-savd = true", "show-savd: there is no such option; did you mean show-saved?"),
        ("show_saved = true", "did you mean show-saved?"),
        ('show-saved = "yes"', "show-saved: expected true or false, not 'yes'"),
        ("backward = true", "backward: expected a whole number, not True"),
        ("backward = 0", "backward: 0 is not in the range x>=1"),
        ('timeout = "5"', "timeout: expected a number, not '5'"),
        ('root = "loss"', "root: expected a list of texts, not 'loss'"),
        ('theme = "drak"', "theme: 'drak' is not one of"),
        ("theme = 3", "theme: expected a text, not 3"),
        ("theme = ", "Invalid value"),
        ('between = ["w", "loss"]', "between: give it on the command line"),
    ],
)
def test_a_mistake_in_pyproject_names_the_file_and_the_key(call: Gva, text: str, said: str) -> None:
    settings(text)
    result = call("render", "train.py")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {os.path.abspath('pyproject.toml')}: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert call("render", "--help").exit_code == 0


def test_settings_that_make_no_sense_for_a_saved_graph_do_not_stop_it(call: Gva) -> None:
    call("render", "-o", "graph.json", "train.py")
    settings("backward = 2")
    assert call("render", "graph.json").exit_code == 0


def test_an_output_given_after_the_script_is_the_scripts_and_a_hint_says_so(call: Gva) -> None:
    result = call("render", "train.py", "-o", "loss.png")
    assert result.exit_code == 0
    assert "-o was given to the script: options of gva come before it" in result.stderr
    assert not Path("loss.png").exists()


def test_a_pyproject_table_with_an_underscore_is_pointed_out(call: Gva) -> None:
    Path("pyproject.toml").write_text("[tool.graphviz_autograd]\ntheme = 'dark'\n")
    result = call("render", "train.py")
    assert result.exit_code == 2
    assert "the table is called [tool.graphviz-autograd]" in result.stderr
