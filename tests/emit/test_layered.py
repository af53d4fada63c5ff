"""The plain layered layout: boxes in rows that do not touch, arrows that go down and pass by."""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphviz_autograd.emit import layout as drawing
from graphviz_autograd.emit.layered import Layout, layout
from graphviz_autograd.emit.layered.frames import Frame
from graphviz_autograd.emit.layered.ranks import downward, ranked

Arrows = list[tuple[int, int]]

SIZE = (60.0, 20.0)


def placed(boxes: int, arrows: Arrows, **options: object) -> Layout:
    return layout([SIZE] * boxes, arrows, **options)  # type: ignore[arg-type]


def unrolled(steps: int) -> tuple[int, Arrows]:
    """A recurrent cell: box 0 is a leaf that every step reads; the steps are 1, 2, 3 ..."""
    arrows = [(step, step + 1) for step in range(1, steps)]
    return steps + 1, arrows + [(0, step) for step in range(1, steps + 1)]


graphs = st.integers(1, 14).flatmap(
    lambda boxes: st.tuples(
        st.just(boxes),
        st.lists(
            st.tuples(st.integers(0, boxes - 1), st.integers(0, boxes - 1)).filter(
                lambda arrow: arrow[0] != arrow[1]
            ),
            max_size=30,
        ),
    )
)


# ---- rows


@given(graphs)
def test_every_arrow_of_a_graph_without_circles_goes_down(graph: tuple[int, Arrows]) -> None:
    boxes, arrows = graph
    down = downward(boxes, arrows)
    rank = ranked(boxes, down)
    assert all(rank[tail] < rank[head] for tail, head in down)
    for given_, used in zip(arrows, down, strict=True):
        assert used in (given_, given_[::-1])


@given(graphs)
def test_a_graph_without_circles_keeps_its_directions(graph: tuple[int, Arrows]) -> None:
    boxes, arrows = graph
    ordered = [(min(arrow), max(arrow)) for arrow in arrows]
    assert downward(boxes, ordered) == ordered


def test_a_leaf_stands_just_above_its_use() -> None:
    arrows = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 3)]  # 4 is a leaf, 5 its accumulator
    assert ranked(6, arrows) == [0, 1, 2, 3, 1, 2]


def test_what_the_steps_of_a_loop_do_with_a_shared_weight_stands_at_the_step() -> None:
    # 0 the weight, 1 2 3 its transpose at each step, 4 5 6 the steps
    arrows = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (3, 6), (4, 5), (5, 6)]
    rank = ranked(7, arrows)
    assert [rank[step] - rank[transpose] for transpose, step in ((1, 4), (2, 5), (3, 6))] == [1] * 3


# ---- places


@settings(max_examples=200)
@given(graphs, st.integers(1, 3))
def test_boxes_never_touch(graph: tuple[int, Arrows], wide: int) -> None:
    boxes, arrows = graph
    sizes = [(30.0 + 40 * (box % 3) * wide, 20.0 + 10 * (box % 2)) for box in range(boxes)]
    made = layout(sizes, arrows, gap=18, row_gap=36)
    for one, other in itertools.combinations(range(boxes), 2):
        (x, y), (u, v) = made.middles[one], made.middles[other]
        (w, h), (a, b) = sizes[one], sizes[other]
        assert abs(x - u) >= (w + a) / 2 + 17.9 or abs(y - v) >= (h + b) / 2 + 35.9


@settings(max_examples=200)
@given(graphs)
def test_arrows_leave_below_their_tail_and_arrive_above_their_head(
    graph: tuple[int, Arrows],
) -> None:
    boxes, arrows = graph
    made = placed(boxes, arrows)
    rank = ranked(boxes, downward(boxes, arrows))
    for (tail, head), line in zip(arrows, made.lines, strict=True):
        upper, lower = (tail, head) if rank[tail] < rank[head] else (head, tail)
        down = line if upper == tail else line[::-1]
        for box, point, side in ((upper, down[0], 10.0), (lower, down[-1], -10.0)):
            x, y = made.middles[box]
            assert abs(point[0] - x) <= 30
            assert point[1] == pytest.approx(y + side)
        assert len(line) % 3 == 1
        assert all(one[1] <= other[1] + 1e-6 for one, other in itertools.pairwise(down))


