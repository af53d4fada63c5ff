"""The same function of a negative number

The code is that of "A function with a loop and a branch", the graph is not: the sum is below
zero, so the other branch ran, and a twelfth multiplication, by 100, stands at the end.

Source: https://d2l.ai/chapter_preliminaries/autograd.html
Part: Dive into Deep Learning, 6
Tags: d2l, control flow
"""

import torch


def f(a):
    b = a * 2
    while b.norm() < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b


a = torch.tensor(-0.5, requires_grad=True)
d = f(a)
d.backward()

print("d", d.item())
print("a.grad", a.grad, "equals d / a:", bool(a.grad == d / a))
