"""What `bench.reach` asks with: programs to draw, ways to draw them, and looks at the pictures."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import graphviz_autograd as gva
from bench import drawings
from bench.measuring import OURS

YES = "yes"

Answer = tuple[float | None, str]


class Scene(NamedTuple):
    """What is to be drawn: outputs, with names for tensors; or a module to be called again."""

    outputs: Any
    model: Any
    inputs: tuple[torch.Tensor, ...]
    params: Mapping[str, torch.Tensor]
    record: Any = None


def by_us(scene: Scene, **options: Any) -> str:
    picture = gva.make_dot(scene.outputs, scene.params, record=scene.record, **options)
    return picture.pipe("svg", encoding="utf-8")


def by_torchviz(scene: Scene, **options: Any) -> str:
    digraph = drawings.torchviz(scene.outputs, dict(scene.params), **options)
    return str(digraph.pipe("svg", encoding="utf-8"))


def by_torchview(scene: Scene, **options: Any) -> str:
    digraph = drawings.torchview(scene.model, *scene.inputs, **options)
    return str(digraph.pipe("svg", encoding="utf-8"))


def by_torchlens(scene: Scene, **options: Any) -> str:
    return drawings.torchlens(scene.model, *scene.inputs, **options)


DRAWN: dict[str, Callable[..., str]] = {
    OURS: by_us,
    "torchviz": by_torchviz,
    "torchview": by_torchview,
    "TorchLens": by_torchlens,
}


# ---- drawing and looking


def drawn(who: str, scene: Scene, options: Mapping[str, Mapping[str, Any]]) -> tuple[float, str]:
    """Seconds, and the SVG. Who has options of its own finds them by its name."""
    began = time.perf_counter()
    svg = DRAWN[who](scene, **options.get(who, {}))
    return time.perf_counter() - began, svg


def words(svg: str) -> str:
    """What one can read in a picture."""
    return "\n".join(html.unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", svg))


def lacking(svg: str, *wanted: str) -> str:
    """Says yes where all of these can be read in the picture, whatever their case."""
    read = words(svg).lower()
    missing = [word for word in wanted if word.lower() not in read]
    return f"draws it without {', '.join(missing)}" if missing else YES


def boxes(svg: str) -> int:
    return svg.count('class="node"')


def called(model: nn.Module, *inputs: torch.Tensor) -> Scene:
    with gva.record(model) as record:
        outputs = model(*inputs)
    return Scene(outputs, model, inputs, dict(model.named_parameters()), record)


# ---- programs


class Heads(nn.Module):
    """A sigmoid and a tanh of one layer, given together in some form."""

    def __init__(self, form: Callable[[torch.Tensor, torch.Tensor], Any]) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.form = form

    def forward(self, x: torch.Tensor) -> Any:
        hidden = self.first(x)
        return self.form(hidden.sigmoid(), hidden.tanh())


@dataclass
class Output:
    loss: torch.Tensor
    logits: torch.Tensor
    cache: None = None


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.ones(2))

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        (grad,) = torch.autograd.grad((self.x * y).tanh().sum(), self.x, create_graph=True)
        return grad.exp()


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.ones(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x * self.start
        for _ in range(20_000):
            x = x + 1
        return x


class Named(nn.Module):
    """Names that Graphviz reads as its own."""

    def __init__(self) -> None:
        super().__init__()
        self.register_parameter(r"\N", nn.Parameter(torch.ones(4, 4)))
        self.register_module("<b>", nn.Linear(4, 4))

    def forward(self, x: torch.Tensor) -> Any:
        return getattr(self, "<b>")(x @ getattr(self, r"\N"))


class Checkpointed(nn.Module):
    """Counts the runs of what is checkpointed."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.runs = nn.Linear(4, 4), 0

    def body(self, x: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        result: torch.Tensor = self.inner(x).tanh()
        return result

    def forward(self, x: torch.Tensor) -> Any:
        return checkpoint(self.body, x, use_reentrant=False)
