"""A squared loss, differentiated by hand

A polynomial of four coefficients is to follow a sine. Each of the four has a way of its own to
the prediction; the chain rule by hand goes back along the same arrows: first 2(y_pred - y),
then times 1, x, x² or x³. Both give the same four numbers.

Source: https://docs.pytorch.org/tutorials/beginner/pytorch_with_examples.html
Part: A backward of your own, 1
Tags: pytorch tutorial, by hand
"""

import math

import torch

device = "cuda" if torch.cuda.is_available() else "cpu"

x = torch.linspace(-math.pi, math.pi, 200, device=device)
y = torch.sin(x)

torch.manual_seed(0)
a, b, c, d = (torch.randn((), device=device, requires_grad=True) for _ in range(4))

y_pred = a + b * x + c * x**2 + d * x**3
loss = (y_pred - y).pow(2).sum()
loss.backward()

with torch.no_grad():
    outer = 2 * (y_pred - y)
    by_hand = [(outer * x**power).sum() for power in range(4)]

for name, leaf, hand in zip("abcd", (a, b, c, d), by_hand, strict=True):
    print(f"{name}: autograd {leaf.grad.item():.3f}, by hand {hand.item():.3f}")
