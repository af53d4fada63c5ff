"""Detach: a value without its history

u has the value of y = x * x, but no way leads from it back to x: the picture holds one
multiplication, not two, and the gradient of z = u * x is u, not 3x².

Source: https://d2l.ai/chapter_preliminaries/autograd.html
Part: Dive into Deep Learning, 4
Tags: d2l, detach
"""

import torch

x = torch.arange(4.0, requires_grad=True)

y = x * x
u = y.detach()
z = u * x
z.sum().backward()
print("x.grad", x.grad, "equals u:", bool((x.grad == u).all()))

x.grad.zero_()
y.sum().backward()
print("x.grad", x.grad, "equals 2x:", bool((x.grad == 2 * x).all()))
