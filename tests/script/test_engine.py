"""A script whose own `import torch` is answered by the engine draws the same graph."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

import graphviz_autograd as gva
from graphviz_autograd import Graph, engine
from graphviz_autograd.engine import autograd, backward, functional
from graphviz_autograd.errors import OptionError
from graphviz_autograd.script import Outcome, Program, run

Play = Callable[..., Outcome]

LESSON = """
import torch

x = torch.arange(4.0, requires_grad=True)
y = 2 * torch.dot(x, x)
y.backward()
"""

IMPORTS = [
    "import torch; backward = torch.autograd.backward; arange = torch.arange",
    "from torch import arange; from torch.autograd import backward",
    "from torch import *; from torch.autograd import *",
    "import torch.autograd as ag; import torch as t; backward = ag.backward; arange = t.arange",
    "import torch.nn.functional; arange = torch.arange; backward = torch.Tensor.backward",
]

ASKING = [
    "y.backward()",
    "torch.Tensor.backward(y)",
    "torch.autograd.backward([y])",
    "torch.autograd.grad(y, x)",
    "torch.autograd.grad(outputs=(y,), inputs=[x], create_graph=True)",
    "torch.autograd.functional.vjp(lambda _: y, torch.ones(4))",
]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Runs a script of this text on the engine, or where it is told."""
    monkeypatch.chdir(tmp_path)

    def play(text: str, **options: Any) -> Outcome:
        path = tmp_path / "train.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return run(Program("file", str(path)), **{"engine": "own", **options})

    return play


def drawn(outcome: Outcome) -> Graph:
    assert outcome.graph is not None, outcome
    return outcome.graph


def as_torch(graph: Graph) -> Graph:
    """The graph, with a note that it came from torch."""
    assert graph.meta["engine"] == "own"
    return replace(graph, meta={**graph.meta, "engine": "torch"})


def leaves(graph: Graph) -> list[tuple[str, ...]]:
    return [node.names for node in graph.nodes if node.kind == "leaf"]


def test_a_lesson_gives_the_same_json_on_both_engines(play: Play) -> None:
    own, torchs = drawn(play(LESSON)), drawn(play(LESSON, engine="torch"))
    assert torchs.meta["engine"] == "torch"
    assert as_torch(own).to_json() == torchs.to_json()


def test_a_saved_tensor_has_its_name_and_no_second_box(play: Play) -> None:
    text = LESSON.replace("y = 2 * torch.dot(x, x)", "u = x + 1; y = (u * u * x).exp().sum()")
    own, torchs = (drawn(play(text, engine=engine, attrs=False)) for engine in ("own", "torch"))
    assert (own.nodes, own.edges) == (torchs.nodes, torchs.edges)
    assert ("u",) in [node.names for node in own.nodes if node.kind == "saved"]


@pytest.mark.parametrize("line", IMPORTS)
def test_every_way_to_import_torch_is_answered(play: Play, line: str) -> None:
    graph = drawn(play(f"{line}\nx = arange(2.0, requires_grad=True)\nbackward((x * x).sum())\n"))
    assert graph.meta["engine"] == "own"
    assert leaves(graph) == [("x",)]


@pytest.mark.parametrize("call", ASKING)
def test_every_kind_of_backward_call_is_caught(play: Play, call: str) -> None:
    outcome = play(LESSON.replace("y.backward()", call) + "raise ValueError('went on')\n")
    assert as_torch(drawn(outcome))
    assert outcome.exit_code == 0
    assert outcome.caught == "backward at train.py:6"
    assert ("x",) in leaves(drawn(outcome))


def test_a_helper_counts_as_the_one_call_that_the_script_made(play: Play) -> None:
    text = LESSON.replace(
        "y.backward()",
        "torch.autograd.functional.hessian(lambda v: (v**3).sum(), torch.ones(3))\ny.backward()",
    )
    assert play(text, backward=2).caught == "backward at train.py:7"


