"""Graphs to explore, made without torch."""

from __future__ import annotations

from graphviz_autograd.graph import Edge, Graph, ModuleCall, Node, TensorInfo

NET = ModuleCall("", "Net", 1)
READ = {"engine": "torch", "read": ["shapes", "attrs", "saved", "modules", "lines"]}


def tensor(*shape: int) -> tuple[TensorInfo]:
    return (TensorInfo(shape, "float32", "cpu"),)


def net() -> Graph:
    """Two linear layers with a tanh between, in modules; the tanh saves its result."""
    nodes = [
        Node(0, "output", names=("loss",), outputs=tensor()),
        Node(1, "op", "SumBackward0", outputs=tensor(), modules=(NET,), line=("train.py", 9)),
    ]
    edges = [Edge(1, 0)]
    following = 1
    for place in (1, 0):
        call = ModuleCall(f"fc{place}", "Linear", 1)
        start = 10 * (place + 1)
        nodes += [
            Node(
                start,
                "op",
                "AddmmBackward0",
                outputs=tensor(5, 3 + place),
                attrs={"alpha": 1},
                data={"bytes": 100 * (place + 1), "verify": {"status": "matched"}},
                modules=(NET, call),
                line=("net.py", 20 + place),
            ),
            Node(start + 1, "op", "AccumulateGrad"),
            Node(
                start + 2,
                "leaf",
                names=(f"fc{place}.weight",),
                outputs=tensor(3 + place, 4),
                attrs={"parameter": True},
            ),
        ]
        edges += [
            Edge(start, following),
            Edge(start + 1, start, target_index=2),
            Edge(start + 2, start + 1),
        ]
        following = start
        if place:
            nodes.append(
                Node(
                    5,
                    "op",
                    "TanhBackward0",
                    outputs=tensor(5, 3),
                    modules=(NET,),
                    line=("net.py", 8),
                )
            )
            nodes.append(Node(6, "saved", "result", outputs=tensor(5, 3)))
            edges += [Edge(5, start, target_index=1), Edge(5, 6, "saved")]
            following = 5
    return Graph(nodes, edges, (0,), READ)


def blocks(count: int, size: int = 4) -> Graph:
    """Equal blocks one after the other, each of so many ops in two modules."""
    nodes: list[Node] = []
    for block in range(count):
        calls = NET, ModuleCall(f"h.{block}", "Block", 1)
        for op in range(size):
            inner = ModuleCall(f"h.{block}.{'ab'[op % 2]}", "AB"[op % 2], 1)
            name = f"{('Relu', 'Tanh', 'Exp', 'Log')[op % 4]}Backward0"
            number = len(nodes)
            nodes.append(
                Node(number, "op", name, outputs=tensor(2), modules=(*calls, inner), made=number)
            )
    last = len(nodes)
    edges = [Edge(n, n + 1) for n in range(last)]
    return Graph([*nodes, Node(last, "output", names=("y",))], edges, (last,), READ)


def chain(count: int) -> Graph:
    """Ops one after the other, in no module, no two stretches of them alike."""
    nodes = [Node(n, "op", f"Op{(n * n + n // 13) % 97}Backward0", made=n) for n in range(count)]
    return Graph(nodes, [Edge(n, n + 1) for n in range(count - 1)], (count - 1,))


def many_modules(nodes: int, modules: int) -> Graph:
    """A net of so many ops, in modules of different classes within larger ones."""
    made: list[Node] = []
    edges: list[Edge] = []
    for module in range(modules):
        calls = (
            NET,
            ModuleCall(f"part{module // 20}", f"Part{module // 20}", 1),
            ModuleCall(f"part{module // 20}.{module % 20}", f"Kind{module % 7}", 1),
        )
        for place in range(nodes // modules):
            number = len(made)
            op = f"Op{(number * 7 + module) % 11}Backward0"
            made.append(
                Node(number, "op", op, outputs=tensor(module + 1, 3), modules=calls, made=number)
            )
            if number:
                edges.append(Edge(number - 1, number))
            if place > 5 and place % 3 == 0:
                edges.append(Edge(number - 5, number, target_index=1))
    last = len(made)
    edges.append(Edge(last - 1, last))
    return Graph([*made, Node(last, "output", names=("loss",))], edges, (last,), READ)


def shared(uses: int) -> Graph:
    """A leaf that so many ops take."""
    ops = [Node(n, "op", "MulBackward0") for n in range(2, 2 + uses)]
    end = 2 + uses
    leaf = [Node(0, "leaf", names=("w",), outputs=tensor(3)), Node(1, "op", "AccumulateGrad")]
    edges = [Edge(0, 1), *(Edge(1, op.id, target_index=1) for op in ops)]
    edges += [Edge(one.id, one.id + 1) for one in ops]
    return Graph([*leaf, *ops, Node(end, "output", names=("y",))], edges, (end,))
