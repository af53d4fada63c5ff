"""Linear regression: an if in the middle of the loss

The branch makes no sense as a loss; it shows that the graph holds what really ran. Because
loss was above 0, a second error joins the first, and w is used by both.

Source: https://medium.com/data-science/understanding-pytorch-with-an-example-a-step-by-step-tutorial-81fc5f8c4e8e
Part: Linear regression, 5
Tags: linear regression, make_dot, control flow
Root: loss
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
error = y - yhat
loss = (error**2).mean()

if loss > 0:
    yhat2 = w * x
    error2 = y - yhat2
    loss += error2.mean()

picture = make_dot(loss)
print("loss", loss.item())
