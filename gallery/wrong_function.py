"""A wrong backward, and what finds it

The derivative of x³ is 3x², but this backward says 2x². Nothing complains, and training would
go on with wrong numbers. `gva verify` compares each node with the derivative of its own forward
and paints the one that differs red; the leaf's gradient is wrong with it.

Source: https://docs.pytorch.org/docs/stable/notes/extending.html
Part: A backward of your own, 3
Tags: custom function, verify, errors
Fails: CubeBackward
"""

import torch


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 * x**2


x = torch.tensor([0.5, 1.0, 1.5], dtype=torch.float64, requires_grad=True)

loss = Cube.apply(x.exp()).sin().sum()
loss.backward()

step = 1e-6
with torch.no_grad():
    up, down = ((x + way).exp().pow(3).sin() for way in (step, -step))
    slope = (up - down) / (2 * step)

print("x.grad", x.grad)
print("finite differences", slope)
