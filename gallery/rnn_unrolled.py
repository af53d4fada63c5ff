"""Fifty steps of one cell

A loop over time leaves a graph as long as the sequence: 300 boxes, 50 times the same few
operations on the same four parameters. Equal steps are folded, "RNNCell ×50", and only the
first is open. A parameter's gradient is the sum over all of them.

Source: https://d2l.ai/chapter_recurrent-neural-networks/bptt.html
Part: Models, 3
Tags: d2l, recurrent, folded
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"

torch.manual_seed(0)
cell = nn.RNNCell(4, 8).to(device)
sequence = torch.randn(50, 2, 4).to(device)
h = torch.zeros(2, 8, device=device)

for x in sequence:
    h = cell(x, h)
loss = h.pow(2).mean()
loss.backward()

print("loss", loss.item())
print("gradient of the recurrent weight", cell.weight_hh.grad.norm().item())
