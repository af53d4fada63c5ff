"""A person's script, run as python would, gives up the graph of its backward call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import graphviz_autograd as gva
from graphviz_autograd import Graph
from graphviz_autograd.errors import OptionError
from graphviz_autograd.script import Outcome

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


def ops(graph: Graph | None) -> list[str]:
    assert graph is not None
    return [node.op for node in graph.nodes if node.kind == "op"]


W = "w = torch.ones(2, requires_grad=True)\n"


# ---- which graph


@pytest.mark.parametrize(
    "call",
    [
        "loss.backward()",
        "torch.autograd.backward(loss)",
        "torch.autograd.backward(tensors=[loss])",
        "torch.autograd.grad(loss, w)",
        "torch.autograd.grad(outputs=(loss,), inputs=(w,))",
        "from torch.autograd import grad; grad(loss, [w])",
        "torch.Tensor.backward(loss)",
    ],
)
def test_every_kind_of_backward_call_is_caught(play: Play, call: str) -> None:
    outcome = play(f"{W}loss = (w * w).sum()\n{call}\n")
    assert root(outcome) == ("loss",)
    assert leaves(outcome.graph) == [("w",)]
    assert (outcome.exit_code, outcome.message) == (0, "")


def test_the_graph_is_caught_before_the_call_runs_and_the_script_stopped(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"""
{W}
try:
    (w * w).sum().backward()
    print("went on")
except Exception:
    print("noticed")
finally:
    print("grad", w.grad)
"""
    play(code)
    assert capsys.readouterr().out == "grad None\n"


def test_the_script_and_the_line_are_told(play: Play) -> None:
    assert play(f"{W}(w * w).sum().backward()\n").caught == "backward at train.py:3"


LOOP = f"""
{W}
for step in range(3):
    loss = w.sum()
    for _ in range(step):
        loss = loss * 2
    loss.backward()
"""


def test_the_nth_backward_call_can_be_picked(play: Play) -> None:
    assert ops(play(LOOP, backward=3).graph).count("MulBackward0") == 2
    outcome = play(LOOP, backward=4)
    assert outcome.exit_code == 4
    assert "train.py made 3 backward calls, and --backward asks for number 4" in outcome.message


def test_a_script_that_swallows_everything_is_caught_all_the_same(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"""
{W}
for step in range(3):
    try:
        loss = (w * w).sum()
        loss.backward()
    except:
        pass
print("grad", w.grad)
raise RuntimeError("what a stopped script says of its end does not matter")
"""
    outcome = play(code)
    assert capsys.readouterr() == ("grad None\n", "")
    assert root(outcome) == ("loss",)
    assert outcome.exit_code == 0


def test_calls_inside_a_helper_count_once(play: Play) -> None:
    code = f"""
{W}
torch.autograd.functional.hessian(lambda v: (v**3).sum(), w)
torch.autograd.gradcheck(torch.sin, torch.ones(3, dtype=torch.double, requires_grad=True))
loss = w.prod()
loss.backward()
"""
    assert "PowBackward0" in ops(play(code).graph)
    assert "SinBackward0" in ops(play(code, backward=2).graph)
    assert "ProdBackward0" in ops(play(code, backward=3).graph)
    assert play(code, backward=4).exit_code == 4


def test_calls_that_a_reentrant_checkpoint_makes_are_not_the_scripts(play: Play) -> None:
    code = """
from torch.utils.checkpoint import checkpoint
x = torch.ones(2, requires_grad=True)
for _ in range(2):
    checkpoint(torch.sin, x, use_reentrant=True).sum().backward()
"""
    assert "CheckpointFunctionBackward" in ops(play(code, backward=2).graph)
    assert "made 2 backward calls" in play(code, backward=3).message


def test_calls_that_torch_nests_in_threads_of_its_own_are_not_the_scripts(play: Play) -> None:
    """Beyond sixty nested calls, as on a GPU from the first, they run in other threads."""
    code = """
class Nested(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, depth):
        ctx.depth = depth
        return x.clone()
    @staticmethod
    def backward(ctx, grad):
        if ctx.depth:
            with torch.enable_grad():
                x = torch.ones(1, requires_grad=True)
                Nested.apply(x, ctx.depth - 1).sum().backward()
        return grad, None
x = torch.ones(1, requires_grad=True)
for _ in range(2):
    Nested.apply(x, 100).sum().backward()
"""
    assert "made 2 backward calls" in play(code, backward=3).message


def test_gradients_that_torch_takes_for_itself_are_not_the_scripts(play: Play) -> None:
    code = """
