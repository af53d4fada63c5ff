"""How everything here is measured: in turn, in one process, as ratios.

Times vary with the machine and the hour, ratios inside one run hardly. So each round runs
everybody once, the ratio of two is taken round by round, and the median of these is told with
the least and the largest.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

OURS = "ours"

Run = Callable[[], object]
"""One way of doing what is measured, as a call without arguments."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    rounds  how often everybody runs
    limit   seconds after which a peer is stopped
    quick   smaller sizes
    peers   whether peers join
    """

    rounds: int = 7
    limit: float = 90.0
    quick: bool = False
    peers: bool = True


@dataclass(frozen=True)
class Spread:
    """A ratio: the median of the rounds, the least and the largest."""

    median: float
    least: float
    largest: float


@dataclass(frozen=True)
class Row:
    """What one way took for one case, or why it has no number.

    case    what was done: "chain of 1,000"
    who     the way: "ours", a peer's name, or a floor
    size    how large the case is, in the question's unit of size; None where it has none
    value   the median of the rounds, in the question's unit
    ratios  to the other ways that the question names
    said    why there is no number, or what is to be known of it
    family  cases of one family differ in size alone: growth is fitted over them
    """

    case: str
    who: str
    size: int | None = None
    value: float | None = None
    ratios: dict[str, Spread] = field(default_factory=dict)
    said: str = ""
    family: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Row:
        ratios = {to: Spread(**spread) for to, spread in saved["ratios"].items()}
        return cls(**{**saved, "ratios": ratios})


def compared(
    case: str,
    size: int | None,
    ways: Mapping[str, Run],
    plan: Plan,
    *,
    to: Sequence[str],
    family: str = "",
    clock: Callable[[], float] = time.perf_counter,
    floor: float = 0.05,
    before: Run | None = None,
) -> list[Row]:
    """Times the ways in turn: a row for each, in seconds, with the ratios to those in `to`.

    Each runs once beforehand. Where a run takes less than `floor` seconds in all rounds together
    there are more rounds, for a single one of a few microseconds says little. `before`, which is
    not timed, goes before each run: everybody then finds the processor's caches, and what Python
    knows of classes, as it left them, and not as the way before in the round did.
    """
    for run in ways.values():
        run()
    times = in_turn(ways, plan.rounds, clock, before)
    spent = min(sum(found) for found in times.values())
    if spent < floor:
        more = min(int(plan.rounds * floor / max(spent, 1e-6)), 20 * plan.rounds)
        times = in_turn(ways, more, clock, before)
    return rows(case, size, times, to=to, family=family)


def in_turn(
    ways: Mapping[str, Run],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    before: Run | None = None,
) -> dict[str, list[float]]:
    """Seconds of each way in each round. Python's garbage collector works as it does for users."""
    times: dict[str, list[float]] = {who: [] for who in ways}
    for _ in range(rounds):
        for who, run in ways.items():
            if before is not None:
                before()
            start = clock()
            run()
            times[who].append(clock() - start)
    return times


def rows(
    case: str,
    size: int | None,
    found: Mapping[str, Sequence[float]],
    *,
    to: Sequence[str],
    family: str = "",
) -> list[Row]:
    """A row for each way, from what was found of it in each round.

    A way that others are held against is itself held only against those before it in `to`.
    """
    there = [other for other in to if other in found]
    result = []
    for who, values in found.items():
        others = there[: there.index(who)] if who in there else there
        ratios = {other: spread(values, found[other]) for other in others}
        result.append(Row(case, who, size, statistics.median(values), ratios, family=family))
    return result


def spread(values: Iterable[float], others: Iterable[float]) -> Spread:
    """The ratio of two ways, round by round.

    >>> spread([2.0, 6.0, 4.0], [1.0, 2.0, 1.0])
    Spread(median=3.0, least=2.0, largest=4.0)
    """
    ratios = [one / other for one, other in zip(values, others, strict=True)]
    return Spread(statistics.median(ratios), min(ratios), max(ratios))


def growth(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The exponent b of value = a·sizeᵇ: the slope of the line through the logarithms.

    >>> round(growth([10, 20, 40, 80], [3, 12, 48, 192]), 6)
    2.0
    """
    xs, ys = [math.log(size) for size in sizes], [math.log(value) for value in values]
    return statistics.linear_regression(xs, ys).slope
