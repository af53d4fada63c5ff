"""A variational autoencoder

No gradient goes through drawing a random number. So the noise is drawn apart and enters as a
constant: z = mean + noise · spread, and gradients reach the encoder by both mean and spread.
The loss has two parts: how well it rebuilds, and how far z is from normal.

Source: https://arxiv.org/abs/1312.6114
Part: Models, 6
Tags: generative, two losses
Fold: plumbing
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"

torch.manual_seed(0)
encode = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 4)).to(device)
decode = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 12)).to(device)
x = torch.rand(8, 12).to(device)
noise = torch.randn(8, 2).to(device)

mean, log_variance = encode(x).chunk(2, dim=1)
z = mean + noise * torch.exp(log_variance / 2)
rebuilt = nn.functional.binary_cross_entropy_with_logits(decode(z), x, reduction="sum")
divergence = (mean**2 + log_variance.exp() - 1 - log_variance).sum() / 2

loss = rebuilt + divergence
loss.backward()

print("rebuilding", rebuilt.item(), "divergence", divergence.item())
