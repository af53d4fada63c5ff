"""The third derivative of x³

Drawn is the graph of the second derivative, 6x. It has the boxes of the first, for 3x² was a
power too; but the exponent is 1 now, and the factor 2. Going back through it gives 6.

Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html
Part: Derivatives of derivatives, 3
Tags: higher order, create_graph
Root: second
Show: attrs
"""

import torch

x = torch.tensor(2.0, requires_grad=True)

y = x**3
(first,) = torch.autograd.grad(y, x, create_graph=True)
(second,) = torch.autograd.grad(first, x, create_graph=True)
(third,) = torch.autograd.grad(second, x)

print("first", first.item(), "second", second.item(), "third", third.item())
