"""How inputs, tensors that need no gradient, are drawn and kept."""

from __future__ import annotations

import json

import jsonschema
import pytest

from graphviz_autograd import Edge, Graph, Node
from graphviz_autograd.emit.json import schema
from graphviz_autograd.emit.themes import THEMES
from graphviz_autograd.graph import TensorInfo

INFO = (TensorInfo((3,), "float32", "cpu"),)


def graph(*names: str) -> Graph:
    """x - w, where x needs no gradient and was saved too."""
    nodes = [
        Node(0, "output"),
        Node(1, "op", "SubBackward0", cuts=(0,)),
        Node(2, "leaf", names=("w",), outputs=INFO),
        Node(3, "input", "self", names, INFO),
        Node(4, "op", "AccumulateGrad"),
    ]
    grads = [Edge(1, 0), Edge(2, 4), Edge(4, 1, target_index=1)]
    return Graph(nodes, [*grads, Edge(3, 1, "input"), Edge(1, 3, "saved")], (0,))


def line(dot: str, start: str) -> str:
    (found,) = [text for text in dot.replace("\n(", "/(").splitlines() if text.startswith(start)]
    return found


def test_an_input_is_a_box_of_its_colour_and_a_dashed_arrow() -> None:
    dot = graph("x").to_dot()
    assert line(dot, "\t3 [") == '\t3 [label="x/(3)" fillcolor="lavender"]'
    assert "style=dashed" in line(dot, "\t3 -> 1")
    assert 'headlabel="0"' in line(dot, "\t3 -> 1")


def test_without_a_name_the_box_says_which_argument_it_was() -> None:
    assert 'label="self/(3)"' in line(graph().to_dot(), "\t3 [")


def test_inputs_that_are_not_asked_for_are_left_out() -> None:
    assert "\t3" not in graph("x").to_dot(show_inputs=False)
    saved = graph("x").to_dot(show_inputs=False, show_saved=True)
    assert line(saved, "\t3 [")
    assert "3 -> 1" not in saved


def test_the_classic_style_has_inputs_too() -> None:
    assert "style=dashed" in line(graph("x").to_dot(style="classic"), "\t3 -> 1")


@pytest.mark.parametrize("theme", THEMES)
def test_an_input_has_a_colour_that_no_other_box_has(theme: str) -> None:
    look = THEMES[theme]
    others = [fill for kind, fill in look.fills.items() if kind != "input"]
    others += [*look.found.values(), look.node.get("fillcolor", "")]
    assert look.fills["input"] not in others


def test_json_keeps_them() -> None:
    text = graph("x").to_json()
    jsonschema.validate(json.loads(text), schema())
    assert Graph.from_json(text) == graph("x")


def test_the_summary_counts_them() -> None:
    assert "inputs:  1: x (3)" in graph("x").summary().splitlines()
