"""requires_grad, switched on later

a was computed, but nothing asked for gradients then, so no operation was noted. From
requires_grad_ on it is a leaf, the blue box: the graph begins there, and the division that
made a is not in it.

Source: https://docs.pytorch.org/tutorials/beginner/blitz/autograd_tutorial.html (as it was in 2019)
Part: PyTorch's autograd tutorial, 2
Tags: pytorch tutorial, requires_grad
"""

import torch

torch.manual_seed(0)
start = torch.randn(2, 2)
a = 3 * start / (start - 1)
print("before:", a.requires_grad, a.grad_fn)

a.requires_grad_(True)
b = (a * a).sum()
print("after:", a.requires_grad, b.grad_fn.name())

b.backward()
print("a.grad equals 2a:", bool((a.grad == 2 * a).all()))
