"""The page's model is the package's: what is visible, what boxes say, what is in a section."""

from __future__ import annotations

import json
import random
import runpy
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

from graphviz_autograd.emit import legend
from graphviz_autograd.emit.boxes import Showing, Sizes, box_text, count_text
from graphviz_autograd.emit.found import lines
from graphviz_autograd.emit.words import group_lines, module_text, shown
from graphviz_autograd.graph import EDGE_KINDS, Edge, Graph, ModuleCall, Node, TensorInfo
from graphviz_autograd.transform.groups import count_boxes
from graphviz_autograd.transform.plumbing import LOOKS, short_name
from graphviz_autograd.visible import visible

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))


def any_graph(chance: random.Random) -> Graph:
    """Nodes in groups in groups, some of them closed, and arrows wherever."""
    groups = [Node(100 + n, "group", "module") for n in range(chance.randrange(8))]
    for place, group in enumerate(groups):
        around = [None, *(one.id for one in groups[:place])]
        groups[place] = replace(group, parent=chance.choice(around))
    homes = [None, *(group.id for group in groups)]
    kinds = ("op", "op", "leaf", "saved", "output")
    nodes = [
        Node(n, chance.choice(kinds), parent=chance.choice(homes))  # type: ignore[arg-type]
        for n in range(chance.randrange(1, 14))
    ]
    edges = [
        Edge(
            chance.choice(nodes).id,
            chance.choice(nodes).id,
            chance.choice(EDGE_KINDS),  # type: ignore[arg-type]
            chance.randrange(2),
            chance.randrange(2),
            chance.choice((1, 1, 3)),
        )
        for _ in range(chance.randrange(30))
    ]
    everything = nodes + groups
    chance.shuffle(everything)
    closed = frozenset(group.id for group in groups if chance.random() < 0.5)
    return Graph(everything, edges, (nodes[0].id,), closed=closed)


SEEN = """(texts) => texts.map((text) => {
  const graph = modules["graph.js"].read(text);
  const seen = modules["visible.js"].visible(graph, graph.closed);
  const parts = ["source", "target", "kind", "source_index", "target_index", "count"];
  return {
    nodes: seen.nodes.map((node) => node.id),
    edges: seen.edges.map((edge) => parts.map((part) => edge[part])),
    closed: [...seen.closed].sort((one, other) => one - other),
    boxes: modules["visible.js"].countBoxes(graph, graph.closed),
  };
})"""


def test_the_page_sees_what_every_picture_sees(modules: Any) -> None:
    chance = random.Random(0)
    graphs = [any_graph(chance) for _ in range(300)]
    found = modules.evaluate(SEEN, [graph.to_json() for graph in graphs])
    for graph, seen in zip(graphs, found, strict=True):
        expected = visible(graph)
        assert seen["nodes"] == [node.id for node in expected.nodes]
        assert seen["edges"] == [
            [e.source, e.target, e.kind, e.source_index, e.target_index, e.count]
            for e in expected.edges
        ]
        assert seen["boxes"] == count_boxes(graph)
        if any(node.kind == "group" for node in graph.nodes):
            assert seen["closed"] == sorted(expected.closed)


def test_words_are_those_of_the_pictures(modules: Any) -> None:
    groups = [
        Node(9, "group", "module", modules=(ModuleCall("h.0", "Block", 1),)),
        Node(9, "group", "module", modules=(ModuleCall("h.0", "Block", 3),)),
        Node(9, "group", "module", modules=(ModuleCall("", "Net", 2),)),
        Node(9, "group", "repeat", attrs={"of": "Block", "count": 12, "blocks": ("h.{0..11}",)}),
        Node(9, "group", "more", attrs={"count": 11}),
        Node(9, "group", "chain", attrs={"chain": ("view", "t", "expand", "clone", "view")}),
        Node(9, "group", "composite", names=("softmax",)),
        Node(9, "group", "step"),
    ]
    for group in groups:
        said = modules.evaluate(
            """(text) => {
              const graph = modules["graph.js"].read(text);
              return modules["words.js"].groupLines(graph, graph.nodes[0]);
            }""",
            Graph([group], []).to_json(),
        )
        assert said == group_lines(group)
    for call in (ModuleCall("a.b", "C", 1), ModuleCall("", "Net", 2)):
        said = modules.evaluate("(call) => modules['words.js'].callText(call)", call._asdict())
        assert said == module_text(call)
    for number in (0, 7, 950, 1500, 7_087_872, 2_000_000_000):
        assert modules.evaluate("(n) => modules['words.js'].countText(n)", number) == count_text(
            number
        )


