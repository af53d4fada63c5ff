"""A person's script runs as python would run it, to its end where it is asked to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from graphviz_autograd import Graph
from graphviz_autograd.errors import OptionError, ScriptError
from graphviz_autograd.script import Outcome, Program, run

# A thread that is stopped ends on a SystemExit, which threading lets by but pytest reports.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

Play = Callable[..., Outcome]


def root(outcome: Outcome) -> tuple[str, ...]:
    """The names of the only output."""
    assert outcome.graph is not None, outcome
    (number,) = outcome.graph.outputs
    return outcome.graph.by_id()[number].names


def leaves(graph: Graph | None) -> list[tuple[str, ...]]:
    assert graph is not None
    return sorted(node.names for node in graph.nodes if node.kind == "leaf")


W = "w = torch.ones(2, requires_grad=True)\n"
LOOP = f"""
{W}
for step in range(3):
    loss = w.sum()
    for _ in range(step):
        loss = loss * 2
    loss.backward()
"""


# ---- as python runs it


def test_the_script_finds_what_python_would_set_up(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "beside.py").write_text("value = 41\n")
    code = """
import sys, pickle, beside
class Thing:
    pass
assert __name__ == "__main__"
assert sys.modules["__main__"].__dict__ is globals()
assert type(pickle.loads(pickle.dumps(Thing()))) is Thing
print(sys.argv[1:], __file__ == sys.argv[0], beside.value)
"""
    before = sys.argv, sys.path[:], sys.modules["__main__"], torch.autograd.backward
    outcome = play(code, "--lr", "--", "-o")
    assert outcome.exit_code == 4, outcome
    assert capsys.readouterr().out == "['--lr', '--', '-o'] True 41\n"
    assert before == (sys.argv, sys.path, sys.modules["__main__"], torch.autograd.backward)


def test_a_module_runs_as_with_dash_m(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "lessons_m"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "data.py").write_text("size = 2\n")
    code = (
        "import sys\nimport torch\nfrom .data import size\n"
        "w = torch.ones(size, requires_grad=True)\n"
        "print(__package__, __spec__.name, sys.argv)\nw.sum().backward()\n"
    )
    (package / "__main__.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    outcome = run(Program("module", "lessons_m", ("-x",)))
    assert leaves(outcome.graph) == [("w",)]
    path = str(package / "__main__.py")
    assert capsys.readouterr().out == f"lessons_m lessons_m.__main__ {[path, '-x']}\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module", "there is no module of that name"),
        ("train.py", "did you mean -m train, or the file train.py?"),
        ("torch.no_such", "there is no module of that name"),
        ("email", "a package without a __main__ module cannot be run"),
        ("_struct", "no Python code"),
    ],
)
def test_a_module_that_cannot_be_run_is_one_clear_line(name: str, said: str) -> None:
    with pytest.raises(ScriptError) as caught:
        run(Program("module", name))
    assert said in str(caught.value)


def test_code_runs_as_with_dash_c(capsys: pytest.CaptureFixture[str]) -> None:
    code = f"import torch, sys\n{W}print(sys.argv, sys.path[0])\nw.sum().backward()"
    outcome = run(Program("code", code, ("a",)))
    assert capsys.readouterr().out == "['-c', 'a'] \n"
    assert outcome.caught == "backward at <string>:4"


@pytest.mark.parametrize(
    ("end", "exit_code", "said"),
    [
        ("sys.exit(7)", 7, ""),
        ("sys.exit('no data')", 1, "no data\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    ],
)
def test_a_script_that_fails_first_keeps_its_own_exit_code(
    play: Play, capsys: pytest.CaptureFixture[str], end: str, exit_code: int, said: str
) -> None:
    outcome = play(f"import sys\nx = torch.ones(2, requires_grad=True).sum()\n{end}\n")
    assert (outcome.graph, outcome.exit_code, outcome.message) == (None, exit_code, "")
    assert capsys.readouterr().err.endswith(said)


def test_an_excepthook_of_the_scripts_own_is_used(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = sys.excepthook
    outcome = play("import sys\nsys.excepthook = lambda *a: print('mine', a[1])\n1 / 0")
    assert (outcome.exit_code, capsys.readouterr().out) == (1, "mine division by zero\n")
    assert sys.excepthook is hook


def test_what_a_script_changes_of_the_interpreter_ends_with_it(play: Play, tmp_path: Path) -> None:
    folder = Path.cwd()
    out = sys.stdout
    play("import os, sys, io\nos.chdir('/')\nsys.stdout = io.StringIO()\nsys.path.clear()")
    assert Path.cwd() == folder == tmp_path
    assert sys.stdout is out
    assert sys.path


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("trian.py", "there is no file 'trian.py': did you mean train.py?"),
        ("nowhere/train.py", "there is no folder 'nowhere'"),
        ("folder", "'folder' is a folder"),
        ("train.pyc", "it holds null bytes"),
    ],
)
def test_a_script_that_cannot_be_read_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "train.pyc").write_bytes(b"\0\0")
    with pytest.raises(ScriptError) as caught:
        run(Program("file", target))
    assert said in str(caught.value)


# ---- to the end


def test_with_keep_going_the_script_runs_to_its_end(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = play(f"{LOOP}\nprint(w.grad.tolist())\nimport sys\nsys.exit(3)", keep_going=True)
    assert root(outcome) == ("loss",)
    assert outcome.exit_code == 3
    assert capsys.readouterr().out == "[7.0, 7.0]\n"


TRAIN = """
import torch.nn as nn
torch.manual_seed(0)
class Log(torch.overrides.TorchFunctionMode):
    calls = 0
    def __torch_function__(self, func, types, args=(), kwargs=None):
        Log.calls += 1
        return func(*args, **(kwargs or {}))
