"""Linear regression: the graph of a prediction

Two blue leaves, b and w, one grey multiplication, and the green addition that made yhat:
x is not there, because nothing asks for its gradient.

The article drew this with an older torchviz, which left out AccumulateGrad and the box
of the output and coloured the root's operation green; the classic style does the same.

Source: https://medium.com/data-science/understanding-pytorch-with-an-example-a-step-by-step-tutorial-81fc5f8c4e8e
Part: Linear regression, 3
Tags: linear regression, make_dot
Root: yhat
Style: classic
"""

import torch

from graphviz_autograd import make_dot

data = torch.Generator().manual_seed(42)
x = torch.rand(100, 1, generator=data)
y = 1 + 2 * x + 0.1 * torch.randn(100, 1, generator=data)

torch.manual_seed(42)
b = torch.randn(1, requires_grad=True)
w = torch.randn(1, requires_grad=True)

yhat = b + w * x
picture = make_dot(yhat)

print("b =", b.item(), "w =", w.item())
print("mean squared error", ((y - yhat) ** 2).mean().item())
