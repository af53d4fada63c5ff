"""Changing a part of a tensor in place

row is a view of y: both share memory. Multiplying row in place changes y, and so the history of
y: it comes from CopySlices now, which lays the new row over what was there. The first row's
gradient is ten times that of the second.

Source: https://docs.pytorch.org/docs/stable/notes/autograd.html
Part: What the graph keeps, 2
Tags: in-place, views
"""

import torch

x = torch.ones(2, 3, requires_grad=True)

y = 2 * x
print("before:", y.grad_fn.name())

row = y[0]
row.mul_(10)
print("after:", y.grad_fn.name())

total = y.sum()
total.backward()
print("x.grad", x.grad)
