"""Whole modules on the engine: torch's gradients, and the module as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves

from graphviz_autograd import engine
from graphviz_autograd.errors import InputTypeError, UnsupportedOperator


class Residual(nn.Module):
    """A ResNet block, with its sum and its last ReLU in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(2))

    def forward(self, x: Any) -> Any:
        y = self.norms[0](self.first(x)).relu()
        y = self.norms[1](self.second(y))
        y += x
        return torch.relu_(y)


class Block(nn.Module):
    """A GPT of one block, its embedding tied to its head."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(11, 8), nn.Embedding(5, 8)
        self.before, self.after = nn.LayerNorm(8), nn.LayerNorm(8)
        self.attend, self.project = nn.Linear(8, 24), nn.Linear(8, 8)
        self.think = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, text: Any) -> Any:
        x = self.tokens(text) + self.places(torch.arange(text.shape[1], device=text.device))
        parts = self.attend(self.before(x)).split(8, dim=-1)
        parts = (part.view(*text.shape, 2, 4).transpose(1, 2) for part in parts)
        y = nn.functional.scaled_dot_product_attention(*parts, is_causal=True)
        x = x + self.project(y.transpose(1, 2).contiguous().view(*text.shape, 8))
        x = x + self.think(self.after(x))
        return nn.functional.cross_entropy(self.head(x).flatten(0, 1), text.flatten())


class SelfAttention(nn.Module):
    def __init__(self, weights: Any) -> None:
        super().__init__()
        self.attention, self.weights = nn.MultiheadAttention(8, 2, batch_first=True), weights

    def forward(self, x: Any) -> Any:
        result, weights = self.attention(x, x, x, need_weights=self.weights)
        return (result, weights) if self.weights else result


def encoder() -> Any:
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)


def convolutions() -> Any:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2)
    )


def upsampling() -> Any:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1, groups=1),
        nn.GroupNorm(2, 4),
        nn.SiLU(),
        nn.ConvTranspose2d(4, 2, 2, stride=2),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.AdaptiveAvgPool2d(3),
    )


MODULES = {
    "perceptron": (
        lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2)),
        (5, 3),
    ),
    "LSTM": (lambda: nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True), (2, 5, 3)),
    "LSTM with projections": (lambda: nn.LSTM(3, 4, proj_size=2), (2, 5, 3)),
    "GRU": (lambda: nn.GRU(3, 4, 2, dropout=0.5), (2, 5, 3)),
    "LSTMCell": (lambda: nn.LSTMCell(3, 4), (2, 3)),
    "attention": (lambda: SelfAttention(False), (2, 5, 8)),
    "attention with weights": (lambda: SelfAttention(True), (2, 5, 8)),
    "encoder layer in training": (encoder, (2, 5, 8)),
    "encoder layer in use": (lambda: encoder().eval(), (2, 5, 8)),
    "convolutions in training": (convolutions, (2, 3, 8, 8)),
    "convolutions in use": (lambda: convolutions().eval(), (2, 3, 8, 8)),
    "upsampling": (upsampling, (1, 3, 8, 8)),
    "ResNet block": (Residual, (2, 4, 5, 5)),
    "GPT block": (Block, None),
    "embedding bag": (lambda: nn.EmbeddingBag(11, 3, mode="mean"), None),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), (2, 3)),
}


@contextmanager
def random_numbers_seen(device: str) -> Iterator[None]:
    """cuDNN and fused attention would draw those of dropout by themselves, and others."""
    if device == "cpu":
        yield
        return
    with torch.backends.cudnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
        yield


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # torch, of itself
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", MODULES)
def test_a_module_on_the_engine_has_torchs_gradients(
    name: str, dtype: torch.dtype, device: str
) -> None:
    torch.manual_seed(0)
    make, shape = MODULES[name]
    module = make().to(device, dtype)
    data = torch.randint(11, (3, 5)) if shape is None else torch.randn(shape, dtype=dtype)
    data = data.to(device)
    state = {key: value.clone() for key, value in module.state_dict().items()}

    ours = engine.Tensor(data.clone(), requires_grad=shape is not None)
    torch.manual_seed(1)
    with engine.wrap(module) as tensors:
        results = tree_leaves(module(ours))
    slopes = [torch.randn_like(result.data) for result in results]
    engine.autograd.backward(results, slopes)
    after = {key: value.clone() for key, value in module.state_dict().items()}

    module.load_state_dict(state)
    theirs = data.clone().requires_grad_(shape is not None)
    torch.manual_seed(1)
    with random_numbers_seen(device):
        expected = tree_leaves(module(theirs))
        torch.autograd.backward(expected, slopes)
    for result, value in zip(results, expected, strict=True):
        torch.testing.assert_close(result.data, value.detach())
    for key, parameter in module.named_parameters():
        torch.testing.assert_close(tensors[key].grad.data, parameter.grad)
    if shape is not None:
        torch.testing.assert_close(ours.grad.data, theirs.grad)
    for key, value in module.state_dict().items():  # running means and the like
        torch.testing.assert_close(after[key], value)


@pytest.mark.parametrize("make", [lambda: nn.LSTM(3, 4), Block], ids=["LSTM", "tied weights"])
def test_afterwards_the_module_is_as_it_was(make: Any) -> None:
    module = make()
    before = dict(module.named_parameters(remove_duplicate=False))
    with pytest.raises(ValueError, match="inside"), engine.wrap(module):
        raise ValueError("inside")
    after = dict(module.named_parameters(remove_duplicate=False))
    assert all(after[name] is parameter for name, parameter in before.items())
    assert all(parameter.grad is None for parameter in before.values())
    if isinstance(module, nn.LSTM):
        assert all(isinstance(weight, nn.Parameter) for weight in module._flat_weights)


def test_tied_weights_are_one_tensor_and_frozen_ones_need_no_gradient() -> None:
    block = Block()
    block.places.weight.requires_grad_(False)
    tensors = engine.parameters(block)
    assert tensors["head.weight"] is tensors["tokens.weight"]
    assert not tensors["places.weight"].requires_grad
    assert tensors["head.weight"].data.data_ptr() == block.head.weight.data_ptr()


def test_functional_call_takes_tensors_that_were_computed(device: str) -> None:
    linear, x = nn.Linear(3, 2, device=device), torch.randn(4, 3, device=device)
    scale = engine.tensor(2.0, device=device, requires_grad=True)
    weight = engine.Tensor(linear.weight.detach()) * scale
    engine.functional_call(linear, x, tensors={"weight": weight}).sum().backward()
    torch.testing.assert_close(scale.grad.data, (x @ linear.weight.detach().T).sum())
    with pytest.raises(KeyError, match="no parameter 'slope'"):
        engine.functional_call(linear, (x,), tensors={"slope": weight})


def test_functional_call_passes_keywords(device: str) -> None:
    bag = nn.EmbeddingBag(5, 2, mode="sum", device=device)
    tensors = engine.parameters(bag)
    weights = engine.rand(4, requires_grad=True, device=device)
    text, starts = (torch.tensor(n, device=device) for n in ([1, 2, 2, 4], [0, 2]))
    options = {"offsets": starts, "per_sample_weights": weights}
    engine.functional_call(bag, text, options, tensors=tensors).sum().backward()
    torch.testing.assert_close(weights.grad.data, bag.weight.detach()[text].sum(1))


def test_a_second_derivative_through_a_module(device: str) -> None:
    module = convolutions().to(device, torch.float64)
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, device=device)
    with engine.wrap(module) as tensors:
        loss = module(engine.Tensor(x)).square().sum()
    (slope,) = engine.autograd.grad(loss, [tensors["0.weight"]], create_graph=True)
    slope.square().sum().backward()
    loss = module(x).square().sum()
    (slope,) = torch.autograd.grad(loss, [module[0].weight], create_graph=True)
    slope.square().sum().backward()
    for name, parameter in module.named_parameters():
        found = tensors[name].grad
        expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(
            torch.zeros_like(parameter) if found is None else found.data, expected
        )


def test_a_torch_tensor_that_requires_grad_is_refused() -> None:
    mine, theirs = engine.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    for program in (
        lambda: mine * theirs,
        lambda: theirs * mine,
        lambda: engine.ones(3) * theirs,
        lambda: torch.stack([mine, theirs]),
        lambda: nn.Linear(3, 2).weight[0] * mine,
    ):
        with pytest.raises(InputTypeError, match=r"engine\.wrap\(module\)"):
            program()
    with torch.no_grad():
        assert (mine * theirs).requires_grad


def test_what_has_no_rule_is_named() -> None:
    with pytest.raises(UnsupportedOperator, match=r"no rule for aten\.special_airy_ai\.default"):
        torch.special.airy_ai(engine.ones(2, requires_grad=True))


@pytest.mark.parametrize("batch_first", [False, True])
def test_sequences_of_several_lengths_are_packed_and_go_through_an_lstm(batch_first, device):
    torch.manual_seed(0)
    model = torch.nn.LSTM(2, 3, batch_first=batch_first).to(device, torch.float64)
    data = torch.randn((3, 4, 2) if batch_first else (4, 3, 2), dtype=torch.float64, device=device)

    def gradient(x, wanted):
        rnn = torch.nn.utils.rnn
        packed = rnn.pack_padded_sequence(x, torch.tensor([4, 2, 1]), batch_first=batch_first)
        out = model(packed)[0].data
        return wanted((out * out).sum(), x)[0]

    expected = gradient(data.clone().requires_grad_(), torch.autograd.grad)
    with engine.wrap(model):
        found = gradient(engine.Tensor(data.clone(), True), engine.autograd.grad)
    torch.testing.assert_close(found.data, expected)


rnn = nn.utils.rnn

PADDED: dict[str, Any] = {
    "sequences": lambda x: rnn.pad_sequence([x, x[:2] * 2, x[1:]]),
    "batch first": lambda x: rnn.pad_sequence([x[:1], x], batch_first=True, padding_value=3.0),
    "at the left": lambda x: rnn.pad_sequence([x[:, 0], x[:2, 0]], padding_side="left"),
    "packed": lambda x: rnn.pad_packed_sequence(
        rnn.pack_padded_sequence(x[:, None].expand(3, 2, 2), torch.tensor([3, 1]))
    )[0],
    "packed unsorted": lambda x: rnn.pad_packed_sequence(
        rnn.pack_sequence([x[:1], x, x[:2]], enforce_sorted=False),
        batch_first=True,
        padding_value=-1.0,
        total_length=5,
    )[0],
    "lengths": lambda x: x * rnn.pad_packed_sequence(rnn.pack_sequence([x, x[:2]]))[1].sum(),
}


@pytest.mark.parametrize("name", PADDED)
def test_padded_sequences_have_torchs_gradients(name: str, device: str) -> None:
    found = []
    for kit in (torch, engine):
        data = torch.arange(6.0, dtype=torch.float64, device=device).reshape(3, 2)
        x = data.requires_grad_() if kit is torch else engine.Tensor(data, True)
        y = PADDED[name](x)
        (grad,) = kit.autograd.grad((y * y * y).sum(), x)
        found.append((y.detach().data, grad.data))
    torch.testing.assert_close(*found)