def test_the_script_can_go_on_and_gets_its_gradients(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = play(LESSON + "print(x.grad, type(x).__module__)\n", keep_going=True)
    assert leaves(drawn(outcome)) == [("x",)]
    assert capsys.readouterr().out == (
        "tensor([ 0.,  4.,  8., 12.]) graphviz_autograd.engine.tensors\n"
    )


def test_names_come_from_every_frame_above_the_call(play: Play) -> None:
    graph = drawn(
        play(
            """
            import torch

            class Line:
                def __init__(self):
                    self.w = torch.ones(2, requires_grad=True)

                def fit(self, params):
                    loss = (self.w * params[0]).sum() + params[1]
                    loss.backward()

            b = torch.ones((), requires_grad=True)
            scales = {"a": torch.ones(2, requires_grad=True)}
            Line().fit([scales["a"], b])
            """
        )
    )
    assert sorted(leaves(graph)) == [("b",), ("params[0]",), ("self.w",)]
    assert graph.by_id()[graph.outputs[0]].names == ("loss",)


def test_a_root_is_drawn_where_a_backward_call_is_made(play: Play) -> None:
    graph = drawn(play(LESSON, roots=("torch.dot(x, x)",)))
    assert [node.op for node in graph.nodes if node.kind == "op"] == [
        "DotBackward0",
        "AccumulateGrad",
    ]


def test_what_is_left_at_the_end_is_drawn_without_a_backward_call(play: Play) -> None:
    outcome = play(LESSON.replace("y.backward()", "z = [y.exp()]"))
    assert outcome.caught == "left in the namespace"
    assert [drawn(outcome).by_id()[n].names for n in drawn(outcome).outputs] == [("z[0]",)]


def test_what_needs_no_gradient_is_told_as_ever(play: Play) -> None:
    outcome = play("import torch\nx = torch.ones(2)\n")
    assert outcome.exit_code == 4
    assert "1 tensor, none requires grad" in outcome.message


def test_make_dot_in_the_script_draws_its_tensors(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = "import graphviz_autograd as gva\nprint(gva.make_dot(y, {'x': x}).source)\n"
    assert play(LESSON + drawing, keep_going=True).exit_code == 0
    on_engine = capsys.readouterr().out
    assert play(LESSON + drawing, keep_going=True, engine="torch").exit_code == 0
    assert on_engine == capsys.readouterr().out
    assert "DotBackward0" in on_engine


def test_modules_that_the_script_imports_keep_torch(play: Play, tmp_path: Path) -> None:
    (tmp_path / "beside_engine.py").write_text("import torch\nones = torch.ones(2)\n")
    try:
        outcome = play(
            LESSON + "import beside_engine as beside\n"
            "assert type(beside.ones) is not torch.Tensor\n"
            "assert not isinstance(x, type(beside.ones))\n",
            keep_going=True,
        )
        assert outcome.exit_code == 0
        assert type(sys.modules["beside_engine"].ones) is sys.modules["torch"].Tensor
    finally:
        sys.modules.pop("beside_engine", None)


def test_what_the_engine_does_not_replace_is_torchs(play: Play) -> None:
    outcome = play(
        """
        import torch
        from torch.nn import functional as F
        from torch.utils.data import TensorDataset
        from torch.utils.checkpoint import checkpoint

        torch.cuda.is_available()
        data = TensorDataset(torch.ones(2, 3, dtype=torch.float64))
        x = data[0][0].requires_grad_()
        checkpoint(lambda v: F.relu(v).sum(), x, use_reentrant=False).backward()
        """
    )
    assert leaves(drawn(outcome)) == [("x",)]


TRAINING = """
import torch
import torch.nn as nn
import torch.optim as optim
from torch.nn import Parameter
from torch.utils.data import DataLoader, TensorDataset

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.places = Parameter(torch.zeros(6, 4))
        self.hidden = nn.Linear(4, 8)
        self.out = nn.Linear(8, 2)
        nn.init.normal_(self.places)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x + self.places[: x.shape[0]])))

torch.manual_seed(0)
data = TensorDataset(torch.randn(10, 4), torch.randint(0, 2, (10,)))
model, loss_fn = Net(), nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=0.1)
for x, labels in DataLoader(data, batch_size=5, shuffle=True):
    optimizer.zero_grad()
    loss = loss_fn(model(x), labels)
    loss.backward()
    optimizer.step()
    print(f"{loss.item():.4f}")
"""


def test_a_training_loop_with_torchs_modules_and_optimizers_runs_on_the_engine(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, printed = drawn(play(TRAINING, keep_going=True)), capsys.readouterr().out
    torchs = drawn(play(TRAINING, keep_going=True, engine="torch"))
    assert printed == capsys.readouterr().out
    assert ("model.hidden.weight",) in leaves(ours)
    assert leaves(ours) == leaves(torchs)
    assert [node.op for node in ours.nodes if node.kind == "op"] == [
        node.op for node in torchs.nodes if node.kind == "op"
    ]


def test_what_torch_makes_of_parameters_alone_is_refused_and_not_lost(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "import torch\nlinear = torch.nn.Linear(2, 1)\n"
    outcome = play(text + "(torch.ones(2) * linear.weight[0]).sum().backward()\n")
    assert (outcome.graph, outcome.exit_code) == (None, 1)
    assert "engine.wrap(module)" in capsys.readouterr().err


def test_a_failed_import_is_shown_as_python_shows_it(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "import traceback\ntry:\n    import torch.no_such\nexcept ImportError:\n"
    assert play(text + "    traceback.print_exc()\n").exit_code == 4
    shown = capsys.readouterr().err
    assert shown.count("File") == 1
    assert "No module named 'torch.no_such'" in shown
    assert play("from torch.autograd import no_such\n").exit_code == 1
    assert "cannot import name 'no_such'" in capsys.readouterr().err


def test_a_notebook_runs_on_the_engine(tmp_path: Path) -> None:
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell("%pwd\ndisplay"), nbformat.v4.new_code_cell(LESSON)]
    nbformat.write(book, tmp_path / "lesson.ipynb")
    graph = drawn(run(Program("notebook", str(tmp_path / "lesson.ipynb")), engine="own"))
    assert leaves(as_torch(graph)) == [("x",)]


def test_a_script_that_uses_the_engine_itself_is_caught_too(play: Play) -> None:
    text = LESSON.replace("import torch", "from graphviz_autograd import engine as torch")
    assert leaves(as_torch(drawn(play(text, engine="torch")))) == [("x",)]


def test_afterwards_the_engine_is_as_it_was(play: Play) -> None:
    modules = (backward, autograd, functional)
    before = [dict(vars(module)) for module in modules]
    play(LESSON)
    assert before == [vars(module) for module in modules]


def test_an_unknown_engine_is_refused_before_anything_runs(play: Play) -> None:
    with pytest.raises(OptionError, match="one of torch, own, not 'tinygrad'"):
        play("print('ran')\n", engine="tinygrad")


def test_a_class_with_a_grad_fn_of_its_own_is_no_tensor(play: Play) -> None:
    graph = drawn(play("class Value:\n    grad_fn = None\nvalue = Value()\n" + LESSON))
    assert leaves(graph) == [("x",)]


def test_a_walk_says_whose_autograd_it_read() -> None:
    x = engine.arange(2.0, requires_grad=True)
    assert gva.walk(x * x).meta["engine"] == "own"
