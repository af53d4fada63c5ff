"""Random programs: the walk sees exactly what torch's own nodes say, and changes nothing."""

import collections

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import graphviz_autograd as gva

UNARY = [
    torch.sin,
    torch.relu,
    torch.neg,
    lambda t: t.exp().clamp(max=2),
    lambda t: t.view(2, 2).t().reshape(4),
    lambda t: t.detach() * 2,
    lambda t: torch.cat(t.chunk(2)[::-1]),
    lambda t: t.clone().mul_(2),
]
BINARY = [torch.add, torch.sub, torch.mul, torch.maximum, lambda a, b: torch.stack([a, b]).sum(0)]

picks = st.integers(0, 100)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(UNARY), picks),
        st.tuples(st.sampled_from(BINARY), picks, picks),
    ),
    min_size=1,
    max_size=25,
)


def run(program, needs_grad):
    """The leaves and every tensor of a program; a step takes any of the tensors so far."""
    leaves = [
        torch.linspace(0.1, 1, 4).add(i).requires_grad_(need) for i, need in enumerate(needs_grad)
    ]
    tensors = list(leaves)
    for op, *inputs in program:
        tensors.append(op(*(tensors[i % len(tensors)] for i in inputs)))
    return leaves, tensors


def as_torch_says(roots):
    """Names of nodes, and edges with their numbers, read off `next_functions` one by one."""
    seen, stack, edges = {}, list(roots), []
    while stack:
        fn = stack.pop()
        if fn in seen:
            continue
        seen[fn] = type(fn).__name__
        for number, (child, output) in enumerate(fn.next_functions):
            if child is not None:
                edges.append((type(child).__name__, type(fn).__name__, output, number))
                stack.append(child)
    return collections.Counter(seen.values()), collections.Counter(edges)


def as_walked(graph):
    ops = {node.id: node.op for node in graph.nodes if node.kind == "op"}
    return collections.Counter(ops.values()), collections.Counter(
        (ops[e.source], ops[e.target], e.source_index, e.target_index)
        for e in graph.edges
        if e.kind == "grad" and e.source in ops and e.target in ops
    )


@settings(deadline=None, max_examples=150)
@given(steps, st.lists(st.booleans(), min_size=1, max_size=3).map(lambda needs: [True, *needs]))
def test_the_walk_sees_every_node_and_edge_of_any_program(program, needs_grad):
    leaves, tensors = run(program, needs_grad)
    outputs = [t for t in tensors[-3:] if t.requires_grad and t.grad_fn is not None]
    if not outputs:
        return
    names = {f"t{i}": tensor for i, tensor in enumerate(tensors)}
    graph = gva.walk(outputs, names)
    bases = [
        t._base.grad_fn for t in outputs if t._base is not None and t._base.grad_fn is not None
    ]
    assert as_walked(graph) == as_torch_says([*(t.grad_fn for t in outputs), *bases])
    assert gva.Graph.from_json(graph.to_json()) == graph
    assert gva.walk(outputs, names) == graph

    torch.autograd.backward(outputs, [torch.ones_like(t) for t in outputs])
    fresh_leaves, fresh = run(program, needs_grad)
    unwatched = [t for t in fresh[-3:] if t.requires_grad and t.grad_fn is not None]
    torch.autograd.backward(unwatched, [torch.ones_like(t) for t in unwatched])
    for watched, plain in zip(leaves, fresh_leaves, strict=True):
        assert (watched.grad is None) == (plain.grad is None)
        assert watched.grad is None or torch.equal(watched.grad, plain.grad)
