"""What does recording modules and lines cost on the forward of a transformer?

Once as torch's own nn.TransformerEncoder, once written out here, in lines that are followed; 6
layers at three widths, then 128 wide at four depths; in processor time. A recording begins and
ends with each forward: that alone takes most of a millisecond, because Python forgets what it
knew of all modules when `nn.Module.__call__` is replaced, so the smallest sizes suffer most. The
ways not taken are global forward hooks for the modules, and a TorchFunctionMode that takes the
frame of each function's caller for the lines. A plain forward, not timed, goes before each run.
TorchLens keeps every operation with its output, far more than ours keeps; it has rounds of its own
with the plain forward.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

import graphviz_autograd as gva
from bench.attempts import told
from bench.measuring import OURS, Plan, Row, Run, compared

UNIT, SIZES, MEASURES = "s", "layers", "forward"
FLOOR = "plain forward"
TO = (FLOOR,)
AIMS = ("At most 1.10 times the plain forward of a 6-layer transformer.",)

SHAPES = ((64, 16, 1), (128, 32, 4), (256, 64, 8))
"""Width, length of the sequence, size of the batch."""

HEADS, LAYERS = 4, 6
TORCHLENS = "TorchLens"

number = torch._C._autograd._get_sequence_nr


@dataclass(frozen=True)
class Case:
    name: str
    model: nn.Module
    x: torch.Tensor
    layers: int
    family: str = ""


def rows(plan: Plan) -> Iterator[Row]:
    torch.manual_seed(0)
    found = []
    for case in cases(plan):
        runs = ways(case.model, case.x)
        found.append((case, timed(case, runs | not_taken(case) if plan.peers else runs, plan)))
    # TorchLens comes last: from its first trace on, all torch functions of the process are its own.
    for case, of_case in found:
        yield from of_case
        if plan.peers:
            yield by_torchlens(case, plan)


def cases(plan: Plan) -> Iterator[Case]:
    for width, length, batch in SHAPES[:1] if plan.quick else SHAPES:
        x = torch.randn(batch, length, width)
        block = nn.TransformerEncoderLayer(width, HEADS, 4 * width, dropout=0.0, batch_first=True)
        stack = nn.TransformerEncoder(block, LAYERS)
        yield Case(f"nn.TransformerEncoder, {width} wide", stack, x, LAYERS)
        yield Case(f"written out, {width} wide", written_out(width, LAYERS), x, LAYERS)
    width, length, batch = SHAPES[1]
    x = torch.randn(batch, length, width)
    for layers in (1, 2, 4, 8) if plan.quick else (2, 4, 8, 16):
        model = written_out(width, layers)
        yield Case(f"written out, {layers} deep", model, x, layers, "written out")


def written_out(width: int, layers: int) -> nn.Module:
    return nn.Sequential(*(Block(width) for _ in range(layers)))


class Block(nn.Module):
    """A transformer layer as people write it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attend(self.norm1(x))
        hidden = nn.functional.gelu(self.up(self.norm2(x)))
        return x + self.down(hidden)

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        parts = self.qkv(x).split(width, dim=2)
        q, k, v = (p.view(batch, length, HEADS, width // HEADS).transpose(1, 2) for p in parts)
        scores = (q @ k.transpose(-2, -1)) / (width // HEADS) ** 0.5
        mixed = scores.softmax(dim=-1) @ v
        result: torch.Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return result


def timed(case: Case, runs: dict[str, Run], plan: Plan, floor: float = 0.05) -> list[Row]:
    """A row for each way, which must give what the plain forward gives."""
    wanted = case.model(case.x)
    for who, run in runs.items():
        torch.testing.assert_close(run(), wanted, msg=f"{who}: another output")
    return compared(
        case.name,
        case.layers,
        runs,
        plan,
        to=TO,
        family=case.family,
        clock=time.process_time,
        floor=floor,
        before=runs[FLOOR],
    )


def ways(model: nn.Module, x: torch.Tensor) -> dict[str, Run]:
    def recorded(lines: bool) -> object:
        with gva.record(model, lines=lines):
            return model(x)

    return {
        FLOOR: lambda: model(x),
        OURS: lambda: recorded(True),
        f"{OURS}, without lines": lambda: recorded(False),
    }


def by_torchlens(case: Case, plan: Plan) -> Row:
    def traced() -> object:
        trace = peer.trace(case.model, case.x)
        return trace[trace.output_layers[0]].out

    try:
        peer = importlib.import_module("torchlens")
        both = {FLOOR: lambda: case.model(case.x), TORCHLENS: traced}
        return timed(case, both, plan, floor=0)[-1]
    except Exception as error:  # whatever it raises is what there is to tell
        return Row(case.name, TORCHLENS, case.layers, said=told(error))


# ---- the ways not taken


class LinesByMode(TorchFunctionMode):
    """The least that such a mode can note: after each function a number, a file and a line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[int, str, int]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        result = func(*args, **(kwargs or {}))
        frame = sys._getframe(1)
        self.lines.append((number(), frame.f_code.co_filename, frame.f_lineno))
        return result


def not_taken(case: Case) -> dict[str, Run]:
    model, x = case.model, case.x

    def hooked() -> object:
        seen: list[tuple[int, int]] = []

        def note(module: nn.Module, *_: object) -> None:
            seen.append((number(), id(module)))

        handles = [
            register_module_forward_pre_hook(note),
            register_module_forward_hook(note, always_call=True),
        ]
        try:
            return model(x)
        finally:
            for handle in handles:
                handle.remove()

    def by_mode() -> object:
        with LinesByMode():
            return model(x)

    return {
        "not taken: global hooks, modules": hooked,
        "not taken: function mode, lines": by_mode,
    }
