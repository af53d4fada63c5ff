"""A function with a loop and a branch

The loop ran ten times, so there are eleven multiplications: the graph is what happened,
not what is written. f is linear piece by piece, so its slope at a is f(a) / a.

Source: https://d2l.ai/chapter_preliminaries/autograd.html
Part: Dive into Deep Learning, 5
Tags: d2l, control flow
"""

import torch


def f(a):
    b = a * 2
    while b.norm() < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b


a = torch.tensor(0.5, requires_grad=True)
d = f(a)
d.backward()

print("d", d.item())
print("a.grad", a.grad, "equals d / a:", bool(a.grad == d / a))
