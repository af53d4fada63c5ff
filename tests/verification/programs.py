"""Sound programs of every kind: verify must find nothing wrong with any of them."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import nn
from torch.utils.checkpoint import checkpoint


def randn(*shape: int, grad: bool = False) -> torch.Tensor:
    return torch.randn(*shape, requires_grad=grad)


class Recurrent(nn.Module):
    def __init__(self, kind: Any, **options: Any) -> None:
        super().__init__()
        self.layer = kind(4, 5, **options)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(x)[0]
        return (found**2).sum()


class ResidualBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm_one = nn.BatchNorm2d(4)
        self.two = nn.Conv2d(4, 4, 3, padding=1)
        self.norm_two = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm_two(self.two(self.relu(self.norm_one(self.one(x)))))
        y += x
        return F.max_pool2d(self.relu(y), 2).mean()


class Block(nn.Module):
    """A block of a GPT."""

    def __init__(self, width: int = 16, heads: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.norm_one, self.norm_two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, steps, width = x.shape
        q, k, v = (
            part.view(batch, steps, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.norm_one(x)).split(width, 2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.dropout(self.out(y.transpose(1, 2).reshape(batch, steps, width)))
        return x + self.dropout(self.mlp(self.norm_two(x)))


class GPT(nn.Module):
    """Embedding and head share their weight."""

    def __init__(self, dropout: float = 0.0, checkpointed: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.positions = nn.Parameter(randn(8, 16))
        self.blocks = nn.ModuleList(Block(dropout=dropout) for _ in range(2))
        self.head = nn.Linear(16, 20, bias=False)
        self.head.weight = self.embedding.weight
        self.checkpointed = checkpointed

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        x = self.embedding(words) + self.positions[: words.shape[1]]
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.checkpointed else block(x)
        return F.cross_entropy(self.head(x)[:, :-1].flatten(0, 1), words[:, 1:].flatten())


class VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(8, 6), nn.Linear(3, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        kept = F.binary_cross_entropy_with_logits(self.decoder(z), x)
        return kept - 0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()


class MaskedAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.triu(torch.ones(5, 5, dtype=torch.bool, device=x.device), 1)
        found: torch.Tensor = self.attention(x, x, x, attn_mask=mask)[0]
        return (found**2).sum()


class TwoOfThree(torch.autograd.Function):
    """Two outputs, and an argument that is no tensor."""

    @staticmethod
    def forward(ctx: Any, a: Any, factor: float, b: Any) -> Any:
        ctx.save_for_backward(a, b)
        ctx.factor = factor
        return a * b * factor, (a + b).exp()

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        a, b = ctx.saved_tensors
        rest = h * (a + b).exp()
        return g * b * ctx.factor + rest, None, g * a * ctx.factor + rest


class Outer(torch.autograd.Function):
    """A Function that uses another inside."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return TwoOfThree.apply(x, 2.0, x)[0]

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 4 * g * x


def in_place(x: torch.Tensor) -> torch.Tensor:
    y = x * 2
    y.mul_(3)
    y[0].add_(1.0)
    y[1] = y[0] * 2
    z = y.t()
    z.sin_()
    return (y * z.t()).sum()


def into_a_buffer(x: torch.Tensor) -> torch.Tensor:
    buffer = x.new_zeros(3, 4)
    buffer[1] = x[0]
    buffer[2:].copy_(x[1:2])
    row = buffer.view(-1)
    row[3:5] *= 2
    return (buffer * buffer).sum() + row.sum()


def without_gradients(x: torch.Tensor) -> torch.Tensor:
    y = x * 2
    with torch.no_grad():
        mean, half = y.mean(), y * 0.5
        y.clamp_(-1, 1)
    return ((y - mean) / (half.abs() + 1)).sum()


def autocast(x: torch.Tensor) -> torch.Tensor:
    weight = torch.linspace(-1, 1, 24, device=x.device).view(6, 4)
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        y = F.linear(x, weight)
        y = F.layer_norm(y, (6,)).relu() @ weight
    return y.float().pow(2).mean()


def gradient_penalty(x: torch.Tensor) -> torch.Tensor:
    (grad,) = torch.autograd.grad((x * x).sin().sum(), x, create_graph=True)
    return (grad.norm() - 1) ** 2


def complex_numbers(x: torch.Tensor) -> torch.Tensor:
    z = torch.complex(x, x.sin())
    return (torch.fft.fft(z) * z.conj()).abs().sum()


def one() -> tuple[Any, ...]:
    return (randn(3, 4, grad=True),)


def words() -> tuple[Any, ...]:
    return (torch.randint(0, 20, (2, 8)),)


FUNCTIONS: dict[str, Any] = {
    "in place": in_place,
    "into a buffer": into_a_buffer,
    "no_grad inside": without_gradients,
    "ReLU in place": lambda x: F.relu(x * 1, inplace=True).sum(),
    "detach": lambda x: (x * x.detach() + x.data).sum(),
    "checkpoint": lambda x: checkpoint(lambda t: t.sin() * t, x * 2, use_reentrant=False).sum(),
    "Function": lambda x: torch.stack(TwoOfThree.apply(x, 3.0, x.sin())).prod(0).sum(),
    "Function, one output": lambda x: TwoOfThree.apply(x, 3.0, x.sin())[1].sum(),
    "Function in a Function": lambda x: Outer.apply(x * 1).sum(),
    "autocast": autocast,
    "gradient penalty": gradient_penalty,
    "complex numbers": complex_numbers,
    "several outputs": lambda x: {"a": x * 2, "b": [x.sum(), 3], "c": x.sin()},
    "views": lambda x: torch.cat([*x.unbind(1), x.t().reshape(-1)[2:].flip(0)]).sum(),
}
"""All of a tensor of 3 by 4."""

MODULES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "MLP": (
        lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)),
        one,
        {},
    ),
    "LSTM": (
        lambda: Recurrent(nn.LSTM, num_layers=2, bidirectional=True),
        lambda: (randn(6, 2, 4),),
        {},
    ),
    "GRU": (lambda: Recurrent(nn.GRU), lambda: (randn(6, 2, 4),), {}),
    "RNN": (lambda: Recurrent(nn.RNN), lambda: (randn(6, 2, 4),), {}),
    "TransformerEncoderLayer": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.1),
        lambda: (randn(2, 5, 8),),
        {"seed": 0},
    ),
    "TransformerEncoderLayer, eval": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(),
        lambda: (randn(2, 5, 8),),
        {},
    ),
    "ResNet block": (ResidualBlock, lambda: (randn(2, 4, 8, 8, grad=True),), {}),
    "ResNet block, eval": (lambda: ResidualBlock().eval(), lambda: (randn(2, 4, 8, 8),), {}),
    "GPT, tied weights": (GPT, words, {}),
    "GPT, dropout": (lambda: GPT(dropout=0.1), words, {"seed": 1}),
    "GPT, checkpointed, dropout": (
        lambda: GPT(dropout=0.1, checkpointed=True),
        words,
        {"seed": 1},
    ),
    "VAE": (VAE, lambda: (torch.rand(4, 8),), {"seed": 3}),
    "attention with mask": (MaskedAttention, lambda: (randn(2, 5, 8),), {}),
    "convolution and BatchNorm": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
        lambda: (randn(2, 3, 6, 6),),
        {},
    ),
}
"""Module, inputs, options of verify."""
