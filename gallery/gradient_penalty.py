"""Double backward: a penalty on the gradient

A critic should be no steeper than 1, so the loss holds its gradient with respect to the input.
On the right is that gradient: the critic's forward pass, and beside it what its backward pass
computed from the same weights. The last bias takes no part in it.

Source: https://arxiv.org/abs/1704.00028
Part: Derivatives of derivatives, 5
Tags: higher order, create_graph, gan
Root: loss
Fold: plumbing
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"

torch.manual_seed(0)
critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)).to(device)
real = torch.randn(16, 2).to(device) + 2
fake = torch.randn(16, 2).to(device)
share = torch.rand(16, 1).to(device)

between = (share * real + (1 - share) * fake).requires_grad_()
(slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
penalty = ((slope.norm(dim=1) - 1) ** 2).mean()

loss = critic(fake).mean() - critic(real).mean() + 10 * penalty
loss.backward()

print("steepness", slope.norm(dim=1).mean().item())
print("loss", loss.item())
