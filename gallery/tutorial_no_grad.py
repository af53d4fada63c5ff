"""no_grad: computed, but not noted

The square is taken twice, and there is one PowBackward0: that under no_grad left no trace. To
the gradient it is a constant, so x.grad is 2x and not 4x.

Source: https://docs.pytorch.org/tutorials/beginner/blitz/autograd_tutorial.html (as it was in 2019)
Part: PyTorch's autograd tutorial, 4
Tags: pytorch tutorial, no_grad
"""

import torch

x = torch.tensor([1.0, -0.5, 0.25], requires_grad=True)

noted = x**2
with torch.no_grad():
    unnoted = x**2
print("requires_grad:", x.requires_grad, noted.requires_grad, unnoted.requires_grad)

out = (noted + unnoted).sum()
out.backward()

print("out", out.item())
print("x.grad", x.grad)
