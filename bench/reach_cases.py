"""What `bench.reach` asks: a function a case, which draws by one way and looks at the picture.

Each gives the seconds of the drawing, and what is to be said of the picture.
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bench import graphs
from bench.measuring import OURS
from bench.reaching import (
    YES,
    Answer,
    Checkpointed,
    Deep,
    Heads,
    Named,
    Output,
    Scene,
    Twice,
    boxes,
    called,
    drawn,
    lacking,
)

Ask = Callable[[str], Answer]
"""Draws by the way that it is given."""


@dataclass(frozen=True)
class Case:
    title: str
    ask: Ask
    long: bool


CASES: dict[str, Case] = {}


def case(title: str, *, long: bool = False) -> Callable[[Ask], Ask]:
    """Make a case of a function; a long one has a process of its own."""

    def put(ask: Ask) -> Ask:
        CASES[ask.__name__] = Case(title, ask, long)
        return ask

    return put


# ---- what can be given


def given(who: str, form: Callable[[torch.Tensor, torch.Tensor], Any]) -> Answer:
    seconds, svg = drawn(who, called(Heads(form), torch.ones(2, 4)), {})
    return seconds, lacking(svg, "sigmoid", "tanh")


@case("a computation without a module")
def no_module(who: str) -> Answer:
    w, x = torch.ones(3, requires_grad=True), torch.ones(3)

    def computed(x: torch.Tensor) -> torch.Tensor:
        return (w * x).tanh()

    seconds, svg = drawn(who, Scene(computed(x), computed, (x,), {"w": w}), {})
    return seconds, lacking(svg, "tanh")


@case("a dict of outputs")
def of_a_dict(who: str) -> Answer:
    return given(who, lambda loss, logits: {"loss": loss, "logits": logits})


@case("a dataclass of outputs")
def of_a_dataclass(who: str) -> Answer:
    return given(who, Output)


@case("a tuple of outputs, one of them None")
def of_a_tuple(who: str) -> Answer:
    return given(who, lambda loss, logits: (loss, None, logits))


@case("a forward under no_grad")
def no_grad(who: str) -> Answer:
    with torch.no_grad():
        return given(who, lambda loss, logits: (loss, logits))


@case("a graph that backward() has freed")
def freed(who: str) -> Answer:
    scene = called(Heads(lambda loss, logits: (loss * logits).sum()), torch.ones(2, 4))
    scene.outputs.backward()
    seconds, svg = drawn(who, scene, {})
    return seconds, lacking(svg, "tanh")


@case("the gradient of a gradient")
def twice(who: str) -> Answer:
    seconds, svg = drawn(who, called(Twice(), torch.ones(2)), {})
    return seconds, lacking(svg, "exp", "tanhbackward")


@case("a graph 20,000 operations deep", long=True)
def deep(who: str) -> Answer:
    seconds, svg = drawn(who, called(Deep(), torch.ones(2)), {})
    return seconds, f"{YES}, {boxes(svg):,} boxes"


# ---- what the picture has


@case("the backward graph, with its accumulators")
def backward(who: str) -> Answer:
    scene = called(nn.Linear(4, 4), torch.ones(2, 4))
    seconds, svg = drawn(who, scene, {"TorchLens": {"backward": True}})
    return seconds, lacking(svg, "accumulategrad", "addmm")


@case("the input, which needs no gradient")
def inputs(who: str) -> Answer:
    seconds, svg = drawn(
        who, called(nn.Linear(3, 5), torch.ones(7, 3)), {OURS: {"show_inputs": True}}
    )
    return seconds, lacking(svg, "(7, 3)")


@case("parameters by their names")
def names(who: str) -> Answer:
    seconds, svg = drawn(who, called(Heads(lambda a, b: a * b), torch.ones(2, 4)), {})
    return seconds, lacking(svg, "first", "weight", "bias")


@case(r"the names \N and <b> as typed")
def as_typed(who: str) -> Answer:
    seconds, svg = drawn(who, called(Named(), torch.ones(2, 4)), {})
    return seconds, lacking(svg, r"\N", "<b>")


@case("modules as frames around what they hold")
def frames(who: str) -> Answer:
    inner = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.Tanh()))
    scene = called(nn.Sequential(inner, nn.Linear(4, 4)), torch.ones(2, 4))
    seconds, svg = drawn(who, scene, {"torchview": {"expand_nested": True}})
    count = svg.count('class="cluster"')
    return seconds, f"{YES}, {count} frames" if count else "draws it without frames"


@case("the source line of an operation")
def lines(who: str) -> Answer:
    scene = called(Heads(lambda a, b: a * b), torch.ones(2, 4))
    seconds, svg = drawn(who, scene, {})
    return seconds, YES if os.path.basename(__file__) in svg else "draws it without lines"


@case("an RNN of 20 steps, equal steps drawn once")
def folded(who: str) -> Answer:
    options: dict[str, dict[str, Any]] = {
        OURS: {"fold": True, "fold_plumbing": True},
        "torchview": {"roll": True},
        "TorchLens": {"vis_mode": "rolled"},
    }
    model, x = graphs.recurrent(20)
    seconds, svg = drawn(who, called(model, x), options)
    return seconds, f"{boxes(svg)} boxes"


# ---- what drawing leaves as it was


@case("saved tensors of a checkpointed module, without running it")
def checkpointed(who: str) -> Answer:
    model = Checkpointed()
    scene = called(model, torch.ones(2, 4))
    saved = {"show_saved": True}
    seconds, _ = drawn(who, scene, {OURS: saved, "torchviz": saved})
    again = model.runs - 1
    return seconds, f"runs it {again} time{'s' * (again > 1)} more" if again else YES


@case("a training step stays bitwise the same")
def training(who: str) -> Answer:
    layers = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout()
    model, x = nn.Sequential(*layers), torch.randn(8, 4)
    plain, _ = stepped(copy.deepcopy(model), x, None)
    after, seconds = stepped(model, x, who)
    changed = [what for what in plain if not same(plain[what], after[what])]
    return seconds, f"changes {', '.join(changed)}" if changed else YES


def stepped(model: nn.Module, x: torch.Tensor, who: str | None) -> tuple[dict[str, Any], float]:
    """What there is after two steps with a drawing in the first, and the seconds of that."""
    torch.manual_seed(0)
    seconds = 0.0
    for step in range(2):
        scene = called(model, x)
        if who and not step:
            seconds, _ = drawn(who, scene, {})
        scene.outputs.square().sum().backward()
    return {
        "gradients": [p.grad for p in model.parameters()],
        "buffers": list(model.buffers()),
        "the mode": [torch.tensor(module.training) for module in model.modules()],
        "the state of random numbers": [torch.get_rng_state()],
    }, seconds


def same(these: list[torch.Tensor], those: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(these, those, strict=True))


# ---- where it draws


@case("SVG where there is no program called dot")
def no_dot(who: str) -> Answer:
    before, os.environ["PATH"] = os.environ["PATH"], ""
    try:
        seconds, svg = drawn(who, called(nn.Linear(4, 4), torch.ones(2, 4)), {})
    finally:
        os.environ["PATH"] = before
    return seconds, YES if boxes(svg) else "an empty picture"


@case("the same text in two processes")
def same_text(who: str) -> Answer:
    print_it = f"from bench.reach_cases import of_an_mlp; print(of_an_mlp({who!r}))"
    child = [sys.executable, "-W", "ignore", "-c", print_it]
    other = subprocess.run(child, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True)
    return None, YES if other.stdout == f"{of_an_mlp(who)}\n" else "another text each time"


def of_an_mlp(who: str) -> str:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    return drawn(who, called(model, torch.ones(2, 4)), {})[1]
