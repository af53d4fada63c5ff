"""A Hessian: the Jacobian of the gradient

Rosenbrock's valley (1 - x)² + 100(y - x²)² is lowest at (1, 1). Drawn is the graph of its
gradient; each of the two numbers stacked at its end, differentiated once more, gives a row of
the Hessian. There the gradient is zero, and the Hessian tells how the valley lies: steep
across, flat along.

Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.hessian.html
Part: Derivatives of derivatives, 4
Tags: hessian, functional, higher order
Root: gradient
"""

import torch


def valley(point):
    x, y = point
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


point = torch.tensor([1.0, 1.0], requires_grad=True)
(gradient,) = torch.autograd.grad(valley(point), point, create_graph=True)
hessian = torch.autograd.functional.hessian(valley, point)

print("the gradient is zero:", not gradient.any())
print("hessian", hessian)
