"""The same graph, twice

Backward frees what operations saved, here x itself, so a graph serves once, unless retain_graph
says that it is needed again. Gradients add up: 6 after the first time, 12 after the second. The
third is refused.

Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.backward.html
Part: What the graph keeps, 1
Tags: retain_graph, saved tensors, errors
Show: saved
"""

import torch

x = torch.tensor(3.0, requires_grad=True)
y = x**2

y.backward(retain_graph=True)
print("once", x.grad.item())

y.backward()
print("twice", x.grad.item())

try:
    y.backward()
except RuntimeError as error:
    print("a third time:", str(error).split(".")[0])
