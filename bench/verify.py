"""What verify costs: beside the plain forward and backward of a stack of GPT blocks.

    python bench/verify.py [BATCH]

12 blocks of width 64 on sequences of 32, in one process, one thread, the best of several
runs of each, interleaved.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import nn

import graphviz_autograd as gva


class Block(nn.Module):
    """Attention and a perceptron, each after a norm and around a residual."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm_one, self.norm_two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, steps, width = x.shape
        q, k, v = (
            part.view(batch, steps, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.norm_one(x)).split(width, 2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, steps, width))
        return x + self.mlp(self.norm_two(x))


def seconds(run: Callable[[], object]) -> float:
    """Of processor time: other programs on the machine do not count."""
    start = time.process_time()
    run()
    return time.process_time() - start


def main(batch: int = 1, repeats: int = 8) -> None:
    """Print both times and their ratio."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(*[Block(64) for _ in range(12)])
    x = torch.randn(batch, 32, 64)

    def plain() -> None:
        model(x).sum().backward()
        model.zero_grad()

    def verified() -> None:
        report = gva.verify(model, x, devices=["cpu"])
        assert report.ok, report

    for run in (plain, verified):
        run()
    times = [(seconds(plain), seconds(verified)) for _ in range(repeats)]
    one, other = (min(column) * 1e3 for column in zip(*times, strict=True))
    print(f"batch {batch}: forward and backward {one:.1f} ms, verify {other:.1f} ms, ", end="")
    print(f"{other / one:.1f} times")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
