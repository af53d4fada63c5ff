"""What can each draw, and what not?

The same programs for all, asked for an SVG as each one's README tells it: ours and torchviz get
tensors, torchview and TorchLens a module (or a function) and its inputs, for they draw a forward
that they run themselves. "yes" is said where the picture has what was asked of it, and beside it
stands the time of that one drawing. All of one peer's drawings are made in one process, except for
those that a crash or the limit kept from an answer, which have one of their own. No case has a size
that it could grow with.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import dot
from bench.attempts import Attempt, attempt, told
from bench.measuring import OURS, Plan, Row
from bench.reach_cases import CASES
from bench.reaching import DRAWN

UNIT, SIZES, MEASURES = "s", "boxes", "answer"
FLOOR = None
TO = ()
AIMS = ()

ALL = 5
"""So many times the limit has one who answers all cases together."""


def rows(plan: Plan) -> Iterator[Row]:
    with dot.on_path(plan.limit):
        found = {who: answers(who, plan) for who in DRAWN if plan.peers or who == OURS}
    for case in CASES:
        for who, answered in found.items():
            done = answered[case]
            seconds, said = done.result or (None, done.said)
            yield Row(CASES[case].title, who, None, seconds, said=said)


def answers(who: str, plan: Plan) -> dict[str, Attempt]:
    """What one said in each case."""
    quick = [name for name, case in CASES.items() if not case.long]
    together = attempt(asked, who, quick, plan.limit, limit=ALL * plan.limit)
    found = {name: Attempt(*answer) for name, answer in (together.result or {}).items()}
    for name in CASES:
        if name not in found:
            done = attempt(asked, who, [name], plan.limit, limit=plan.limit)
            found[name] = Attempt(*done.result[name]) if done.result else done
    return found


def asked(who: str, names: list[str], limit: float) -> dict[str, tuple[object, str]]:
    """The answers to some cases, or what was said instead."""
    found: dict[str, tuple[object, str]] = {}
    for name in names:
        began = time.monotonic()
        try:
            found[name] = (CASES[name].ask(who), "")
        except Exception as error:  # whatever a peer raises is what there is to tell
            found[name] = (None, told(error))
        if time.monotonic() - began > limit:
            found[name] = (None, f"no answer in {limit:.0f} s")
    return found
