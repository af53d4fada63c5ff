"""Scaled dot-product attention, written out

Three projections of the same x. Queries and keys meet in the first BmmBackward0, are scaled,
masked and made into weights by softmax; the second takes the weights to the values. A word
knows nothing of those after it: their weights are zero.

Source: https://d2l.ai/chapter_attention-mechanisms-and-transformers/attention-scoring-functions.html
Part: Models, 8
Tags: d2l, attention, transformer
Fold: plumbing
"""

import math

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)

    def forward(self, x, mask):
        query, key, value = self.query(x), self.key(x), self.value(x)
        scores = query @ key.transpose(1, 2) / math.sqrt(x.shape[-1])
        weights = scores.masked_fill(mask, -math.inf).softmax(dim=-1)
        return weights @ value, weights


torch.manual_seed(0)
attention = Attention(width=8).to(device)
x = torch.randn(2, 5, 8).to(device)
future = torch.ones(5, 5, dtype=torch.bool, device=device).triu(1)

out, weights = attention(x, future)
loss = out.pow(2).mean()
loss.backward()

print("loss", loss.item())
print("the weights of the third word", weights[0, 2].detach())
