"""`make bench-guard`: nothing becomes twice as dear unnoticed."""

from __future__ import annotations

from bench.guard import worsened
from bench.measuring import Row, Spread


def answers(ratio: float, who: str = "ours", case: str = "chain") -> dict[str, list[Row]]:
    walked = {"bare walk": Spread(ratio, ratio, ratio), "torchviz": Spread(99.0, 99.0, 99.0)}
    return {"text": [Row(case, who, 10, 1.0, walked)]}


def test_what_is_twice_as_dear_and_more_is_named() -> None:
    lines, compared = worsened(answers(10.0), answers(21.0), {"text": "bare walk"})
    assert lines == ["text: chain: ours is 21.00 times the bare walk, recorded was 10.00"]
    assert compared == 1


def test_less_than_twice_as_dear_passes() -> None:
    assert worsened(answers(10.0), answers(19.0), {"text": "bare walk"}) == ([], 1)


def test_only_ours_and_only_floors_are_compared() -> None:
    assert worsened(answers(1.0, "torchviz"), answers(9.0, "torchviz"), {"text": "bare walk"}) == (
        [],
        0,
    )
    assert worsened(answers(1.0), answers(9.0, case="another"), {"text": "bare walk"}) == ([], 0)
