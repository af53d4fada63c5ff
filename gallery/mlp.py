"""A multilayer perceptron

Two linear layers with a ReLU between them, each in a frame. AddmmBackward0 is a whole linear
layer: bias (0), input (1) and transposed weight (2). In the first there is no arrow 1, for the
images need no gradient.

Source: https://d2l.ai/chapter_multilayer-perceptrons/mlp-implementation.html
Part: Models, 1
Tags: d2l, modules, mlp
Fold: plumbing
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"

torch.manual_seed(0)
net = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
images = torch.rand(16, 1, 28, 28).to(device)
labels = torch.randint(10, (16,)).to(device)

loss = nn.functional.cross_entropy(net(images), labels)
loss.backward()

print("loss", loss.item())
print("parameters", sum(parameter.numel() for parameter in net.parameters()))
