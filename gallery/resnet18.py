"""The shape of ResNet-18

A stem, four stages of two residual blocks each, and a classifier. A block's input is added to
what it makes of it, so there is always a short way back. Where the picture is halved in size,
that way around has a convolution of its own: 9 operations in place of 7. (The channels are an
eighth of the original's.)

Source: https://arxiv.org/abs/1512.03385
Part: Models, 4
Tags: convolution, residual, collapsed
Depth: 3
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.way = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.around = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.around = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        return torch.relu(self.way(x) + self.around(x))


def stage(inputs, outputs, stride):
    return nn.Sequential(Residual(inputs, outputs, stride), Residual(outputs, outputs, 1))


class ResNet18(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stages = nn.Sequential(
            stage(width, width, 1),
            stage(width, 2 * width, 2),
            stage(2 * width, 4 * width, 2),
            stage(4 * width, 8 * width, 2),
        )
        self.classify = nn.Linear(8 * width, classes)

    def forward(self, images):
        return self.classify(self.stages(self.stem(images)).mean(dim=(2, 3)))


torch.manual_seed(0)
model = ResNet18(width=8, classes=10).to(device)
images = torch.randn(2, 3, 64, 64).to(device)
labels = torch.tensor([3, 7], device=device)

loss = nn.functional.cross_entropy(model(images), labels)
loss.backward()

print("loss", loss.item())
print("parameters", sum(parameter.numel() for parameter in model.parameters()))
