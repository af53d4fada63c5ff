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
from typing import Any

from bench.attempts import attempt
from bench.engines import PEERS
from bench.measuring import OURS, Plan, Row
from bench.operators import DIFFER, MATCH, WORSE, Peer, judged, peer
from bench.samples import entries
from graphviz_autograd.verification import ops

UNIT, SIZES, MEASURES = "entries", "entries", "whose gradients are torch's"
FLOOR = None
TO: tuple[str, ...] = ()
AIMS = ("95% of the entries with every sample equal at order 1 (513 of 540), 85% at order 2.",)

FIRST, EACH = 3, 3
"""So many samples of an entry for a peer, and so many seconds."""

SLOW = f"over {EACH} s"

ORDERS = (1, 2)

Counts = dict[str, int]
"""How many entries fared how."""


def rows(plan: Plan) -> Iterator[Row]:
    every, long = 20 if plan.quick else 1, 10 * plan.limit
    found = {OURS: attempt(by_us, every, limit=long)}
    for who in PEERS if plan.peers else ():
        found[who] = attempt(by_peer, who, every, plan.limit, limit=long)
    for number, order in enumerate(ORDERS):
        case = f"order {order}{', every twentieth entry' if plan.quick else ''}"
        for who, done in found.items():
            if done.said:
                yield Row(case, who, said=done.said)
                continue
            counts = done.result[number]
            said = ", ".join(f"{count} {what}" for what, count in counts.items() if what != MATCH)
            yield Row(case, who, sum(counts.values()), counts.get(MATCH, 0), said=said)


def by_us(every: int) -> list[Counts]:
    """From the sweep that users have, too; at each order."""
    processes = 1 if every > 1 else min(4, os.cpu_count() or 1)  # no time is taken here
    found = []
    for order in ORDERS:
        names = f"^({'|'.join(map(re.escape, entries(order, every)))})$"
        found.append(dict(Counter(map(_answer, ops.sweep(names, order, processes=processes)))))
    return found


def _answer(result: ops.EntryResult) -> str:
    if result.whole:
        return MATCH
    return DIFFER if result.failed else "refused" if result.unsupported else "empty"


def by_peer(who: str, every: int, seconds: float) -> list[Counts]:
    """At each order, in so many seconds for each."""
    signal.signal(signal.SIGALRM, _too_slow)
    library = peer(who)
    return [_counted(library, entries(order, every), order, seconds) for order in ORDERS]


def _counted(library: Peer, some: dict[str, Any], order: int, seconds: float) -> Counts:
    began, found = time.monotonic(), Counter(dict.fromkeys(WORSE, 0))
    for entry in some.values():
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
