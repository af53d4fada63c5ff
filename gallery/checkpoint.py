"""Checkpoint: computed again instead of kept

Both halves do the same. What the second saved for backward stands there in orange with its
shape. The first is checkpointed: its orange boxes are packed, notes of how to get the numbers
back by running its forward again. The gradients are the same.

Source: https://docs.pytorch.org/docs/stable/checkpoint.html
Part: What the graph keeps, 4
Tags: checkpoint, memory, saved tensors
Show: saved
"""

import torch
from torch.utils.checkpoint import checkpoint

torch.manual_seed(0)
x = torch.randn(8, 4, requires_grad=True)


def half(x):
    return torch.tanh(x.exp())


first = checkpoint(half, x, use_reentrant=False)
loss = half(first).sum()
loss.backward()
kept = x.grad

x.grad = None
half(half(x)).sum().backward()
print("loss", loss.item())
print("the same gradient as without:", bool((kept == x.grad).all()))
