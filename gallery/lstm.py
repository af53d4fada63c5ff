"""An LSTM, gate by gate

Six steps of one cell; the first is open. One matrix product gives all four gates, which
SplitBackward0 parts. The state c, in the middle, goes from step to step by a multiplication and
an addition alone, so that a gradient comes back to c0 larger than to h0.

Source: https://d2l.ai/chapter_recurrent-modern/lstm.html
Part: Models, 2
Tags: d2l, recurrent, lstm
Boxes: 60
Fold: plumbing
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"


class Cell(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.gates = nn.Linear(inputs + hidden, 4 * hidden)

    def forward(self, x, h, c):
        i, f, o, g = self.gates(torch.cat([x, h], dim=1)).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


torch.manual_seed(0)
cell = Cell(inputs=3, hidden=5).to(device)
sequence = torch.randn(6, 2, 3).to(device)
h0 = torch.zeros(2, 5, device=device, requires_grad=True)
c0 = torch.zeros(2, 5, device=device, requires_grad=True)

h, c = h0, c0
for x in sequence:
    h, c = cell(x, h, c)
loss = h.pow(2).mean()
loss.backward()

print("loss", loss.item())
print("what arrives at the start", h0.grad.norm().item(), c0.grad.norm().item())
