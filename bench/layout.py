"""How long does it take from a tensor to its SVG, and does it end?

Everything is drawn: `make_dot(...).pipe("svg")` of ours, and torchviz's `make_dot`, laid out by the
same Graphviz with nothing asked of it. Both pictures have the same boxes. torchview and TorchLens
draw other graphs of the same model and run its forward for it, which is part of their time. A peer
that takes more than six seconds is run once, and one that was over the limit is not tried on larger
sizes. Last ours alone, as `gva render` shows it and in full, with the most memory of its process;
Graphviz lays out in another.
"""

from __future__ import annotations

import resource
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import graphviz_autograd as gva
from bench import dot, drawings, graphs
from bench.attempts import attempt, told, with_room
from bench.graphs import Built, Model
from bench.measuring import OURS, Plan, Row, spread
from graphviz_autograd.transform.readable import readable

UNIT, SIZES, MEASURES = "s", "boxes", "to SVG"
FLOOR = None
TO = (OURS,)
AIMS = (
    "An RNN of 50 steps in full in 2 s, one of 200 steps in 5 s, 30,000 boxes in 30 s.",
    "As shown, a transformer of 12 layers in 1 s, a million nodes in 60 s and 4 GB.",
)

PATIENCE = 6.0
"""Seconds: a peer that takes longer is run once."""

OURS_ENDS = 900.0
"""Seconds that ours has for its largest pictures."""


class Case(NamedTuple):
    """A graph to be drawn by all; with what torchview and TorchLens join where `whole` is set."""

    name: str
    built: Built
    whole: Model | None = None
    family: str = ""


Picture = tuple[str | bytes | None, str]
"""An SVG, or None where there was no time for it; and what is to be known of it."""


@dataclass
class Runs:
    """What came of one way's runs of one case."""

    seconds: list[float] = field(default_factory=list)
    boxes: int = 0
    said: str = ""
    stopped: bool = False


def rows(plan: Plan) -> Iterator[Row]:
    yield from with_room(lambda: list(beside_peers(plan)))
    yield from alone(plan)


# ---- beside the peers


def cases(plan: Plan) -> Iterator[Case]:
    for layers in (2, 3, 6, 12) if plan.quick else (3, 6, 12, 24):
        model, inputs = graphs.encoder(layers)
        whole = (model, inputs) if layers == 12 else None
        built = model(inputs).sum(), model
        yield Case(f"transformer, {layers} layers", built, whole, "transformers")
    for steps in (5, 10, 20, 40) if plan.quick else (25, 50, 100, 200):
        model, inputs = graphs.recurrent(steps)
        whole = (model, inputs) if steps in (10, 25) else None
        yield Case(f"RNN, {steps} steps", (model(inputs).sum(), model), whole, "RNNs")
    if plan.quick:
        yield Case("dense, 10 layers", graphs.dense(10))
        yield Case("chain of 2,000", graphs.chain(2_000))
        return
    yield Case("transformer, 48 layers", graphs.transformer(48))
    yield Case("ResNet-50 shape", graphs.resnet(3, 4, 6, 3))
    yield Case("dense, 20 layers", graphs.dense(20))
    yield Case("chain of 10,000", graphs.chain(10_000))


def beside_peers(plan: Plan) -> Iterator[Row]:
    over: dict[tuple[str, str], str] = {}  # who was over the limit in which family, and where
    with dot.on_path(plan.limit):
        for name, draw in ways(Case("", graphs.transformer(1), graphs.encoder(1)), plan).items():
            run(draw, Runs(), plan, ours=name == OURS)  # what is loaded at first use
        for case in cases(plan):
            found = measured(case, over, plan)
            yield from told_in_rows(case, found)
            for who, runs in found.items():
                if runs.stopped and case.family:
                    over.setdefault((who, case.family), case.name)


def ways(case: Case, plan: Plan) -> dict[str, Callable[[], Picture]]:
    y, model = case.built
    params = dict(model.named_parameters()) if model else None
    found: dict[str, Callable[[], Picture]] = {OURS: lambda: by_us(y, model)}
    if not plan.peers:
        return found

    def laid_out(text: str, said: str = "") -> Picture:
        return dot.svg(text, plan.limit), said

    found["torchviz"] = lambda: laid_out(drawings.torchviz(y, params).source)
    if case.whole:
        whole = case.whole
        found["torchview"] = lambda: laid_out(
            drawings.torchview(*whole, mode="train").source, "the forward"
        )
        found["TorchLens"] = lambda: (drawings.torchlens(*whole), "the forward")
        found["TorchLens, backward"] = lambda: (
            drawings.torchlens(*whole, backward=True),
            "the backward",
        )
    return found