@settings(max_examples=200)
@given(graphs)
def test_no_arrow_runs_through_a_box(graph: tuple[int, Arrows]) -> None:
    boxes, arrows = graph
    made = placed(boxes, arrows)
    for arrow, line in zip(arrows, made.lines, strict=True):
        for box in set(range(boxes)) - set(arrow):
            x, y = made.middles[box]
            for start, _, _, end in (line[at : at + 4] for at in range(0, len(line) - 1, 3)):
                upper, lower = sorted((start[1], end[1]))
                if upper < y - 9 and lower > y + 9:  # it passes the row, and straight down
                    assert start[0] == pytest.approx(end[0])
                    assert abs(start[0] - x) > 30


def test_the_longest_way_is_a_straight_column() -> None:
    boxes, arrows = unrolled(30)
    made = placed(boxes, arrows)
    assert len({round(made.middles[step][0], 3) for step in range(1, boxes)}) == 1


def test_a_picture_of_a_loop_grows_in_length_alone() -> None:
    def width(steps: int) -> float:
        made = placed(*unrolled(steps))
        xs = [x for line in made.lines for x, _ in line]
        return max(xs) - min(xs)

    assert width(200) == pytest.approx(width(20), rel=0.1)


def test_arrows_from_one_box_share_a_line_and_part_at_their_ends() -> None:
    boxes, arrows = unrolled(10)
    made = placed(boxes, arrows)
    lines = [line for arrow, line in zip(arrows, made.lines, strict=True) if arrow[0] == 0][2:]
    assert len({line[0] for line in lines}) == 1
    assert len({line[-1] for line in lines}) == len(lines)


def test_arrows_between_the_same_boxes_are_told_apart() -> None:
    made = placed(2, [(0, 1), (0, 1)])
    assert made.lines[0][0] != made.lines[1][0]
    assert made.lines[0][-1] != made.lines[1][-1]


def test_a_lattice_that_can_be_drawn_without_crossings_is() -> None:
    # Two chains side by side, joined at both ends, given in an order that crosses them.
    arrows = [(0, 1), (0, 2), (2, 3), (1, 4), (4, 5), (3, 6), (6, 7), (5, 7)]
    made = placed(8, arrows)
    sides = [made.middles[a][0] < made.middles[b][0] for a, b in ((1, 2), (4, 3), (5, 6))]
    assert len(set(sides)) == 1


def test_the_same_graph_gets_the_same_places() -> None:
    assert placed(*unrolled(40)) == placed(*unrolled(40))


def test_no_boxes_make_no_picture() -> None:
    assert layout([], []) == ([], [], [])


def test_a_deep_graph_needs_no_recursion() -> None:
    boxes = 20_000
    made = placed(boxes, [(box, box + 1) for box in range(boxes - 1)])
    assert len({x for x, _ in made.middles}) == 1
    circle = [*((box, box + 1) for box in range(boxes - 1)), (boxes - 1, 0)]
    assert len(placed(boxes, circle).lines) == boxes


def test_thirty_thousand_boxes_take_seconds() -> None:
    arrows: Arrows = []
    for block in range(0, 30_000, 6):  # a block: two leaves, three ops, a way around them
        x, (w, b, one, two, three) = block, range(block + 1, block + 6)
        arrows += [(x, one), (w, one), (one, two), (b, two), (two, three)]
        arrows += [(three, block + 6), (x, block + 6)] if block + 6 < 30_000 else []
    started = time.monotonic()
    made = placed(30_000, arrows)
    assert time.monotonic() - started < 15
    assert max(x for x, _ in made.middles) < 1_000


# ---- frames


def test_a_frame_holds_its_boxes_and_nothing_else() -> None:
    # Two modules one after the other, each with a leaf of its own: 2 and 5.
    arrows = [(0, 1), (2, 1), (1, 3), (3, 4), (5, 4), (4, 6)]
    frames = [Frame([1, 2, 3], -1, 15.0), Frame([4, 5], -1, 15.0)]
    made = placed(7, arrows, frames=frames)
    first, second = made.frames
    assert first
    assert second
    for box, (x, y) in enumerate(made.middles):
        inside = [r for r in (first, second) if r[0] < x < r[2] and r[1] < y < r[3]]
        assert inside == [
            f for f, frame in zip((first, second), frames, strict=True) if box in frame.boxes
        ]
    assert first[3] <= second[1]


