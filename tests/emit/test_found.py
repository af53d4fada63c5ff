"""What verify found, painted: told by words and stripes, not by colour alone."""

from __future__ import annotations

import pytest

from graphviz_autograd import Edge, Graph, Node
from graphviz_autograd.emit.dot import picture, source
from graphviz_autograd.emit.themes import THEMES


def painted() -> Graph:
    """A leaf that matches, an op that is wrong, one that is unknown, and an output."""

    def found(kind: str, status: str, **more: object) -> dict[str, object]:
        return {"verify": {"kind": kind, "status": status, "absolute": 0.0, **more}}

    wrong = {"absolute": 0.5, "relative": 0.25, "found_by": "local", "first": True}
    why = "no rule for aten.foo, which is told in so many words that a box has not the place for it"
    nodes = [
        Node(0, "leaf", names=("w",), data=found("leaf", "matched", found_by="whole")),
        Node(1, "op", "CubeBackward", data=found("node", "failed", reason="torch 1", **wrong)),
        Node(2, "op", "FooBackward", data=found("node", "not checked", reason=why)),
        Node(3, "output", names=("y",), data=found("output", "matched")),
        Node(4, "op", "ExpBackward0"),
    ]
    return Graph(nodes, [Edge(0, 1), Edge(1, 2), Edge(2, 4), Edge(4, 3)], (3,))


def line(text: str, number: int) -> str:
    return text.split(f"\n\t{number} [")[1].split("]\n")[0]


@pytest.mark.parametrize("theme", THEMES)
def test_each_finding_looks_its_own_way_in_every_theme(theme: str) -> None:
    text = source(painted(), theme=theme)
    fills = THEMES[theme].found
    assert len(set(fills.values())) == 3
    assert f'fillcolor="{fills["matched"]}"' in line(text, 0)
    assert f'fillcolor="{fills["failed"]}" penwidth=4' in line(text, 1)
    assert "style=striped" in line(text, 2)
    assert "fillcolor" not in line(text, 4), "nobody looked at this one"
    svg = picture(painted(), theme=theme).pipe("svg", encoding="utf-8", quiet=True)
    assert "1 matched (green), 1 failed, 1 not checked (striped)" in svg


def test_a_box_says_how_it_failed_or_why_it_was_not_checked() -> None:
    text = source(painted())
    assert "FIRST FAILURE: off by 0.5 (0.25 relative)" in line(text, 1)
    why = 'no rule for aten.foo, which is told in\nso many words that a box has not the ..."'
    assert f"not checked:\n{why}" in line(text, 2)
    assert "not the place for it" in line(text, 2).split("tooltip=")[1]
    assert "failed by the local check: off by 0.5" in line(text, 1).split("tooltip=")[1]


def test_what_is_found_survives_a_file() -> None:
    again = Graph.from_json(painted().to_json())
    assert source(again) == source(painted())


def test_a_layer_of_that_name_that_is_none_of_ours_is_left_alone() -> None:
    graph = Graph([Node(0, "output", names=("y",), data={"verify": {"status": "odd"}})], [], (0,))
    assert "label=y" not in source(graph)
    assert "matched" not in source(graph)


def test_the_legend_explains_what_has_no_finding_of_its_own() -> None:
    graph = painted()
    assert "AccumulateGrad" not in source(graph)
    graph.nodes.append(Node(5, "op", "AccumulateGrad"))
    assert "AccumulateGrad (grey): as its leaf" in source(graph)


def test_a_box_of_equal_blocks_stays_a_pile_and_one_of_views_thin() -> None:
    matched = {"verify": {"kind": "node", "status": "matched", "absolute": 0.0}}
    nodes = [
        Node(0, "op", "ExpBackward0", data=matched, parent=2),
        Node(1, "op", "ViewBackward0", data=matched, parent=3),
        Node(2, "group", "repeat", attrs={"of": "ExpBackward0", "count": 3}),
        Node(3, "group", "chain", attrs={"chain": ("view",)}),
    ]
    text = source(Graph(nodes, [Edge(0, 1)], closed=frozenset({2, 3})))
    fill = THEMES["light"].found["matched"]
    assert f'peripheries=2 fillcolor="{fill}"' in line(text, 2)
    assert "fontsize=8" in line(text, 3)
    assert f'fillcolor="{fill}"' in line(text, 3)