def test_boxes_say_what_they_say_in_the_pictures(modules: Any) -> None:
    small, half = TensorInfo((2, 3), "float32", "cpu"), TensorInfo((4, "s0"), "bfloat16", "cpu")
    unknown = TensorInfo(None, "float32", "cpu")
    nodes = [
        Node(0, "op", "MulBackward0", outputs=(small,)),
        Node(1, "op", "SplitBackward0", names=("a", "b"), outputs=(small,) * 19),
        Node(2, "op", "CatBackward0", outputs=(small, half, unknown, small, half, small, half)),
        Node(3, "op", "AccumulateGrad", outputs=(small,)),
        Node(4, "leaf", names=("w", "v"), outputs=(half,), attrs={"parameter": True, "uses": 5}),
        Node(5, "saved", "result, self", outputs=(small,), attrs={"freed": True}),
        Node(6, "saved", "mat1", names=("x",), outputs=(), attrs={"packed": "tuple"}),
        Node(7, "input", "weight", outputs=(small,)),
        Node(8, "output", names=("loss\n",), data={"cut": {"in": 2, "out": 1}}),
        Node(9, "group", "module", modules=(ModuleCall("a", "B", 1),), outputs=(half,) * 2,
             attrs={"ops": 1, "parameters": 12_345}),
        Node(10, "group", "leaf", names=("w",), outputs=(small,)),
        Node(11, "group", "chain", attrs={"chain": ("t",)}, outputs=(small,)),
        Node(13, "output", "AddBackward0", names=("yhat",), outputs=(small,)),
    ]  # fmt: skip
    for device in ("cpu", "cuda:1"):
        other = Node(12, "op", "ToCopyBackward0", outputs=(TensorInfo((), "float32", device),))
        graph = Graph([*nodes, other], [])
        said = modules.evaluate(
            """(text) => {
              const graph = modules["graph.js"].read(text);
              return graph.nodes.map((node) =>
                modules["words.js"].boxLines(graph, node, { shapes: true, attrs: 0 }).join("\\n"));
            }""",
            graph.to_json(),
        )
        sizes = Sizes(graph)
        for node, box in zip(graph.nodes, said, strict=True):
            text = "\n".join(filter(None, box_text(node, sizes, Showing(True, 0)).split("\n")))
            assert box == "\n".join(
                line if len(line) <= 48 else f"{line[:47]}…" for line in text.split("\n")
            )


def test_many_arrows_between_two_boxes_are_drawn_as_one(modules: Any) -> None:
    inside = [Node(n, "op", "A", parent=9) for n in range(5)]
    group = Node(9, "group", "module")
    last = Node(8, "op", "CatBackward0")
    edges = [Edge(n, 8, target_index=n) for n in range(5)]
    graph = Graph([*inside, last, group], edges, closed=frozenset({9}))
    arrows = modules.evaluate(
        """(text) => {
          const graph = modules["graph.js"].read(text);
          const showing = { shapes: true, attrs: 0, saved: false, inputs: true, clones: true };
          const drawn = modules["picture.js"].picture(graph, graph.closed, showing, () => 10);
          return drawn.arrows.map((arrow) => [arrow.head, arrow.edge.count]);
        }""",
        graph.to_json(),
    )
    assert arrows == [["0–4", 5]]
    for numbers, text in (([3, 1, 2], "1–3"), ([0, 2, 4, 6], "0, 2, … 6"), ([0, 0], "0")):
        assert modules.evaluate("(all) => modules['arrows.js'].span(all)", numbers) == text


def test_names_are_shown_as_the_pictures_show_them(modules: Any) -> None:
    for name in (
        "a\nb",
        "a\r\nb",
        "\\N",
        "\x00\x07",
        "<i>&amp;</i>",
        "שלום",
        "\ud800",
        "😀",
        "\uffff",
    ):
        given = json.dumps(name)
        said = modules.evaluate("(text) => modules['text.js'].shown(JSON.parse(text))", given)
        assert said == shown(name), given


