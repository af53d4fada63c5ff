"""A notebook is run cell by cell, as Jupyter would, and gives up its graph."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from graphviz_autograd.errors import MissingExtraError, ScriptError
from graphviz_autograd.script import Outcome, Program, run

Play = Callable[..., Outcome]

FIRST = "import torch\nw = torch.ones(2, requires_grad=True)\nloss = (w * w).sum()"


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Runs a notebook of these code cells, with text between them, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(builtins, "_", raising=False)  # doctests leave one; IPython respects it
    folder = tmp_path / "lessons"
    folder.mkdir()

    def play(*cells: str, **options: Any) -> Outcome:
        write(folder / "a.ipynb", *cells)
        return run(Program("notebook", "lessons/a.ipynb"), **options)

    return play


def write(path: Path, *cells: str) -> None:
    book = nbformat.v4.new_notebook()
    for source in cells:
        book.cells += [nbformat.v4.new_markdown_cell("Text"), nbformat.v4.new_code_cell(source)]
    nbformat.write(book, path)


def names(outcome: Outcome) -> list[tuple[str, ...]]:
    assert outcome.graph is not None, outcome
    nodes = outcome.graph.by_id()
    return [nodes[number].names for number in outcome.graph.outputs]


def test_the_code_cells_run_in_order_until_the_graph_is_caught(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = play(FIRST, "print('two')", "loss.backward()\nprint('no')", "print('nor this')")
    assert names(outcome) == [("loss",)]
    assert outcome.caught == "backward at a.ipynb, cell 3:1"
    assert capsys.readouterr().out == "two\n"


def test_a_cell_can_use_what_the_cell_before_ended_with(play: Play) -> None:
    outcome = play(FIRST, "w.exp().sum()", "loss = _ * 3\nassert Out", "loss.backward()")
    assert names(outcome) == [("loss",)]


def test_magics_shell_commands_and_awaits_work(
    play: Play, capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = play(
        "%env GVA_LESSON=3\n!echo from the shell",
        "import asyncio, os\nawait asyncio.sleep(0)\nprint(os.environ['GVA_LESSON'])",
        f"%%time\n{FIRST}",
        "print(get_ipython().user_ns['w'].shape)",
    )
    assert names(outcome) == [("loss",)]
    assert outcome.caught == "left in the namespace"
    out = capfd.readouterr().out
    assert "from the shell" in out
    assert "\n3\n" in out
    assert "torch.Size([2])" in out


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "%%prun -q"])
def test_a_graph_caught_inside_a_cell_magic_stops_the_notebook(
    play: Play, capsys: pytest.CaptureFixture[str], magic: str
) -> None:
    outcome = play(FIRST, f"{magic}\nloss.backward()\nprint('no')", "print('nor this')")
    assert names(outcome) == [("loss",)]
    assert outcome.caught == "backward at a.ipynb, cell 2:1"
    said = "".join(capsys.readouterr())
    assert "nor this" not in said
    assert "SystemExit" not in said.replace("*** SystemExit exception caught in code being", "")


def test_a_traceback_names_the_cell_and_shows_its_line(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = play(FIRST, "def f():\n    return 1 / 0\n", "f()")
    assert (outcome.graph, outcome.exit_code) == (None, 1)
    said = capsys.readouterr().err.replace("           ~~^~~\n", "").replace("    ~~^~~\n", "")
    assert 'File "a.ipynb, cell 3", line 1, in <module>\n    f()\n' in said
    assert 'File "a.ipynb, cell 2", line 2, in f\n    return 1 / 0\n' in said
    assert "graphviz_autograd" not in said


@pytest.mark.parametrize("magic", ["%%time", "%%capture"])
def test_an_error_inside_a_cell_magic_ends_the_notebook_too(
    play: Play, capsys: pytest.CaptureFixture[str], magic: str
) -> None:
    outcome = play(f"{magic}\nx = 1\n1 / 0", "print('nor this')")
    assert outcome.exit_code == 1
    out, err = capsys.readouterr()
    assert "nor this" not in out
    assert "ZeroDivisionError" in err
    assert "cell 1" in err


def test_a_cell_that_does_not_parse_is_told_by_its_number(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("x = 1", "x = = 1").exit_code == 1
    assert 'File "a.ipynb, cell 2", line 1' in capsys.readouterr().err


def test_a_notebook_runs_in_its_folder_and_leaves_everything_as_it_was(
    play: Play, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hooks = sys.displayhook, sys.excepthook, sys.modules["__main__"], sys.path[:]
    play("import os\nprint(os.path.basename(os.getcwd()), __name__)")
    assert capsys.readouterr().out == "lessons __main__\n"
    assert Path.cwd() == tmp_path
    assert [path.name for path in (tmp_path / "lessons").iterdir()] == ["a.ipynb"]
    assert hooks == (sys.displayhook, sys.excepthook, sys.modules["__main__"], sys.path)
    import builtins

    assert not hasattr(builtins, "get_ipython")


def test_what_is_no_notebook_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    for text in ("", "{", "[]", '{"cells": 3}', "print('hello')"):
        path.write_text(text)
        with pytest.raises(ScriptError, match=r"a\.ipynb' is no Jupyter notebook: .") as caught:
            run(Program("notebook", str(path)))
        assert "\n" not in str(caught.value)
    with pytest.raises(ScriptError, match="there is no file"):
        run(Program("notebook", str(tmp_path / "b.ipynb")))


def test_a_notebook_in_another_language_is_refused(tmp_path: Path) -> None:
    book = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    )
    nbformat.write(book, tmp_path / "a.ipynb")
    with pytest.raises(ScriptError, match="a notebook in R, not in Python"):
        run(Program("notebook", str(tmp_path / "a.ipynb")))


@pytest.mark.parametrize("missing", ["nbformat", "IPython"])
def test_without_the_packages_for_notebooks_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    write(tmp_path / "a.ipynb", FIRST)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'graphviz-autograd\[notebook\]'"):
        run(Program("notebook", str(tmp_path / "a.ipynb")))
