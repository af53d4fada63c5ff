"""The programs that several questions share.

Each gives an output and the module behind it, or a module and what to call it with.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

Built = tuple[torch.Tensor, nn.Module | None]
Model = tuple[nn.Module, torch.Tensor]


def chain(length: int) -> Built:
    """Additions, one after the other."""
    y = torch.ones(3, requires_grad=True)
    for _ in range(length):
        y = y + 1
    return y, None


def wide(nodes: int) -> Built:
    """Products side by side, each of two boxes."""
    x = torch.ones(2, requires_grad=True)
    return torch.stack([x * number for number in range(nodes // 2)]).sum(), None


def mlp(layers: int) -> Built:
    pairs = [layer for _ in range(layers) for layer in (nn.Linear(8, 8), nn.ReLU())]
    model = nn.Sequential(*pairs)
    return model(torch.ones(2, 8)).sum(), model


class Recurrent(nn.Module):
    """A recurrent cell, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.RNNCell(8, 8)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        state = inputs.new_zeros(inputs.shape[1:])
        for x in inputs:
            state = self.cell(x, state)
        return state


def recurrent(steps: int) -> Model:
    return Recurrent(), torch.randn(steps, 2, 8)


def unrolled(steps: int) -> Built:
    model, inputs = recurrent(steps)
    return model(inputs).sum(), model


def encoder(layers: int) -> Model:
    block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(block, layers, enable_nested_tensor=False), torch.randn(2, 4, 16)


def transformer(layers: int) -> Built:
    model, inputs = encoder(layers)
    return model(inputs).sum(), model


def dense(layers: int) -> Built:
    """Each layer reads the outputs of all before it."""
    linears = nn.ModuleList(nn.Linear(4 * (number + 1), 4) for number in range(layers))
    found = [torch.randn(2, 4)]
    for linear in linears:
        found.append(linear(torch.cat(found, 1)).relu())
    return torch.cat(found, 1).sum(), linears


class Bottleneck(nn.Module):
    """The block of ResNet-50, with few channels."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = 4 * width
        self.body = nn.Sequential(
            *(nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, after, 1, bias=False), nn.BatchNorm2d(after)),
        )
        self.around = nn.Sequential()
        if stride != 1 or before != after:
            self.around.append(nn.Conv2d(before, after, 1, stride, bias=False))
            self.around.append(nn.BatchNorm2d(after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.around(x))


def resnet(*blocks: int) -> Built:
    layers: list[nn.Module] = [nn.Conv2d(3, 4, 7, 2, 3), nn.BatchNorm2d(4), nn.MaxPool2d(3, 2, 1)]
    channels = 4
    for stage, count in enumerate(blocks):
        for number in range(count):
            stride = 2 if stage and not number else 1
            layers.append(Bottleneck(channels, 2**stage, stride))
            channels = 4 * 2**stage
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))
    return model(torch.randn(2, 3, 64, 64)).sum(), model


class Residual(nn.Module):
    """Two small layers, and a way around them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x + self.second(self.first(x).relu()).tanh()
        return result


def deep(nodes: int) -> Built:
    """A model of a hundred stages of residual blocks, about so many nodes in all."""
    stages = (nn.Sequential(*(Residual() for _ in range(nodes // 100 // 17))) for _ in range(100))
    model = nn.Sequential(*stages)
    return model(torch.randn(1, 2)).sum(), model


def bare_walk(root: Any) -> set[Any]:
    """All nodes behind one, found the cheapest way: the least that any drawing has to do."""
    seen, stack = {root}, [root]
    while stack:
        for child, _ in stack.pop().next_functions:
            if child is not None and child not in seen:
                seen.add(child)
                stack.append(child)
    return seen