import torch.distributions as d
a = torch.tensor(2.0, requires_grad=True)
k = d.kl._kl_expfamily_expfamily(d.Poisson(a), d.Poisson(torch.tensor(3.0)))
loss = k * 2
loss.backward()
"""
    assert root(play(code)) == ("loss",)


def test_compiling_a_model_is_not_its_backward_call(play: Play) -> None:
    code = """
model = torch.compile(torch.nn.Linear(3, 1), backend="aot_eager")
loss = model(torch.ones(2, 3)).sum()
loss.backward()
"""
    assert root(play(code)) == ("loss",)


def test_a_script_that_sets_a_default_device_is_caught_too(play: Play) -> None:
    """torch then hands each call on through a mode of its own."""
    outcome = play("""
        torch.set_default_device("cpu")
        w = torch.ones(2, requires_grad=True)
        loss = (w * w).sum()
        loss.backward()
        assert False, "the script should have been stopped"
    """)
    torch.set_default_device(None)
    assert outcome.caught == "backward at train.py:6"
    assert outcome.exit_code == 0


def test_an_examiner_sees_the_program_from_torch_on_and_walks_in_our_place(play: Play) -> None:
    class Examiner:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def start(self) -> None:
            self.seen.append("start")

        def walk(self, outputs: Any, params: Any, **reading: Any) -> Graph:
            self.seen.append("walk")
            return gva.walk(outputs, params, **reading)

        def stop(self) -> None:
            self.seen.append("stop")

    examiner = Examiner()
    text = "w = torch.ones(2, requires_grad=True); loss = (w * w).sum()"
    outcome = play(f"{text}; loss.backward()", examiner=examiner)
    assert ops(outcome.graph)[:2] == ["SumBackward0", "MulBackward0"]
    assert examiner.seen == ["start", "walk", "stop"]
    examiner.seen.clear()
    assert play(text, examiner=examiner).graph is not None
    assert examiner.seen == ["start", "stop", "walk"], "what is left behind is walked at the end"


def test_a_backward_call_in_a_thread_is_caught_while_the_script_waits(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"""
import queue, threading
{W}
done = queue.Queue()
def work():
    loss = (w * w).sum()
    loss.backward()
    done.put(loss)
threading.Thread(target=work).start()
done.get()
print("went on")
"""
    outcome = play(code)
    assert root(outcome) == ("loss",)
    assert leaves(outcome.graph) == [("w",)]
    assert capsys.readouterr() == ("", "")


def test_a_thread_that_outlives_the_script_is_waited_for(play: Play) -> None:
    code = f"""
import threading, time
{W}
def work():
    time.sleep(0.1)
    w.sum().backward()
threading.Thread(target=work).start()
"""
    assert ops(play(code).graph) == ["SumBackward0", "AccumulateGrad"]


def test_a_wrong_backward_call_gets_torchs_own_error(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = play("x = torch.ones(2)\nx.sum().backward()\n")
    assert (outcome.graph, outcome.exit_code, outcome.message) == (None, 1, "")
    said = capsys.readouterr().err
    assert "element 0 of tensors does not require grad" in said
    assert "graphviz_autograd" not in said


def test_a_traceback_that_the_script_prints_has_no_frames_of_ours(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
import traceback
try:
    torch.ones(2).sum().backward()
except RuntimeError:
    traceback.print_exc()
"""
    play(code)
    said = capsys.readouterr().err
    assert "does not require grad" in said
    assert "_tensor.py" in said
    assert "graphviz_autograd" not in said


def test_after_a_wrong_call_that_the_script_survives_the_next_is_caught(play: Play) -> None:
    code = f"""
{W}
try:
    torch.ones(2).sum().backward()
except RuntimeError:
    pass
loss = w.sum()
loss.backward()
"""
    assert root(play(code)) == ("loss",)


# ---- no backward call


def test_without_a_backward_call_the_tensors_that_feed_no_other_are_drawn(play: Play) -> None:
    code = f"""
{W}
hidden = w * 2
parts = hidden.split(1)
first = parts[0].exp()
kept = {{"out": hidden.sum(), 3: "text"}}
_private = hidden.tan()
"""
    outcome = play(code)
    assert outcome.graph is not None
    nodes = outcome.graph.by_id()
    names = [nodes[number].names for number in outcome.graph.outputs]
    assert sorted(names) == [("first",), ('kept["out"]',), ("parts[1]",)]
    assert outcome.caught == "left in the namespace"


