"""Of torch's own samples of operators, how many entries have the same gradients elsewhere?

Torch tests itself on OpInfo: here all its entries that have a gradient in float64 on the CPU. Ours
is held against torch by `gva verify --ops`: every sample of an entry must match, at order 2 with
respect to the cotangents too. A peer has it easier: of its functions and methods of the same name,
of an alias or of NumPy's name, with `dim` as `axis` too, the best counts; and an entry counts where
some of the first three samples give torch's gradients and none gives others. Cotangents are random
on both sides. Where a peer differs it may be right and mean something else by the name; where it
fails, which is to raise or to give another shape, it may want other arguments. micrograd's values
stand in arrays. tinygrad runs on its interpreter in Python where clang is not there; what it does
not reach in time is told. Nothing here grows.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator

import torch

from bench.attempts import attempt
from bench.engines import PEERS
from bench.measuring import OURS, Plan, Row
from bench.operators import DIFFER, MATCH, WORSE, judged, peer
from bench.samples import entries
from graphviz_autograd.verification import ops

UNIT, SIZES, MEASURES = "entries", "entries", "whose gradients are torch's"
FLOOR = None
TO: tuple[str, ...] = ()
AIMS = ("95% of the entries with every sample equal at order 1 (513 of 540), 85% at order 2.",)

FIRST, EACH = 3, 3
"""So many samples of an entry for a peer, and so many seconds."""

SLOW = f"over {EACH} s"


def rows(plan: Plan) -> Iterator[Row]:
    every = 10 if plan.quick else 1
    for order in (1, 2):
        case = f"order {order}{', every tenth entry' if plan.quick else ''}"
        for who in (OURS, *PEERS) if plan.peers else (OURS,):
            if who == OURS:
                done = attempt(by_us, order, every, limit=10 * plan.limit)
            else:
                done = attempt(by_peer, who, order, every, plan.limit, limit=2 * plan.limit)
            if done.said:
                yield Row(case, who, said=done.said)
                continue
            counts = done.result
            said = ", ".join(f"{number} {what}" for what, number in counts.items() if what != MATCH)
            yield Row(case, who, sum(counts.values()), counts.get(MATCH, 0), said=said)


def by_us(order: int, every: int) -> dict[str, int]:
    """From the sweep that users have, too."""
    names = "|".join(map(re.escape, entries(order, every)))
    processes = min(4, os.cpu_count() or 1)  # no time is taken here
    return dict(Counter(map(_answer, ops.sweep(f"^({names})$", order, processes=processes))))


def _answer(result: ops.EntryResult) -> str:
    if result.whole:
        return MATCH
    return DIFFER if result.failed else "refused" if result.unsupported else "empty"


def by_peer(who: str, order: int, every: int, seconds: float) -> dict[str, int]:
    torch.set_num_threads(1)
    began, found, library = time.monotonic(), Counter(dict.fromkeys(WORSE, 0)), peer(who)
    signal.signal(signal.SIGALRM, _too_slow)
    for entry in entries(order, every).values():
        if time.monotonic() - began > seconds:
            found["not reached"] += 1
            continue
        signal.alarm(EACH)
        try:
            found[judged(library, entry, order, FIRST)] += 1
        except TimeoutError:
            found[SLOW] += 1
        finally:
            signal.alarm(0)
    return dict(found)


def _too_slow(*_: object) -> None:
    raise TimeoutError
