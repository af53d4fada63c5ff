"""Detach: dividing by a constant

y has the numbers of x, the very same memory (the blue box bears both names), and none of its
history. Divided by the length of y, x has one way to the output; divided by its own length it
would have two, and another gradient.

Source: https://docs.pytorch.org/tutorials/beginner/blitz/autograd_tutorial.html (as it was in 2019)
Part: PyTorch's autograd tutorial, 5
Tags: pytorch tutorial, detach
"""

import torch

x = torch.tensor([3.0, 0.0, 4.0], requires_grad=True)

y = x.detach()
print("y.requires_grad", y.requires_grad, "equals x:", bool(x.eq(y).all()))

out = (x / y.norm()).sum()
out.backward()

print("out", out.item())
print("x.grad", x.grad)
