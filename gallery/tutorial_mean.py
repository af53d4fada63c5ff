"""The mean of 3(x + 2)²

Follow the arrows down: an addition, a square, a multiplication, a mean. At x = 1 the mean
is 27, and each of the four elements has the gradient 3(x + 2)/2 = 4.5.

The square is y * y: both arrows into MulBackward0 come from the same addition.

Source: https://docs.pytorch.org/tutorials/beginner/blitz/autograd_tutorial.html (as it was in 2019)
Part: PyTorch's autograd tutorial, 1
Tags: pytorch tutorial, first steps
"""

import torch

x = torch.ones(2, 2, requires_grad=True)

y = x + 2
z = y * y * 3
out = z.mean()
out.backward()

print("out", out.item())
print("x.grad", x.grad)
