"""A vector-Jacobian product

y is x doubled until it is long enough, ten times in all, so its Jacobian is 1024 times the
identity; backward(v) multiplies that by v and never builds the Jacobian itself.

Source: https://docs.pytorch.org/tutorials/beginner/blitz/autograd_tutorial.html (as it was in 2019)
Part: PyTorch's autograd tutorial, 3
Tags: pytorch tutorial, control flow, vector-Jacobian product
"""

import torch

x = torch.tensor([1.0, -0.5, 0.25], requires_grad=True)

y = x * 2
while y.detach().norm() < 1000:
    y = y * 2

v = torch.tensor([0.1, 1.0, 0.0001])
y.backward(v)

print("y", y)
print("x.grad", x.grad)
