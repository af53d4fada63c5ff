"""Linear regression: a parameter that asks for no gradient

The same prediction as before, but b does not require a gradient, so its box is gone: the
graph holds only what gradients flow to.

Source: https://medium.com/data-science/understanding-pytorch-with-an-example-a-step-by-step-tutorial-81fc5f8c4e8e
Part: Linear regression, 4
Tags: linear regression, make_dot, requires_grad
Root: yhat
Style: classic
"""

import torch

from graphviz_autograd import make_dot

data = torch.Generator().manual_seed(42)
x = torch.rand(100, 1, generator=data)
y = 1 + 2 * x + 0.1 * torch.randn(100, 1, generator=data)

torch.manual_seed(42)
b = torch.randn(1)
w = torch.randn(1, requires_grad=True)

yhat = b + w * x
picture = make_dot(yhat)

loss = ((y - yhat) ** 2).mean()
loss.backward()
print("b.grad", b.grad, "w.grad", w.grad)
