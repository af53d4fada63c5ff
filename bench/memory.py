"""What does it cost to walk a million nodes, and is the graph safe to free afterwards?

The most bytes that a walk added to those of its process, which had built the graph and nothing
else. It counts what torch makes for a node when Python first sees it, so beside it stands a bare
walk that holds every node it saw and nothing else. Ours reads shapes, attributes and saved tensors
into a Graph; "to DOT" is `make_dot`, torchviz's and ours. Bytes hardly vary, as the smallest size
shows: the others are run once.

A node that Python has seen is freed by a recursion in C: on a deep graph it can overflow the stack
long after the walk. Ours makes a walked graph safe to free ("the cure"). A bare walk does not, and
what it then comes to is the last case.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import graphviz_autograd as gva
from bench import drawings
from bench.attempts import attempt, with_room
from bench.graphs import Built, bare_walk, chain, wide
from bench.measuring import OURS, Plan, Row
from bench.measuring import rows as in_rows
from bench.page import shown
from graphviz_autograd import freeing, walker

UNIT, SIZES, MEASURES = "B", "nodes", "bytes added"
FLOOR = "bare walk"
TO_DOT, TORCHVIZ = "ours, to DOT", "torchviz, to DOT"
TO = (FLOOR, TO_DOT)
AIMS = ("A million nodes walked in less than 15 s and 1 kB a node.",)

PROGRAMS: dict[str, Callable[[int], Built]] = {"chain": chain, "wide": wide}

LONG = 120.0
"""Seconds that the largest size may take."""

DEEP = 80_000
"""Nodes in a row that cannot be freed by recursion on a usual stack."""


def rows(plan: Plan) -> Iterator[Row]:
    sizes = (5_000, 10_000, 20_000, 40_000) if plan.quick else (8_000, 40_000, 200_000, 1_000_000)
    for program in PROGRAMS:
        for size in sizes if plan.peers else sizes[:3]:
            yield from measured(program, size, plan.rounds if size == sizes[0] else 1, plan)
    case = f"chain of {DEEP:,}, freed after a walk"
    for who in WALKS if plan.peers else (OURS,):
        runs = [attempt(freed, who, limit=plan.limit) for _ in range(plan.rounds)]
        said = Counter(run.said or "is freed" for run in runs)
        text = ", ".join(f"{what} in {times} of {len(runs)} runs" for what, times in said.items())
        yield Row(case, who, DEEP, said=text)


# ---- bytes


def measured(program: str, size: int, rounds: int, plan: Plan) -> Iterator[Row]:
    """In turn, each time in a fresh process."""
    case = f"{program} of {size:,}"
    ways = {who: Runs() for who in WAYS if plan.peers or who != TORCHVIZ}
    for _ in range(rounds):
        for who, runs in ways.items():
            if runs.said:
                continue
            done = attempt(grown, who, program, size, limit=max(plan.limit, LONG))
            if done.said:
                runs.said = done.said
            else:
                runs.found.append(done.result)
    added = {who: [bytes for bytes, _, _ in runs.found] for who, runs in ways.items() if runs.found}
    made = {row.who: row for row in in_rows(case, size, added, to=TO, family=program)}
    for who, runs in ways.items():
        row = made.get(who, Row(case, who, size, family=program))
        yield replace(row, said=runs.said or told(size, runs.found))


@dataclass
class Runs:
    """Of one way: bytes, seconds and seconds of the cure in each run, or what it said instead."""

    found: list[tuple[int, float, float]] = field(default_factory=list)
    said: str = ""


def told(size: int, found: list[tuple[int, float, float]]) -> str:
    added, seconds, cure = (statistics.median(values) for values in zip(*found, strict=True))
    each = f"{added / size:,.0f} B a node, {shown(seconds, 's')}"
    return f"{each} with {shown(cure, 's')} for the cure" if cure else each


def grown(who: str, program: str, size: int) -> tuple[int, float, float]:
    """Bytes that a walk added at its most, its seconds, and those of the cure in it."""
    y, _ = PROGRAMS[program](size)
    walk, cure = WAYS[who], Timed(freeing.protect)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the most is what is there
    before, began = most_resident(), time.perf_counter()
    with patch.object(walker, "protect", cure):
        _kept.append(walk(y))
    seconds, after = time.perf_counter() - began, most_resident()
    _kept.append(y)  # freeing is asked of below
    return after - before, seconds, cure.seconds


_kept: list[object] = []


def most_resident() -> int:
    """The most memory that this process has had, in bytes (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


class Timed:
    """A function that adds up the time spent in it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.seconds = function, 0.0

    def __call__(self, *args: Any) -> Any:
        began = time.perf_counter()
        result = self.function(*args)
        self.seconds += time.perf_counter() - began
        return result


WAYS: dict[str, Callable[[Any], object]] = {
    FLOOR: lambda y: bare_walk(y.grad_fn),
    OURS: gva.walk,
    TO_DOT: gva.make_dot,
    TORCHVIZ: drawings.torchviz,
}


# ---- freeing


def freed(who: str) -> None:
    """Frees a deep graph that was walked."""
    y, _ = chain(DEEP)
    WALKS[who](y)
    del y
    gc.collect()  # torchviz leaves a circle that holds all nodes


WALKS: dict[str, Callable[[Any], object]] = {
    FLOOR: WAYS[FLOOR],
    OURS: gva.walk,
    "torchviz, a deeper limit": lambda y: with_room(lambda: drawings.torchviz(y)),
}
