"""What tests of recording share: a net, and where a graph says it was made; loaded by path."""

import inspect

from torch import nn


def here():
    """The number of the line that calls this."""
    return inspect.currentframe().f_back.f_lineno


def made(graph):
    """(name of the op, its module calls as "path call", innermost last) of every op."""
    return {
        (node.op, tuple(f"{call.path or '.'} {call.call}" for call in node.modules))
        for node in graph.nodes
        if node.kind == "op" and node.op != "AccumulateGrad"
    }


def lines_of(graph, op):
    return [node.line and node.line[1] for node in graph.nodes if node.op == op]


class Net(nn.Module):
    """Two layers in a list, one activation used after both, a step of its own after each."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
        self.act = nn.Tanh()

    def forward(self, x):
        for layer in self.layers:
            x = self.act(layer(x)) * 2
        return x


NET = {
    ("MulBackward0", (". 1",)),
    ("TanhBackward0", (". 1", "act 1")),
    ("TanhBackward0", (". 1", "act 2")),
    ("AddmmBackward0", (". 1", "layers.0 1")),
    ("AddmmBackward0", (". 1", "layers.1 1")),
    ("TBackward0", (". 1", "layers.0 1")),
    ("TBackward0", (". 1", "layers.1 1")),
}
