"""A function with a backward of your own

P3 is the Legendre polynomial (5x³ - 3x)/2. What its forward does is one box, LegendreBackward,
and on the way back torch calls the backward that stands in the class. Orange is the input,
which forward saved for it.

Source: https://docs.pytorch.org/tutorials/beginner/examples_autograd/polynomial_custom_function.html
Part: A backward of your own, 2
Tags: pytorch tutorial, custom function
"""

import math

import torch

device = "cuda" if torch.cuda.is_available() else "cpu"


class Legendre(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (5 * x**3 - 3 * x) / 2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (15 * x**2 - 3) / 2


x = torch.linspace(-math.pi, math.pi, 200, device=device)
y = torch.sin(x)

a = torch.tensor(0.0, device=device, requires_grad=True)
b = torch.tensor(-1.0, device=device, requires_grad=True)
c = torch.tensor(0.0, device=device, requires_grad=True)
d = torch.tensor(0.3, device=device, requires_grad=True)

inner = c + d * x
y_pred = a + b * Legendre.apply(inner)
loss = (y_pred - y).pow(2).sum()
loss.backward()

print("loss", round(loss.item(), 3))
print("b.grad", round(b.grad.item(), 3), "d.grad", round(d.grad.item(), 3))
