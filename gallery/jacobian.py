"""A Jacobian, row by row

f takes two numbers to two: (x²y, 5x + sin y). Backward from one of them gives one row of the
Jacobian, so this graph is gone through twice, each time from another of the two that are
stacked at its end.

Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.jacobian.html
Part: Derivatives of derivatives, 1
Tags: jacobian, functional
Root: f(point)
"""

import torch


def f(point):
    x, y = point
    return torch.stack([x**2 * y, 5 * x + torch.sin(y)])


point = torch.tensor([2.0, 0.0], requires_grad=True)
jacobian = torch.autograd.functional.jacobian(f, point)

print(jacobian)
