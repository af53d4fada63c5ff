"""Start again: the gradient of a sum

The graph of the sum knows nothing of the dot product before it, but x.grad does: gradients
add up there until zero_() empties it. The gradient of a sum is 1 for every element.

Source: https://d2l.ai/chapter_preliminaries/autograd.html
Part: Dive into Deep Learning, 2
Tags: d2l, first steps
Root: total
"""

import torch

x = torch.arange(4.0, requires_grad=True)

y = 2 * torch.dot(x, x)
y.backward()
x.grad.zero_()

total = x.sum()
total.backward()

print("x.grad", x.grad)