def test_a_frame_inside_another_lies_within_it() -> None:
    frames = [Frame([0, 1, 2], -1, 15.0), Frame([1, 2], 0, 15.0)]
    outer, inner = placed(4, [(0, 1), (1, 2), (2, 3)], frames=frames).frames
    assert outer
    assert inner
    assert outer[0] < inner[0] < inner[2] < outer[2]
    assert outer[1] < inner[1] < inner[3] < outer[3]


def test_a_frame_that_would_hold_what_is_not_its_own_is_left_out() -> None:
    assert placed(3, [(0, 1), (1, 2)], frames=[Frame([0, 2], -1, 15.0)]).frames == [None]


# ---- in Graphviz's hands


def drawn(text: str, format: str = "svg") -> str:
    end = drawing._plain(text.encode(), format, 60, None)
    assert end
    assert end.code == 0
    return end.data.decode()


def middles(svg: str) -> dict[str, tuple[float, float]]:
    """The middle of each box by its title."""
    found = re.findall(
        r'class="node">\n<title>(.*?)</title>.*?<text[^>]* x="(.*?)" y="(.*?)"', svg, re.S
    )
    return {title: (float(x), float(y)) for title, x, y in found}


@pytest.mark.parametrize(
    ("rankdir", "axis", "sign"), [("TB", 1, 1), ("BT", 1, -1), ("LR", 0, 1), ("RL", 0, -1)]
)
def test_the_picture_runs_in_the_direction_that_was_asked_for(
    rankdir: str, axis: int, sign: int
) -> None:
    at = middles(drawn(f"digraph {{ rankdir={rankdir} a -> b -> c; a -> c }}"))
    ways = [sign * at[name][axis] for name in "abc"]
    assert ways == sorted(ways)
    assert ways[0] < ways[1] < ways[2]


@pytest.mark.parametrize(
    ("text", "heads"),
    [
        ("digraph { a -> b }", 1),
        ("graph { a -- b }", 0),
        ("digraph { a -> b [dir=none] }", 0),
        ("digraph { a -> b [dir=both] }", 2),
        ("digraph { a -> b [dir=back] }", 1),
        ("digraph { a -> a }", 1),
        ("digraph { a -> b; b -> a [constraint=false] }", 2),
        ("digraph { a -> b -> a }", 2),
        ("strict digraph { a -> b; a -> b }", 1),
    ],
)
def test_arrows_have_the_heads_that_they_should(text: str, heads: int) -> None:
    assert drawn(text).count("<polygon") == heads + 1  # and the background


def test_labels_stand_beside_their_arrows_and_the_caption_below() -> None:
    svg = drawn('digraph { label="a caption" a -> b [label=middle headlabel=7 taillabel=8] }')
    y = {text: float(at) for at, text in re.findall(r'<text[^>]* y="(.*?)"[^>]*>(.*?)</text>', svg)}
    assert y["a"] < y["8"] < y["middle"] < y["7"] < y["a caption"]
    assert y["b"] < y["a caption"]


def test_what_a_label_asks_for_gets_room() -> None:
    svg = drawn('digraph { a -> b; a -> c; b [shape=box label="a label that is rather long"] }')
    at = middles(svg)
    assert abs(at["b"][0] - at["c"][0]) > 100


def test_frames_have_their_titles_and_those_left_out_are_told() -> None:
    end = drawing._plain(
        b"digraph { a -> b -> c; subgraph cluster_1 { label=whole; b }"
        b" subgraph cluster_2 { label=torn; a; c } }",
        "svg",
        60,
        None,
    )
    assert end
    assert b">whole</text>" in end.data
    assert b">torn</text>" not in end.data
    assert end.notes == ["1 of its 2 frames are left out"]


@pytest.mark.parametrize("text", ["digraph {}", "digraph { a }", "graph { a b c }"])
def test_graphs_with_no_arrows_are_drawn(text: str) -> None:
    assert drawn(text).count('class="node"') == len(re.findall(r"\b[abc]\b", text))
