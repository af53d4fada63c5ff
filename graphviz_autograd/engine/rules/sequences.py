"""Sequences of several lengths, padded to one: torch would write them into a tensor of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812

from graphviz_autograd.engine.table import taken_apart


@taken_apart(torch._C._nn.pad_sequence)
def _pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Any:
    longest = max(sequence.shape[0] for sequence in sequences)
    padded = []
    for sequence in sequences:
        missing = longest - sequence.shape[0]
        ends = [0, missing] if padding_side == "right" else [missing, 0]
        widths = [0, 0] * (sequence.dim() - 1) + ends  # the last dimension comes first
        padded.append(F.pad(sequence, widths, value=padding_value))
    return torch.stack(padded, 0 if batch_first else 1)


@taken_apart(torch._pad_packed_sequence)
def _pad_packed_sequence(
    data: Any, batch_sizes: Any, batch_first: bool, padding_value: float, total_length: int
) -> Any:
    """A packed sequence has its rows step by step; a table says which goes where."""
    sizes = [int(size) for size in batch_sizes]
    steps = max(len(sizes), total_length)
    table = torch.full((steps, sizes[0]), data.shape[0])  # one past the end: the padding
    row = 0
    for step, size in enumerate(sizes):
        table[step, :size] = torch.arange(row, row + size)
        row += size
    lengths = torch.tensor([sum(size > place for size in sizes) for place in range(sizes[0])])
    padding = torch.full((1, *data.shape[1:]), padding_value, dtype=data.dtype, device=data.device)
    table = (table.T if batch_first else table).to(data.device)
    return torch.cat([data, padding])[table], lengths
