"""The shape of GPT-2

Some 600 boxes, of which one can see the plan: embeddings, a block of attention and MLP, and
eleven more of the same kind. Around both parts of a block leads a residual arrow; around all of
them one from the token embedding, whose weight also makes the scores. (The width is a sixteenth
of the original's.)

Source: https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
Part: Models, 9
Tags: transformer, attention, language model, collapsed, folded
Fold: plumbing
"""

import torch
from torch import nn

device = "cuda" if torch.cuda.is_available() else "cpu"


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.project(x).view(batch, length, 3 * self.heads, -1).transpose(1, 2)
        mixed = nn.functional.scaled_dot_product_attention(
            *parts.split(self.heads, dim=1), is_causal=True
        )
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT2(nn.Module):
    def __init__(self, words, length, width, heads, layers):
        super().__init__()
        self.tokens = nn.Embedding(words, width)
        self.positions = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, words, bias=False)
        self.scores.weight = self.tokens.weight
        nn.init.normal_(self.tokens.weight, std=0.02)

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.tokens(tokens) + self.positions(places)
        for block in self.blocks:
            x = block(x)
        return self.scores(self.norm(x))


torch.manual_seed(0)
model = GPT2(words=100, length=16, width=48, heads=12, layers=12).to(device)
text = torch.randint(100, (2, 17)).to(device)

scores = model(text[:, :-1])
loss = nn.functional.cross_entropy(scores.flatten(0, 1), text[:, 1:].flatten())
loss.backward()

print("loss", loss.item())
print("parameters", sum(parameter.numel() for parameter in model.parameters()))
