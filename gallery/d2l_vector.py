"""Backward from a vector

y has four elements, so backward asks with which weights they count. With ones the answer
is the gradient of y.sum(), which is 2x.

Source: https://d2l.ai/chapter_preliminaries/autograd.html
Part: Dive into Deep Learning, 3
Tags: d2l, vector-Jacobian product
"""

import torch

x = torch.arange(4.0, requires_grad=True)

y = x * x
y.backward(gradient=torch.ones(len(y)))

print("x.grad", x.grad)