def by_us(y: Any, model: Any) -> Picture:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", gva.emit.digraph.DrawingWarning)
        picture = gva.make_dot(y, model).pipe("svg")
    return picture, how(str(warning.message) for warning in caught)


def how(notes: Iterable[str]) -> str:
    return "layered layout" if any("layered" in note for note in notes) else "dot's layout"


def measured(case: Case, over: Mapping[tuple[str, str], str], plan: Plan) -> dict[str, Runs]:
    """In turn, until each has its rounds, or is slow or over the limit."""
    todo = ways(case, plan)
    found = {who: Runs() for who in todo}
    for who, runs in found.items():
        if (who, case.family) in over:
            runs.said = f"not tried: over the limit with {over[who, case.family]}"
            del todo[who]
    gva.make_dot(*case.built)  # torch makes a node's wrapper when it is first seen
    for _ in range(plan.rounds):
        for who, draw in [*todo.items()]:
            if not run(draw, found[who], plan, ours=who == OURS):
                del todo[who]
    ours, torchviz = found[OURS], found.get("torchviz", Runs())
    if torchviz.boxes not in (0, ours.boxes):
        raise ValueError(f"{case.name}: {ours.boxes} boxes in ours, {torchviz.boxes} in torchviz's")
    return found


def run(draw: Callable[[], Picture], runs: Runs, plan: Plan, *, ours: bool) -> bool:
    """One picture; whether there shall be more of them."""
    began = time.perf_counter()
    try:
        picture, said = draw()
    except Exception as error:  # whatever a peer raises is what there is to tell
        picture, said = None, told(error)
    seconds = time.perf_counter() - began
    if seconds > plan.limit and not ours:
        runs.said, runs.stopped = f"no answer in {plan.limit:.0f} s", True
        return False
    if picture is None:
        runs.said = said
        return False
    text = picture if isinstance(picture, str) else picture.decode()
    runs.boxes = text.count('class="node"')
    runs.seconds.append(seconds)
    patient = ours or seconds < min(PATIENCE, plan.limit / 5)
    runs.said = said if patient or len(runs.seconds) > 1 else f"{said}, one run".strip(", ")
    return patient


def told_in_rows(case: Case, found: Mapping[str, Runs]) -> Iterator[Row]:
    ours = found[OURS]
    for who, runs in found.items():
        said = runs.said
        if not runs.seconds:
            yield Row(case.name, who, ours.boxes, said=said, family=case.family)
            continue
        if runs.boxes != ours.boxes:
            said = f"{said}, {runs.boxes:,} boxes"
        times = len(runs.seconds)
        ratios = {} if who == OURS else {OURS: spread(runs.seconds, ours.seconds[:times])}
        value = statistics.median(runs.seconds)
        yield Row(case.name, who, ours.boxes, value, ratios, said, case.family)


# ---- ours alone

PROGRAMS: dict[str, Callable[[int], Built]] = {
    "transformer": graphs.transformer,
    "RNN": graphs.unrolled,
    "deep model": graphs.deep,
}


def alone(plan: Plan) -> Iterator[Row]:
    for name, program, size, simple, rounds in (
        ("transformer, 12 layers, as shown", "transformer", 12, True, plan.rounds),
        ("RNN, 200 steps, as shown", "RNN", 200, True, plan.rounds),
        ("transformer in full", "transformer", 50 if plan.quick else 440, False, 1),
        ("deep model, as shown", "deep model", 60_000 if plan.quick else 1_000_000, True, 1),
    ):
        done = attempt(shown, program, size, simple, rounds, limit=OURS_ENDS)
        if done.result is None:
            yield Row(name, OURS, said=done.said)
            continue
        seconds, nodes, said, most = done.result
        said = f"{said}, {most / 1e9:.1f} GB" + (", one run" if rounds == 1 else "")
        yield Row(name, OURS, nodes, statistics.median(seconds), said=said)


def shown(program: str, size: int, simple: bool, rounds: int) -> tuple[list[float], int, str, int]:
    """One of our pictures, from the tensor on, with its modules; as `gva render` shows it where
    `simple`. Seconds, nodes, how it was laid out, and the most bytes of this process.
    """
    with gva.record(lines=False) as record:
        y, model = PROGRAMS[program](size)
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        graph = gva.walk(y, params=model, record=record, attrs=False, saved=False)
        _, notes = (readable(graph)[0] if simple else graph).draw("svg")
        seconds.append(time.perf_counter() - began)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return seconds, len(graph.nodes), how(notes), 1024 * most
