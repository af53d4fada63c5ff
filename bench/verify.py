"""What does `verify` cost, beside the plain forward and backward of a stack of GPT blocks?

Blocks of width 64 on a sequence of 32, in processor time: other programs on the machine do not
count. The report must say that all matches. torch.autograd.gradcheck moves every number of every
parameter, or in its fast mode goes in random directions: it holds torch against finite
differences, and `verify` holds it against our own engine. Last, a backward in which a minus sign
is missing, between sound operators, in float64 and in float32: what each says of the model without
the fault and with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import nn
from torch.func import functional_call

import graphviz_autograd as gva
from bench.attempts import attempt, told
from bench.measuring import OURS, Plan, Row, Run, compared

UNIT, SIZES, MEASURES = "s", "blocks", "to check the gradients"
FLOOR = "forward and backward"
TO = (FLOOR,)
AIMS = ("At most 15 times the plain forward and backward of 12 GPT blocks.",)

GRADCHECK, FAST = "gradcheck", "gradcheck, fast mode"
WIDTH, STEPS, BLOCKS = 64, 32, 12
SMALL = 8
"""The width, and the sequence, on which gradcheck ends."""


def rows(plan: Plan) -> Iterator[Row]:
    for blocks in (1, 2, 4, 8) if plan.quick else (2, 4, 8, 16):
        yield from measured(blocks, plan, "blocks")
    yield from measured(BLOCKS, plan)
    if plan.peers:
        for who in (GRADCHECK, FAST):
            done = attempt(alone, who, BLOCKS, limit=plan.limit)
            yield Row(f"{BLOCKS} blocks", who, BLOCKS, done.result, said=done.said or "in float64")
        yield from small(plan)
        for dtype in ("float64", "float32"):
            for who in (OURS, GRADCHECK, FAST):
                done = attempt(judged, who, dtype, limit=plan.limit)
                yield Row(f"a wrong backward, {dtype}", who, said=done.said or done.result)


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


def stack(blocks: int, width: int = WIDTH, steps: int = STEPS) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return nn.Sequential(*(Block(width) for _ in range(blocks))), torch.randn(1, steps, width)


# ---- times


def measured(blocks: int, plan: Plan, family: str = "") -> Iterator[Row]:
    runs = ways(*stack(blocks))
    case = f"{blocks} block{'s' * (blocks > 1)}"
    yield from compared(case, blocks, runs, plan, to=TO, family=family, clock=time.process_time)


def small(plan: Plan) -> Iterator[Row]:
    """One block that is small enough for gradcheck, in float64, as it takes it."""
    model, x = stack(1, SMALL, SMALL)
    model, x = model.double(), x.double()
    runs = ways(model, x)
    runs |= {who: partial(gradcheck, who, model, x) for who in (GRADCHECK, FAST)}
    case = f"1 block of width {SMALL}, in float64"
    yield from compared(case, 1, runs, plan, to=TO, clock=time.process_time, floor=0)


def ways(model: nn.Module, x: torch.Tensor) -> dict[str, Run]:
    def plain() -> None:
        model(x).sum().backward()
        model.zero_grad()

    def verified() -> None:
        report = gva.verify(model, x, devices=["cpu"])
        if not report.ok:
            raise AssertionError(str(report))

    return {FLOOR: plain, OURS: verified}


def gradcheck(who: str, model: nn.Module, x: torch.Tensor) -> None:
    """With respect to the parameters, as `verify` does; raises where they are wrong."""
    names = [name for name, _ in model.named_parameters()]

    def output(*values: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = functional_call(model, dict(zip(names, values, strict=True)), (x,))
        return result.sum()

    torch.autograd.gradcheck(output, tuple(model.parameters()), fast_mode=who == FAST)


def alone(who: str, blocks: int) -> float:
    model, x = stack(blocks)
    start = time.process_time()
    gradcheck(who, model.double(), x.double())
    return time.process_time() - start


# ---- a fault


class Tilted(torch.autograd.Function):
    """The hyperbolic tangent, with a minus sign missing in what goes back."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        (y,) = ctx.saved_tensors
        return grad * (1 + y * y)


class Layer(nn.Module):
    def __init__(self, wrong: bool) -> None:
        super().__init__()
        self.first, self.second, self.wrong = nn.Linear(8, 8), nn.Linear(8, 1), wrong

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x)
        return self.second(Tilted.apply(hidden) if self.wrong else hidden.tanh())


def judged(who: str, dtype: str) -> str:
    """What one says of a sound model, and of one with the fault."""
    torch.manual_seed(0)
    x = torch.randn(4, 8, dtype=getattr(torch, dtype))
    models = {"sound": Layer(wrong=False), "wrong": Layer(wrong=True)}
    return "; ".join(
        f"{name}: {judge(who, model.to(x.dtype), x)}" for name, model in models.items()
    )


def judge(who: str, model: nn.Module, x: torch.Tensor) -> str:
    if who == OURS:
        found = gva.verify(model, x, devices=["cpu"]).first_failure
        return f"{found.name} fails" if found else "matches"
    try:
        gradcheck(who, model, x)
    except Exception as error:  # what it raises is its answer
        return told(error)
    return "passes"
