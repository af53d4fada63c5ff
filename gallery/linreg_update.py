"""Linear regression: the update that must not be tracked

An update is arithmetic, and autograd notes it as any other: the new w comes from a subtraction,
so it is no leaf, and the next backward would leave nothing in its grad. Changing w in place is
refused, because w is a leaf. Under no_grad nothing is noted, and w stays what it was.

Source: https://medium.com/data-science/understanding-pytorch-with-an-example-a-step-by-step-tutorial-81fc5f8c4e8e
Part: Linear regression, 2
Tags: linear regression, training, no_grad, errors
Root: new_w
"""

import torch

device = "cuda" if torch.cuda.is_available() else "cpu"

data = torch.Generator().manual_seed(42)
x = torch.rand(100, 1, generator=data)
y = 1 + 2 * x + 0.1 * torch.randn(100, 1, generator=data)
x, y = x.to(device), y.to(device)

torch.manual_seed(42)
b = torch.randn(1, requires_grad=True, device=device)
w = torch.randn(1, requires_grad=True, device=device)
lr = 0.1

loss = ((y - (b + w * x)) ** 2).mean()
loss.backward()

new_w = w - lr * w.grad
print("a new tensor: is it a leaf?", new_w.is_leaf)

try:
    w -= lr * w.grad
except RuntimeError as error:
    print("in place:", error)

with torch.no_grad():
    w -= lr * w.grad
print("under no_grad: is w a leaf?", w.is_leaf, "as new_w:", bool(w == new_w))
