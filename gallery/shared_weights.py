"""One weight in two places

The matrix that turns words into vectors also turns vectors into words. It is one blue leaf with
both names and two arrows, one into EmbeddingBackward0, one through a transpose; its gradient is
the sum of what comes back along both.

Source: https://arxiv.org/abs/1608.05859
Part: What the graph keeps, 3
Tags: shared weights, embedding, language model
Fold: plumbing
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"


class Tied(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.middle = nn.Linear(width, width)
        self.score = nn.Linear(width, words, bias=False)
        self.score.weight = self.embed.weight

    def forward(self, tokens):
        return self.score(torch.tanh(self.middle(self.embed(tokens))))


torch.manual_seed(0)
model = Tied(words=10, width=4).to(device)
tokens = torch.tensor([1, 7, 3, 5], device=device)
following = torch.tensor([7, 3, 5, 2], device=device)

loss = nn.functional.cross_entropy(model(tokens), following)
loss.backward()

print("loss", loss.item())
print("parameters:", [name for name, _ in model.named_parameters()])
print("words with a gradient:", int(model.embed.weight.grad.any(dim=1).sum()))