model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters())
def train():
    for step in range(4):
        with Log():
            loss = model(torch.randn(5, 3)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
train()
final = [p.detach().clone() for p in model.parameters()], torch.get_rng_state(), Log.calls
torch.save(final, "final.pt")
"""


def test_training_is_bitwise_the_same_and_the_scripts_own_modes_see_nothing_of_us(
    play: Play, tmp_path: Path
) -> None:
    exec(compile("import torch\n" + TRAIN, "train.py", "exec"), {"__name__": "__main__"})
    plain = torch.load(tmp_path / "final.pt")
    outcome = play(TRAIN, backward=2, keep_going=True)
    assert root(outcome) == ("loss",)
    ours = torch.load(tmp_path / "final.pt")
    assert all(torch.equal(a, b) for a, b in zip(plain[0], ours[0], strict=True))
    assert torch.equal(plain[1], ours[1])
    assert plain[2] == ours[2]


@pytest.mark.parametrize(
    "body",
    [
        "(w * w).sum().backward(); del big; return ref() is None",
        "mine = locals(); (w * w).sum().backward(); return mine['big'] is big",
    ],
)
def test_looking_at_variables_neither_keeps_nor_takes_any(
    play: Play, capsys: pytest.CaptureFixture[str], body: str
) -> None:
    code = f"""
import weakref
{W}
def train():
    big = torch.ones(3) * 2
    ref = weakref.ref(big)
    {body}
print(train())
"""
    play(code, keep_going=True)
    assert capsys.readouterr().out == "True\n"


def test_a_script_that_takes_too_long_is_ended_where_it_is(play: Play) -> None:
    outcome = play("import time\ndef wait():\n    time.sleep(60)\nwait()\n", timeout=0.2)
    assert outcome.exit_code == 124
    assert outcome.message == "train.py was not done after 0.2 s; it was at train.py:4"


def test_a_graph_caught_before_the_time_ran_out_is_kept(play: Play) -> None:
    code = f"import time\n{W}loss = w.sum()\nloss.backward()\ntime.sleep(60)\n"
    outcome = play(code, timeout=1.0, keep_going=True)
    assert root(outcome) == ("loss",)
    assert outcome.exit_code == 124


@pytest.mark.parametrize(("option", "value"), [("backward", 0), ("timeout", -0.5)])
def test_options_out_of_range_are_refused(play: Play, option: str, value: float) -> None:
    with pytest.raises(OptionError, match=f"{value}"):
        play("", **{option: value})


# ---- where ops were made


def test_ops_know_the_module_and_the_line_that_made_them(play: Play) -> None:
    outcome = play("net = torch.nn.Linear(2, 1)\ny = net(torch.ones(1, 2))\ny.exp().backward()\n")
    assert outcome.graph is not None
    places = {n.op: (n.module and n.module.path, n.line) for n in outcome.graph.nodes if n.line}
    file = str(Path("train.py").resolve())
    assert places["ExpBackward0"] == (None, (file, 4))
    assert places["AddmmBackward0"] == ("net", (file, 3))
    assert sys.gettrace() is None


def test_a_module_that_fails_shows_none_of_our_frames(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
        class Bad(torch.nn.Module):
            def forward(self, x):
                raise ValueError("as planned")
        torch.nn.Sequential(Bad())(torch.ones(2))
    """
    assert play(text).exit_code == 1
    shown = capsys.readouterr().err
    assert shown.endswith("ValueError: as planned\n")
    assert "graphviz_autograd" not in shown