def test_a_crowd_is_cut_into_sections_that_make_no_circle(modules: Any) -> None:
    chance = random.Random(1)
    places = list(range(1_000))
    chance.shuffle(places)
    nodes = [Node(place, "op", "AddBackward0") for place in places]
    edges = [Edge(n, n + 1) for n in range(999)] + [Edge(n, n + 7) for n in range(900)]
    found = modules.evaluate(
        """(text) => {
          const graph = modules["sections.js"].sectioned(modules["graph.js"].read(text));
          const seen = modules["visible.js"].visible(graph, graph.closed);
          return {
            boxes: seen.nodes.map((node) => [node.op, node.attrs.span]),
            edges: seen.edges.map((edge) => [edge.source, edge.target]),
            homes: graph.nodes.map((node) => [node.id, node.parent]),
          };
        }""",
        Graph(nodes, edges).to_json(),
    )
    assert [span for _op, span in found["boxes"]] == [
        [start + 1, start + 100, 1_000] for start in range(0, 1_000, 100)
    ]
    assert all(source < target for source, target in found["edges"])
    homes = dict(found["homes"])
    assert all(homes[n] == 1_000 + n // 100 for n in range(1_000))


def test_sections_of_sections_where_there_are_too_many(modules: Any) -> None:
    nodes = [Node(n, "op") for n in range(40_000)]
    graph = Graph(nodes, [Edge(n, n + 1) for n in range(39_999)])
    tops = modules.evaluate(
        """(text) => {
          const graph = modules["sections.js"].sectioned(modules["graph.js"].read(text));
          const most = [...graph.children.values()].map((inside) => inside.length);
          return [graph.children.get(null).length, Math.max(...most)];
        }""",
        graph.to_json(),
    )
    assert tops == [4, 100]


def test_what_is_remembered_in_the_address_comes_back(modules: Any) -> None:
    same = modules.evaluate(
        """() => {
          const hash = modules["hash.js"];
          const lists = [[], [0], [1, 2, 3, 4, 5], [7, 9, 10, 11, 500, 501, 502, 9000], [3, 5, 7]];
          const packs = lists.map((ids) => `${hash.unpacked(hash.packed(ids))}` === `${ids}`);
          const first = {
            closed: new Set([1, 2]), selected: null, view: null, layer: "", theme: "system",
            saved: false, clones: true,
          };
          const now = {
            closed: new Set([2, 5, 6]), selected: 4, view: { x: 1.5, y: -2, scale: 0.5 },
            layer: "a b&c", theme: "dark", saved: true, clones: false,
          };
          const back = hash.read("#" + hash.written(now, first), first, () => true);
          const junk = hash.read("#open=zz*99-!&at=x&view=1_2&shut=a*-1", first, () => false);
          return [
            packs.every(Boolean), [...back.closed], back.selected, back.view, back.layer,
            back.theme, back.saved, back.clones,
            hash.written(first, first), [...junk.closed], junk.view,
          ];
        }"""
    )
    view = {"x": 1.5, "y": -2, "scale": 0.5}
    assert same == [True, [2, 5, 6], 4, view, "a b&c", "dark", True, False, "", [1, 2], None]


def test_plain_rows_put_every_box_below_what_leads_to_it(modules: Any) -> None:
    chance = random.Random(2)
    nodes = [Node(n, "op", "AddBackward0") for n in range(200)]
    edges = [Edge(chance.randrange(n), n) for n in range(1, 200) for _ in range(2)]
    places = modules.evaluate(
        """(text) => {
          const graph = modules["graph.js"].read(text);
          const showing = { shapes: true, attrs: 0, saved: false, inputs: true, clones: true };
          const measure = (line) => line.length * 7;
          const drawn = modules["picture.js"].picture(graph, graph.closed, showing, measure);
          return Object.fromEntries(modules["plain.js"].plain(drawn).boxes);
        }""",
        Graph(nodes, edges).to_json(),
    )
    for edge in edges:
        above, below = places[str(edge.source)], places[str(edge.target)]
        assert above["y"] + above["height"] < below["y"]
    rows: dict[float, list[tuple[float, float]]] = {}
    for place in places.values():
        rows.setdefault(place["y"], []).append((place["x"], place["x"] + place["width"]))
    for row in rows.values():
        ends = sorted(row)
        assert all(one[1] <= other[0] for one, other in pairwise(ends))


def test_the_legend_of_the_page_has_the_words_of_the_pictures(modules: Any) -> None:
    words = modules.evaluate("[modules['meanings.js'].BOXES, modules['meanings.js'].ARROWS]")
    assert words == [legend.BOXES, {kind: text for kind, (*_, text) in legend.ARROWS.items()}]


def test_plain_rows_have_frames_around_what_is_in_them(modules: Any) -> None:
    graph = replace(NETS["many_modules"](60, 6).collapse(2), closed=frozenset())
    for rankdir in ("TB", "LR", "BT", "RL"):
        frames, boxes = modules.evaluate(
            """([text, rankdir]) => {
              const graph = modules["graph.js"].read(text);
              const showing = { shapes: true, attrs: 0, saved: false, inputs: true, clones: true };
              const measure = (line) => line.length * 7;
              const drawn = modules["picture.js"].picture(graph, new Set(), showing, measure);
              const { boxes, frames } = modules["plain.js"].plain(drawn, rankdir);
              const placed = drawn.boxes.map((box) => [box.home, boxes.get(box.key), box.width]);
              return [[...frames], placed];
            }""",
            [graph.to_json(), rankdir],
        )
        places = dict(frames)
        homes = {node.id: node.parent for node in graph.nodes if node.id in places}
        inner = [(homes[number], place, None) for number, place in frames]
        assert len(frames) == 8
        for home, place, width in [*boxes, *inner]:
            assert width in (None, place["width"])
            if home is not None:
                around = places[home]
                assert around["x"] < place["x"]
                assert around["y"] + 20 < place["y"]  # its title is above
                assert place["x"] + place["width"] < around["x"] + around["width"]
                assert place["y"] + place["height"] < around["y"] + around["height"]
        assert not [pair for pair in combinations(boxes, 2) if covering(pair[0][1], pair[1][1])]
        beside = [one for one in frames if homes[one[0]] == homes[frames[-1][0]]]
        assert not [pair for pair in combinations(beside, 2) if covering(pair[0][1], pair[1][1])]


def covering(one: dict[str, float], other: dict[str, float]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
        for at, size in (("x", "width"), ("y", "height"))
    )


def test_what_verify_found_is_said_as_in_the_pictures(modules: Any) -> None:
    long = "the forward left torch for numpy and came back, and nothing of it can be followed"
    found = [
        {"status": "failed", "absolute": 0.25, "relative": 0.5, "first": True},
        {"status": "failed", "absolute": 1.2345e-7, "relative": 123456.0},
        {"status": "failed", "absolute": 2.5, "relative": 0.1},
        {"status": "failed", "absolute": "inf", "relative": "inf", "reason": "NaN: torch 1"},
        {"status": "failed", "reason": long},
        {"status": "not checked", "reason": "no rule for x" + "y" * 90},
        {"status": "not checked", "reason": "a-b " * 30},
        {"status": "not checked"},
        {"status": "matched", "absolute": 1e-9},
    ]  # fmt: skip
    nodes = [Node(n, "op", "A", data={"verify": one}) for n, one in enumerate(found)]
    said = modules.evaluate(
        """(text) => {
          const graph = modules["graph.js"].read(text);
          return graph.nodes.map((node) => modules["found.js"].foundLines(graph, node));
        }""",
        Graph(nodes, []).to_json(),
    )
    assert said == [lines(one) for one in found]


def test_views_are_ops_that_only_look(modules: Any) -> None:
    views = modules.evaluate("[...modules['layers.js'].VIEWS]")
    several = {"chunk", "split", "split_with_sizes", "unbind"}  # of several outputs
    short = {short_name(f"{view}Backward0") for view in views}
    assert short - several <= LOOKS
    assert LOOKS - short == {
        "clone", "contiguous", "lazy_clone", "lift_fresh", "narrow_copy", "reshape", "reshape_copy",
    }  # fmt: skip
