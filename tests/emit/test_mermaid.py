"""A Mermaid flowchart shows what the DOT picture shows, and names as they were typed.

What is expected of codes and statements was seen with Mermaid 11.17 itself, fed with thousands
of names.
"""

from __future__ import annotations

import re
import time
from html import unescape
from pathlib import Path

import pytest

from graphviz_autograd import Edge, Graph, ModuleCall, Node, TensorInfo
from graphviz_autograd.emit.colors import hex_of
from graphviz_autograd.emit.mermaid import flowchart, label
from graphviz_autograd.emit.themes import THEMES

NET, BLOCK = ModuleCall("", "Net", 1), ModuleCall("h.0", "Block", 1)


def lines(graph: Graph, **options: object) -> list[str]:
    text, _ = flowchart(graph, **options)
    return [line.strip() for line in text.splitlines()]


def read(code: str) -> str:
    """What Mermaid makes of a label: its codes are character references."""
    assert re.fullmatch(r'"[^"<>&`*\\|]*"', code.replace("<br/>", "")), code
    text = re.sub(r"#(\d+);", r"&#\1;", code[1:-1].replace("<br/>", "\n"))
    return unescape(text).replace("\xa0", " ")


def grouped(closed: frozenset[int] = frozenset()) -> Graph:
    """A net with a block of one op in it, and its output."""
    nodes = [
        Node(0, "op", "ExpBackward0", parent=9),
        Node(1, "op", "SubBackward0", parent=8),
        Node(2, "output", names=("y",), outputs=(TensorInfo((2,), "float64", "cpu"),)),
        Node(8, "group", "module", modules=(NET,)),
        Node(9, "group", "module", modules=(NET, BLOCK), parent=8, attrs={"ops": 1}),
    ]
    return Graph(nodes, [Edge(0, 1, target_index=1), Edge(1, 2)], (2,), closed=closed)


def test_open_groups_are_frames_within_frames() -> None:
    assert lines(grouped())[:13] == [
        "flowchart TB",
        'n2["y<br/>(2) float64"]:::output',
        'subgraph n8["Net"]',
        "direction TB",
        'n1["SubBackward0"]:::op',
        'subgraph n9["Block h.0"]',
        "direction TB",
        'n0["ExpBackward0"]:::op',
        *("end", "end"),
        "n0 -->|1| n1",
        "n1 --> n2",
        "classDef op fill:#d3d3d3,stroke:#000000,color:#000000",
    ]


def test_closed_groups_are_one_box() -> None:
    drawn = lines(grouped(frozenset({9})), rankdir="LR")
    assert drawn[0] == "flowchart LR"
    assert 'n9["Block<br/>h.0<br/>1 op"]:::group' in drawn
    assert "n9 -->|1| n1" in drawn
    assert not any(line.startswith("n0") for line in drawn)


def test_arrows_say_what_they_are() -> None:
    nodes = [Node(0, "op", "A"), Node(1, "saved", "self"), Node(2, "base"), Node(3, "output")]
    nodes.append(Node(4, "input", "x"))
    edges = [Edge(0, 1, "saved"), Edge(2, 3, "view"), Edge(0, 3), Edge(4, 0, "input")]
    drawn = lines(Graph(nodes, edges, (3,)), show_saved=True)
    for arrow in ("n0 --- n1", "n2 -. view .-> n3", "n0 --> n3", "n4 -.-> n0"):
        assert arrow in drawn
    assert not any("n1" in line for line in lines(Graph(nodes, edges, (3,))))


def test_many_arrows_from_a_box_of_several_ops_to_another_are_one() -> None:
    nodes = [Node(number, "op", "ExpBackward0", parent=9) for number in range(5)]
    nodes += [Node(5, "op", "StackBackward0"), Node(9, "group", "repeat")]
    edges = [Edge(number, 5, target_index=number) for number in range(5)]
    drawn = lines(Graph(nodes, edges, closed=frozenset({9})))
    assert [line for line in drawn if line.endswith("n5")] == ["n9 -->|0–4, 5 arrows| n5"]


@pytest.mark.parametrize("theme", THEMES)
def test_boxes_have_the_colours_of_the_theme(theme: str) -> None:
    failed = {"kind": "node", "status": "failed", "absolute": 0.5, "relative": 0.5, "first": True}
    graph = grouped(frozenset({9}))
    graph.nodes.append(Node(3, "op", "CubeBackward", data={"verify": failed}))
    drawn, look = lines(graph, theme=theme), THEMES[theme]
    assert any(f"classDef group fill:{hex_of(look.fills['group'])}," in line for line in drawn)
    assert any(f"classDef output fill:{hex_of(look.fills['output'])}," in line for line in drawn)
    assert any(f"classDef frame fill:{look.frame['fillcolor']}," in line for line in drawn)
    assert any(f"classDef failedFirst fill:{look.found['failed']}," in line for line in drawn)
    assert not any("classDef leaf" in line for line in drawn), "there is none"
    assert 'n3["CubeBackward<br/>FIRST FAILURE: off by 0.5 (0.5 relative)"]:::failedFirst' in drawn


def test_a_theme_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[fills]\noutput = 'tomato'")
    assert "classDef output fill:#ff6347,stroke:#000000,color:#000000" in lines(
        grouped(), theme=str(path)
    )


@pytest.mark.parametrize(
    "name",
    [
        'a "b" #35; &lt; <b> </script> `code` **bold** [x](y) $$x$$ ~~z~~ %%{init: {}}%%',
        *("- item", "1. one", "1) one", "# head", "_x_", "__init__", "---", "www.x.com", "a@b.c"),
        *("http://x.com/a", "fa:fa-car", "direction LR", "style a: #b", "classDef x: y"),
        *("two  spaces", " ends ", "end", "subgraph", r"C:\temp\net", "日本語", "👩‍👩‍👧"),
    ],
)
def test_names_come_out_as_typed(name: str) -> None:
    assert read(label(name)) == name
    coded = label(name)
    for trap in ("direction LR", "www.", "](", "**", "__", "style a", "classDef x", "http:", "fa:"):
        assert trap not in coded
    assert not re.match(r'"(?:- |\d+[.)] |_)', coded)
    drawn = lines(Graph([Node(0, "leaf", names=(name,))], []))
    assert f"n0[{coded}]:::leaf" in drawn


def test_plain_names_stay_readable() -> None:
    for name in ("transformer.h.0.attn.weight", "running_mean", "(2, 3)", "y: 3", "tied ×2"):
        assert label(name) == f'"{name}"'


def test_a_line_end_in_a_name_breaks_nothing() -> None:
    assert 'n0["two⏎lines"]:::leaf' in lines(Graph([Node(0, "leaf", names=("two\nlines",))], []))


def test_a_graph_of_a_hundred_thousand_ops_takes_seconds_at_most() -> None:
    count = 100_000
    graph = Graph(
        [Node(number, "op", "AddBackward0") for number in range(count)],
        [Edge(number, number + 1) for number in range(count - 1)],
    )
    start = time.perf_counter()
    text, notes = flowchart(graph)
    assert time.perf_counter() - start < 10
    assert text.count("\n") > 2 * count
    assert notes
