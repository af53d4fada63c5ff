"""Meta-learning: a gradient step inside the loss

Two steps of training on one task: each is a subtraction, and the next step works with its
result. Then the loss on new data. Its gradient goes back through both steps to where they
began, and says from where two steps get far.

Source: https://arxiv.org/abs/1703.03400
Part: Derivatives of derivatives, 7
Tags: higher order, create_graph, meta-learning
Root: outer
"""

import torch

device = "cuda" if torch.cuda.is_available() else "cpu"


def error(w, b, x, y):
    return (w * x + b - y).pow(2).mean()


torch.manual_seed(0)
x, new_x = torch.randn(10).to(device), torch.randn(10).to(device)
y, new_y = 2 * x + 1, 2 * new_x + 1

start_w = torch.tensor(0.5, device=device, requires_grad=True)
start_b = torch.tensor(0.0, device=device, requires_grad=True)

w, b = start_w, start_b
for _step in range(2):
    w_grad, b_grad = torch.autograd.grad(error(w, b, x, y), (w, b), create_graph=True)
    w, b = w - 0.1 * w_grad, b - 0.1 * b_grad

outer = error(w, b, new_x, new_y)
outer.backward()

print("outer loss", outer.item())
print("start_w.grad", start_w.grad.item(), "start_b.grad", start_b.grad.item())
