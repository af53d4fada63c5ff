"""What does recording modules and lines cost on the forward of a 6-layer transformer?

Once as torch's own nn.TransformerEncoder, once written out here, in lines that are followed. A
recording begins and ends with each forward: that alone takes most of a millisecond, because
Python forgets what it knew of all modules when `nn.Module.__call__` is replaced, so the smallest
sizes suffer most.

In one process, on the same model, in turn: the forward plain, with `gva.record`, and with the
ways that were not taken: global forward hooks for the modules, and a TorchFunctionMode that takes
the frame of each function's caller for the lines. TorchLens joins where it is installed. Each
round runs everybody once; the ratio to the plain forward of the same round is taken, and the
median of the ratios told.

    OMP_NUM_THREADS=1 python bench/record.py [--runs 25]
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

import graphviz_autograd as gva

Run = Callable[[], object]

SIZES = ((64, 16, 1), (128, 32, 4), (256, 64, 8))
"""Width, length of the sequence, size of the batch."""

HEADS, LAYERS = 4, 6

number = torch._C._autograd._get_sequence_nr


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


def ways(model: nn.Module, x: torch.Tensor) -> dict[str, Run]:
    def recorded(lines: bool) -> object:
        with gva.record(model, lines=lines):
            return model(x)

    def hooked() -> object:
        seen: list[tuple[int, int]] = []
        handles = [
            register_module_forward_pre_hook(lambda module, _: seen.append((number(), id(module)))),
            register_module_forward_hook(
                lambda module, _, __: seen.append((number(), id(module))), always_call=True
            ),
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
        "plain": lambda: model(x),
        "gva.record(model)": lambda: recorded(True),
        "gva.record(model, lines=False)": lambda: recorded(False),
        "not taken: global hooks, modules": hooked,
        "not taken: TorchFunctionMode, lines": by_mode,
        **torchlens(model, x),
    }


def torchlens(model: nn.Module, x: torch.Tensor) -> dict[str, Run]:
    try:
        peer = importlib.import_module("torchlens")
    except ImportError as reason:
        print(f"\n({reason})", end="")
        return {}
    return {"TorchLens, trace": lambda: peer.trace(model, x)}


def timed(run: Run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(title: str, model: nn.Module, x: torch.Tensor, rounds: int) -> None:
    runs = ways(model, x)
    for run in runs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(timed(run))
    print(f"\n{title}\n  {'':38}{'ms':>9}{'to plain':>10}")
    for name, spent in times.items():
        ratio = statistics.median(a / b for a, b in zip(spent, times["plain"], strict=True))
        print(f"  {name:38}{1e3 * statistics.median(spent):9.2f}{ratio:10.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=25, help="rounds; the median counts")
    rounds = parser.parse_args().runs
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for width, length, batch in SIZES:
        size, x = (
            f"width {width}, sequence {length}, batch {batch}",
            torch.randn(batch, length, width),
        )
        block = nn.TransformerEncoderLayer(width, HEADS, 4 * width, batch_first=True)
        measure(f"nn.TransformerEncoder, {size}", nn.TransformerEncoder(block, LAYERS), x, rounds)
        layers = nn.Sequential(*(Block(width) for _ in range(LAYERS)))
        measure(f"written out, {size}", layers, x, rounds)


if __name__ == "__main__":
    main()
