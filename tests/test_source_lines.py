"""`gva.record`: each op knows the source line that made it."""

import contextlib
import inspect
import runpy
import sys
from pathlib import Path

import torch
from torch import nn

import graphviz_autograd as gva

_SHARED = runpy.run_path(str(Path(__file__).with_name("recorded.py")))
here, made, lines_of, Net, NET = (
    _SHARED["here"],
    _SHARED["made"],
    _SHARED["lines_of"],
    _SHARED["Net"],
    _SHARED["NET"],
)


def test_an_op_has_the_line_of_the_program_that_made_it():
    def squash(x):
        return x.tanh()

    w = torch.ones(2, requires_grad=True)
    with gva.record() as rec:
        y = squash(w * 2)
        at = here() - 1
        y = nn.Softmax(dim=0)(y)
    z = y.exp()
    graph = gva.walk(z, record=rec)
    assert lines_of(graph, "MulBackward0") == [at]
    assert lines_of(graph, "TanhBackward0") == [inspect.getsourcelines(squash)[1] + 1]
    assert lines_of(graph, "SoftmaxBackward0") == [at + 2]
    assert lines_of(graph, "ExpBackward0") == [None], "made outside"
    [mul] = [node for node in graph.nodes if node.op == "MulBackward0"]
    assert mul.line == (__file__, at)


def test_lines_are_those_that_anomaly_mode_tells():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

        def forward(self, x):
            def steps():
                for factor in (1, 2):
                    yield self.inner(x) * factor

            a, b = steps()
            return torch.cat([a, b]).reshape(
                a.shape[0] * 2,
                -1,
            )

    model = nn.Sequential(Scaled(), nn.LayerNorm(4), Scaled())
    cell, x = nn.GRUCell(4, 4), torch.ones(2, 4)
    with _anomaly():
        with gva.record(model) as rec:
            h = model(x)
            for _ in range(3):
                h = cell(h)
            y = h.sum()
        graph = gva.walk(y, record=rec)
    nodes = [y.grad_fn]
    told = []
    for fn in nodes:
        nodes += [child for child, _ in fn.next_functions if child and child not in nodes]
        if fn.name() != "torch::autograd::AccumulateGrad":
            frames = [text for text in fn.metadata["traceback_"] if f'"{__file__}"' in text]
            told.append((type(fn).__name__, int(frames[-1].split("line ")[1].split(",")[0])))
    ours = [(node.op, node.line[1]) for node in graph.nodes if node.line]
    assert len(ours) > 50
    assert sorted(ours) == sorted(told)


@contextlib.contextmanager
def _anomaly():
    torch.autograd.set_detect_anomaly(True, check_nan=False)
    try:
        yield
    finally:
        torch.autograd.set_detect_anomaly(False)


def test_lines_can_be_left_out():
    net = Net()
    with gva.record(net, lines=False) as rec:
        assert sys.gettrace() is None
        y = net(torch.ones(2, 3))
    graph = gva.walk(y, record=rec)
    assert made(graph) == NET
    assert not any(node.line for node in graph.nodes)
    assert graph.meta["read"][-1] == "modules"


def test_a_debugger_or_coverage_tool_is_left_alone():
    events = []

    def debugger(frame, event, arg):
        events.append(event)
        return debugger

    net = Net()
    before = sys.gettrace()
    sys.settrace(debugger)
    try:
        with gva.record(net) as rec:
            y = net(torch.ones(2, 3))
            assert sys.gettrace() is debugger
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(before)
    assert "line" in events
    graph = gva.walk(y, record=rec)
    assert made(graph) == NET
    [note] = graph.meta["unread"]
    assert note.startswith("no source lines: a debugger or a coverage tool")


def test_a_debugger_that_begins_meanwhile_keeps_its_place():
    def debugger(frame, event, arg):
        return None

    net = Net()
    with gva.record(net):
        net(torch.ones(2, 3))
        sys.settrace(debugger)
        net(torch.ones(2, 3))
        assert sys.gettrace() is debugger
    assert sys.gettrace() is debugger
    sys.settrace(None)
