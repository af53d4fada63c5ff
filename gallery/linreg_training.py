"""Linear regression: the whole training loop

Drawn is one step: the mean of the squared errors, and the two leaves that are trained. Each of
the 1000 steps builds this graph anew and lets go of it. b and w end close to the 1 and 2 that
the data were made with.

Source: https://medium.com/data-science/understanding-pytorch-with-an-example-a-step-by-step-tutorial-81fc5f8c4e8e
Part: Linear regression, 1
Tags: linear regression, training
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

for _epoch in range(1000):
    yhat = b + w * x
    loss = ((y - yhat) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        b -= lr * b.grad
        w -= lr * w.grad
    b.grad.zero_()
    w.grad.zero_()

print("b", b.item(), "w", w.item())
print("loss", loss.item())
