"""The names that a person's script gives to what it computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from graphviz_autograd import Graph
from graphviz_autograd.script import Outcome, variables

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


# ---- names


def test_parameters_and_variables_above_the_call_give_their_names(play: Play) -> None:
    code = """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(2, 3)
        self.tied = self.fc1
    def forward(self, x):
        return self.fc1(x)
def train(model, data):
    pred = model(data)
    loss = pred.sum() * scale + bias
    fit(loss)
def fit(objective):
    objective.backward()
scale = torch.ones(1, requires_grad=True)
bias = also = torch.ones(1, requires_grad=True)
net = Net()
train(net, torch.ones(4, 2))
"""
    outcome = play(code)
    assert root(outcome) == ("objective",)
    assert leaves(outcome.graph) == [
        ("bias", "also"),
        ("model.fc1.bias", "model.tied.bias"),
        ("model.fc1.weight", "model.tied.weight"),
        ("scale",),
    ]
    assert outcome.graph is not None
    assert [n.names for n in outcome.graph.nodes if n.op == "AddmmBackward0"] == [("pred",)]


def test_attributes_of_self_and_places_in_containers_give_names(play: Play) -> None:
    code = """
class Trainer:
    def __init__(self):
        self.net = torch.nn.Linear(2, 1, bias=False)
        self.scale = torch.ones(1, requires_grad=True)
        self._hidden = torch.ones(1, requires_grad=True)
    def step(self, state):
        params = [torch.ones(1, requires_grad=True)]
        total = self.net(torch.ones(1, 2)) * self.scale + state["w"] + params[0] + self._hidden
        total.backward()
Trainer().step({"w": torch.ones(1, requires_grad=True)})
"""
    assert leaves(play(code).graph) == [
        (),
        ("params[0]",),
        ("self.net.weight",),
        ("self.scale",),
        ('state["w"]',),
    ]


def test_a_list_of_a_models_parameters_does_not_rename_them(play: Play) -> None:
    code = """
model = torch.nn.Linear(2, 1)
params = list(model.parameters())
for p in params:
    p.data.fill_(0.5)
loss = model(torch.ones(2)).sum()
loss.backward()
"""
    assert leaves(play(code).graph) == [("model.bias",), ("model.weight",)]


def test_the_persons_own_names_win_over_a_librarys(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "fitting.py").write_text("def fit(tensor):\n    tensor.backward()\n")
    monkeypatch.setattr(variables, "LIBRARIES", (str(library),))
    code = f"""
import sys
sys.path.append({str(library)!r})
from fitting import fit
{W}
loss = w.sum()
fit(loss)
"""
    outcome = play(code)
    assert root(outcome) == ("loss",)
    assert outcome.caught == "backward at train.py:9"


# ---- modules


def paths(graph: Graph | None) -> set[str]:
    assert graph is not None
    return {node.modules[-1].path for node in graph.nodes if node.modules}


def test_modules_are_named_by_the_variable_that_holds_them(play: Play) -> None:
    code = """
encoder = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh())
heads = [torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)]
h = encoder(torch.ones(1, 2))
(heads[0](h) + heads[1](h)).backward()
"""
    assert paths(play(code).graph) == {"encoder.0", "encoder.1", "heads[0]", "heads[1]"}


def test_modules_that_only_self_holds_are_named_by_the_attribute(play: Play) -> None:
    code = """
class Trainer:
    def __init__(self):
        self.model = torch.nn.Sequential(torch.nn.Linear(2, 1))

    def step(self):
        self.model(torch.ones(1, 2)).sum().backward()

Trainer().step()
"""
    assert paths(play(code).graph) == {"self.model.0"}


def test_a_module_that_no_variable_holds_bears_the_name_of_its_class(play: Play) -> None:
    code = "torch.nn.Sequential(torch.nn.Linear(2, 1))(torch.ones(1, 2)).sum().backward()"
    assert paths(play(code).graph) == {"Sequential.0"}
