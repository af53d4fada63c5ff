"""A scalar from a vector: y = 2xᵀx

x enters the dot product twice, so two arrows lead from one leaf into DotBackward0; the
gradient that comes back along both is 4x.

Source: https://d2l.ai/chapter_preliminaries/autograd.html
Part: Dive into Deep Learning, 1
Tags: d2l, first steps
"""

import torch

x = torch.arange(4.0, requires_grad=True)

y = 2 * torch.dot(x, x)
y.backward()

print("y", y.item())
print("x.grad", x.grad)
