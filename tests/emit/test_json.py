"""A saved graph comes back without loss, and what is no saved graph is refused."""

import copy
import json
import pickle

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import graphviz_autograd as gva
from graphviz_autograd import Edge, Graph, ModuleCall, Node, TensorInfo
from graphviz_autograd.emit.json import schema
from graphviz_autograd.graph import EDGE_KINDS, NODE_KINDS

VALIDATOR = jsonschema.Draft202012Validator(schema())

words = st.text(max_size=8)
numbers = st.integers(0, 5)
attrs = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | words,
    lambda parts: st.lists(parts, max_size=3).map(tuple),
    max_leaves=6,
)
infos = st.builds(
    TensorInfo,
    st.none() | st.lists(st.integers(0, 2**63) | words, max_size=3).map(tuple),
    words,
    words,
)

calls = st.lists(st.builds(ModuleCall, words, words, numbers), max_size=3).map(tuple)


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 6))
    nodes = [
        Node(
            number,
            draw(st.sampled_from(NODE_KINDS)),
            draw(words),
            tuple(draw(st.lists(words, max_size=2))),
            tuple(draw(st.lists(infos, max_size=2))),
            draw(st.dictionaries(words, attrs, max_size=3)),
            tuple(draw(st.lists(numbers, max_size=2))),
            draw(st.dictionaries(words, st.integers() | words, max_size=2)),
            draw(calls),
            draw(st.none() | st.tuples(words, numbers)),
            made=draw(st.none() | numbers),
        )
        for number in range(count)
    ]
    ids = st.integers(0, count - 1)
    edges = draw(st.lists(st.builds(Edge, ids, ids, st.sampled_from(EDGE_KINDS), numbers, numbers)))
    return Graph(nodes, edges, tuple(draw(st.lists(ids, max_size=2))), {"torch": draw(words)})


@settings(deadline=None)
@given(graphs())
def test_any_graph_survives_json_and_matches_the_published_schema(graph):
    text = graph.to_json()
    assert Graph.from_json(text) == graph
    VALIDATOR.validate(json.loads(text))


def test_a_walked_graph_survives_json_pickle_and_copy():
    model = torch.nn.TransformerEncoderLayer(8, 2)
    graph = gva.walk({"out": model(torch.randn(3, 1, 8))}, model)
    assert Graph.from_json(graph.to_json()) == graph
    assert pickle.loads(pickle.dumps(graph)) == graph
    assert copy.deepcopy(graph) == graph
    VALIDATOR.validate(json.loads(graph.to_json()))


def test_attributes_that_are_not_finite_are_text():
    x = torch.ones(2, requires_grad=True)
    graph = gva.walk(x.clamp(max=float("inf")))
    [clamp] = [node for node in graph.nodes if node.op.startswith("Clamp")]
    assert clamp.attrs["max"] == "inf"
    assert Graph.from_json(graph.to_json()) == graph


GOOD = json.loads(Graph([Node(0, "leaf"), Node(1, "op")], [Edge(0, 1)], (1,)).to_json())


ODD = [None, True, 3, 2.5, "text", [], [[]], [3], {}, {"a": {}}, -1]


def places(value, path=()):
    """The path to every value in a structure."""
    yield path
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(child, (*path, key))


def test_whatever_is_wrong_in_a_file_it_is_refused_or_can_be_drawn():
    node = Node(0, "saved", "x", ("n",), (TensorInfo((2,), "f", "c"),), {"a": (1,)}, (0,), {"b": 1})
    calls = (ModuleCall("", "Net", 1), ModuleCall("a", "Tanh", 1))
    op = Node(1, "op", modules=calls, line=("train.py", 3))
    good = json.loads(Graph([node, op], [Edge(1, 0, "saved", 1, 1)], (1,)).to_json())
    for path in list(places(good))[1:]:
        for odd in ODD:
            bad = copy.deepcopy(good)
            inner = bad
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = odd
            try:
                graph = Graph.from_json(json.dumps(bad))
            except gva.GraphvizAutogradError:
                continue
            assert graph.to_dot(show_saved=True, show_attrs=True)
            assert graph.summary()


def damaged(**changes):
    return json.dumps({**GOOD, **changes})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ("[]", 'expected a JSON object with "format"'),
        ('{"nodes": []}', 'expected a JSON object with "format"'),
        (damaged(version=99), "of version 99; this graphviz-autograd reads version 1"),
        (damaged(nodes=None), "damaged"),
        (damaged(nodes=[{"kind": "leaf"}]), "damaged.*id"),
        (damaged(nodes=[{"id": 0, "kind": "tree"}], edges=[], outputs=[]), "kind 'tree'"),
        (damaged(nodes=[{"id": 0, "kind": "op"}] * 2), "same id"),
        (damaged(edges=[{"source": 0, "target": 7}]), "edge 0 -> 7"),
        (damaged(outputs=[7]), "output 7 is no node"),
        (damaged(outputs=[[1]]), "damaged"),
        (damaged(meta=None), "damaged.*dict"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_saved_graph_is_refused_in_one_line(text, says):
    with pytest.raises(ValueError, match=says) as caught:
        Graph.from_json(text)
    assert isinstance(caught.value, gva.GraphvizAutogradError)
    assert "\n" not in str(caught.value)
