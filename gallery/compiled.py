"""torch.compile: one box

A compiled function is traced once and then runs as a whole, forward and backward: for autograd
it is one operation, CompiledFunctionBackward. Uncompiled it has five. ("aot_eager" traces as
the default does, and needs no compiler.)

Source: https://docs.pytorch.org/docs/stable/generated/torch.compile.html
Part: What the graph keeps, 5
Tags: torch.compile
Engine: torch
"""

import torch

device = "cuda" if torch.cuda.is_available() else "cpu"


def wave(x, w):
    return (torch.sin(x * w) * torch.exp(-w)).sum()


torch.manual_seed(0)
x = torch.linspace(0, 1, 20, device=device)
w = torch.randn(20).to(device).requires_grad_()

compiled = torch.compile(wave, backend="aot_eager")
loss = compiled(x, w)
loss.backward()
grad = w.grad

w.grad = None
wave(x, w).backward()
print("loss", loss.item())
print("the same gradient as uncompiled:", torch.allclose(grad, w.grad))
