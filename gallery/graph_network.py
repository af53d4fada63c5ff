"""A graph neural network by scatter

Five points in a row, with an arrow each way between neighbours. A layer takes the state from
where each arrow begins (IndexSelectBackward0) and adds it up where it ends (IndexAddBackward0).
After two layers a point knows of its neighbours' neighbours.

Source: https://arxiv.org/abs/1609.02907
Part: Models, 11
Tags: graph network, indexing
Fold: plumbing
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"


class Layer(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.neighbours = nn.Linear(inputs, outputs, bias=False)

    def forward(self, points, begin, end):
        messages = self.neighbours(points).index_select(0, begin)
        received = torch.zeros(len(points), messages.shape[1], device=points.device)
        return self.own(points) + received.index_add(0, end, messages)


torch.manual_seed(0)
first, second = Layer(3, 8).to(device), Layer(8, 2).to(device)
points = torch.randn(5, 3).to(device)
begin = torch.tensor([0, 1, 1, 2, 2, 3, 3, 4], device=device)
end = torch.tensor([1, 0, 2, 1, 3, 2, 4, 3], device=device)
kinds = torch.tensor([0, 0, 1, 1, 1], device=device)

scores = second(first(points, begin, end).relu(), begin, end)
loss = nn.functional.cross_entropy(scores, kinds)
loss.backward()

print("loss", loss.item())
print("arrows into each point", end.bincount().tolist())
