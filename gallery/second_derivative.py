"""The second derivative of x³

With create_graph=True the gradient has a graph of its own, which is drawn: 3x², a square and
what it is multiplied by. Going back through it gives 6x. At x = 2 both are 12.

Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html
Part: Derivatives of derivatives, 2
Tags: higher order, create_graph
Root: first
Show: attrs
"""

import torch

x = torch.tensor(2.0, requires_grad=True)

y = x**3
(first,) = torch.autograd.grad(y, x, create_graph=True)
(second,) = torch.autograd.grad(first, x)

print("first", first.item())
print("second", second.item())
