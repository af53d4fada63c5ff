"""A U-Net

A way down through smaller and smaller pictures, and up again. What each level found on the way
down is laid beside what comes up (CatBackward0): by these long arrows gradients reach the first
layers without the detour through the bottom.

Source: https://arxiv.org/abs/1505.04597
Part: Models, 5
Tags: convolution, skip connections, collapsed
Depth: 1
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"


class Twice(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.ReLU(),
        )


class UNet(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.down1, self.down2 = Twice(1, width), Twice(width, 2 * width)
        self.bottom = Twice(2 * width, 4 * width)
        self.rise2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.up2 = Twice(4 * width, 2 * width)
        self.rise1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.up1 = Twice(2 * width, width)
        self.score = nn.Conv2d(width, 1, 1)
        self.halve = nn.MaxPool2d(2)

    def forward(self, x):
        level1 = self.down1(x)
        level2 = self.down2(self.halve(level1))
        x = self.bottom(self.halve(level2))
        x = self.up2(torch.cat([level2, self.rise2(x)], dim=1))
        x = self.up1(torch.cat([level1, self.rise1(x)], dim=1))
        return self.score(x)


torch.manual_seed(0)
model = UNet(width=4).to(device)
image = torch.rand(1, 1, 16, 16).to(device)
mask = (image > 0.5).float()

loss = nn.functional.binary_cross_entropy_with_logits(model(image), mask)
loss.backward()

print("loss", loss.item())
