"""A mixture of experts

A gate scores four experts for each row, and the best two of them work on it. Each expert sees
its own rows alone, and IndexAddBackward0 lays its answer where they belong. The gate learns
through the weights of the chosen two, which is the way down in the middle.

Source: https://arxiv.org/abs/1701.06538
Part: Models, 10
Tags: mixture of experts, indexing
Fold: plumbing
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"


class Mixture(nn.Module):
    def __init__(self, width, experts, best):
        super().__init__()
        self.best = best
        self.gate = nn.Linear(width, experts)
        self.experts = nn.ModuleList(nn.Linear(width, width) for _ in range(experts))

    def forward(self, x):
        scores, chosen = self.gate(x).topk(self.best, dim=1)
        shares = scores.softmax(dim=1)
        out = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            rows, place = (chosen == number).nonzero(as_tuple=True)
            out = out.index_add(0, rows, shares[rows, place, None] * expert(x[rows]))
        return out, chosen


torch.manual_seed(0)
model = Mixture(width=6, experts=4, best=2).to(device)
x = torch.randn(10, 6).to(device)

out, chosen = model(x)
loss = out.pow(2).mean()
loss.backward()

print("loss", loss.item())
print("rows for each expert", chosen.flatten().bincount(minlength=4).tolist())
