"""A physics-informed loss

A network u(x) is to obey u'' = -u. The loss holds its second derivative, so its graph has three
layers: the network's forward pass and two backward passes over the same weights. Beside it
stand the conditions u(0) = 0 and u'(0) = 1; the solution is the sine.

Source: https://arxiv.org/abs/1711.10561
Part: Derivatives of derivatives, 6
Tags: higher order, create_graph, differential equation
Root: loss
Fold: plumbing
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"


def slope(u, x):
    return torch.autograd.grad(u.sum(), x, create_graph=True)[0]


torch.manual_seed(0)
network = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1)).to(device)
x = torch.linspace(0, 3, 20, device=device).unsqueeze(1).requires_grad_()

u = network(x)
first = slope(u, x)
second = slope(first, x)

equation = ((second + u) ** 2).mean()
start = u[0].square().sum() + (first[0] - 1).square().sum()
loss = equation + start
loss.backward()

print("equation", equation.item(), "start", start.item())