def test_what_lies_deep_in_containers_at_the_end_is_drawn(play: Play) -> None:
    code = f"""
{W}
out = [w.sum(), {{"a": [w.mean()], "b": (w.max(), [[w.exp()]])}}]
out.append(out)
"""
    outcome = play(code)
    assert outcome.graph is not None
    nodes = outcome.graph.by_id()
    names = [nodes[number].names for number in outcome.graph.outputs]
    deep = [("out[0]",), ('out[1]["a"][0]',), ('out[1]["b"][0]',), ('out[1]["b"][1][0][0]',)]
    assert sorted(names) == deep


def test_what_a_dataclass_holds_at_the_end_is_drawn(play: Play) -> None:
    code = f"""
{W}
import dataclasses
@dataclasses.dataclass
class Out:
    logits: torch.Tensor
    labels: object = None
out = Out(w * 2)
"""
    outcome = play(code)
    assert outcome.graph is not None
    nodes = outcome.graph.by_id()
    assert [nodes[number].names for number in outcome.graph.outputs] == [("out.logits",)]


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("x = 1", "no tensor in its variables"),
        ("x = torch.ones(2); y = [x * 2, x * 3]", "3 tensors, none requires grad"),
        (
            "model = torch.nn.Linear(2, 3)",
            "2 tensors need gradients, but no variable holds what was computed from them",
        ),
        (
            "w = torch.ones(2, requires_grad=True)",
            "1 tensor needs gradients, but no variable holds what was computed from it",
        ),
    ],
)
def test_where_there_is_no_graph_one_line_says_what_was_seen(
    play: Play, code: str, seen: str
) -> None:
    outcome = play(code)
    assert (outcome.graph, outcome.exit_code) == (None, 4)
    assert seen in outcome.message
    assert "\n" not in outcome.message


def test_a_script_that_exits_with_0_before_any_graph_still_has_its_namespace(play: Play) -> None:
    assert root(play(f"{W}y = w.sum()\nimport sys\nsys.exit(0)\n")) == ("y",)


# ---- roots


STEP = f"""
{W}
def step():
    hidden = w * 2
    loss = hidden.sum()
    loss.backward()
step()
"""


def test_a_root_may_be_a_variable_beside_the_backward_call(play: Play) -> None:
    outcome = play(STEP, roots=("hidden",))
    assert root(outcome) == ("hidden",)
    assert "SumBackward0" not in ops(outcome.graph)


def test_a_root_may_be_a_variable_of_any_function_above_the_call(play: Play) -> None:
    code = f"""
{W}
def fit(objective):
    objective.backward()
def train():
    hidden = w * 2
    fit(hidden.sum())
train()
"""
    assert root(play(code, roots=("hidden",))) == ("hidden",)


def test_several_roots_and_expressions_are_named_as_given(play: Play) -> None:
    outcome = play(STEP, roots=("loss", "hidden * w"))
    assert outcome.graph is not None
    nodes = outcome.graph.by_id()
    assert [nodes[n].names for n in outcome.graph.outputs] == [("loss",), ("hidden * w",)]


def test_a_root_that_comes_later_is_waited_for(play: Play) -> None:
    outcome = play(f"{W}w.sum().backward()\nlate = w.exp()\nlate.sum().backward()", roots=("late",))
    assert root(outcome) == ("late",)


def test_a_root_that_no_call_sees_is_looked_up_at_the_end(play: Play) -> None:
    assert root(play(f"{W}y = w.exp()\nz = y.sum()\n", roots=("y",))) == ("y",)


@pytest.mark.parametrize(
    ("expression", "exit_code", "said"),
    [
        ("lss", 2, "--root lss: NameError: name 'lss' is not defined; did you mean loss?"),
        ("w[7]", 2, "--root w[7]: IndexError: index 7 is out of bounds"),
        ("w.detach()", 4, "--root w.detach(): it does not require grad"),
        ("7", 2, "--root 7: expected a tensor"),
    ],
)
def test_a_root_that_is_no_use_is_explained(
    play: Play, expression: str, exit_code: int, said: str
) -> None:
    outcome = play(STEP, roots=(expression,))
    assert (outcome.graph, outcome.exit_code) == (None, exit_code)
    assert outcome.message.startswith(said)


def test_a_root_that_is_no_expression_is_refused_before_the_script_runs(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OptionError, match=r"--root loss\+: not a Python expression"):
        play("print('ran')", roots=("loss+",))
    assert capsys.readouterr().out == ""
