"""What the bench takes for a measurement: ratios round by round, growth over sizes."""

from __future__ import annotations

import json

import pytest

from bench.measuring import Plan, Row, Spread, compared, growth, in_turn, rows, spread


def test_everybody_runs_once_a_round_in_turn() -> None:
    ran: list[str] = []
    ways = {"one": lambda: ran.append("one"), "other": lambda: ran.append("other")}
    times = in_turn(ways, 3)
    assert ran == ["one", "other"] * 3
    assert [len(found) for found in times.values()] == [3, 3]


def test_the_ratio_is_taken_round_by_round() -> None:
    """A slow minute of the machine, in which both took ten times as long, changes nothing."""
    assert spread([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == Spread(2.0, 2.0, 2.0)


def test_a_floor_is_not_held_against_those_that_are_held_against_it() -> None:
    found = {"peer": [9.0], "ours": [3.0], "floor": [1.0]}
    floor, ours, peer = sorted(
        rows("case", 5, found, to=("floor", "ours")), key=lambda row: row.value or 0
    )
    assert floor.ratios == {}
    assert {to: ratio.median for to, ratio in ours.ratios.items()} == {"floor": 3.0}
    assert {to: ratio.median for to, ratio in peer.ratios.items()} == {"floor": 9.0, "ours": 3.0}


def test_what_is_over_in_microseconds_has_more_rounds() -> None:
    ran: list[int] = []
    compared("case", None, {"ours": lambda: ran.append(1)}, Plan(rounds=5), to=())
    assert len(ran) > 20


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_growth_is_the_power_of_the_size(power: float) -> None:
    sizes = [100, 200, 400, 800]
    assert growth(sizes, [3e-6 * size**power for size in sizes]) == pytest.approx(power)


def test_a_row_comes_back_from_its_json() -> None:
    row = Row("case", "ours", 5, 0.1, {"floor": Spread(2.0, 1.0, 3.0)}, "said", "family")
    assert Row.from_dict(json.loads(json.dumps(row.to_dict()))) == row
