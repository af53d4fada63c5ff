"""One step of a GAN: two losses

Two green boxes: what is good for one is bad for the other. The discriminator's loss calls it on
real and on made-up data, and detach keeps it from the generator. The generator's loss calls it
a third time, with no detach, and is the only one that goes on into the generator.

Source: https://arxiv.org/abs/1406.2661
Part: Models, 7
Tags: generative, gan, two losses, detach
Root: d_loss
Root: g_loss
Depth: 0
Fold: plumbing
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3)).to(device)
discriminator = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)).to(device)
real = torch.randn(16, 3).to(device) + 1
fake = generator(torch.randn(16, 2).to(device))
yes, no = torch.ones(16, 1, device=device), torch.zeros(16, 1, device=device)
judge = nn.functional.binary_cross_entropy_with_logits

d_loss = judge(discriminator(real), yes) + judge(discriminator(fake.detach()), no)
g_loss = judge(discriminator(fake), yes)

d_loss.backward()
print("the generator has no gradient yet:", generator[0].weight.grad is None)
g_loss.backward(inputs=list(generator.parameters()))

print("d_loss", d_loss.item(), "g_loss", g_loss.item())
