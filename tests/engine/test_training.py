"""Training loops as people type them, with torch.nn and torch.optim, print the same lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch as plain_torch

from graphviz_autograd import engine, walk
from graphviz_autograd.errors import InputTypeError

Program = Callable[[Any], None]


def points(torch: Any) -> tuple[Any, Any]:
    x = torch.randn(16, 4)
    return x, x @ torch.tensor([[1.0], [2.0], [-3.0], [0.5]]) + 0.1


def regression(torch: Any) -> None:
    nn = torch.nn
    x, y = points(torch)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)).to(x.device)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(3):
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(step, f"{loss.item():.5f}", model[0].weight.grad[0], model[2].bias)
    print(optimizer, loss)


def classification(torch: Any) -> None:
    class Net(torch.nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.convolution = torch.nn.Conv2d(1, 3, 3, bias=False)
            self.norm = torch.nn.BatchNorm2d(3)
            self.drop = torch.nn.Dropout(0.2)
            self.last = torch.nn.Linear(27, 5)

        def forward(self, x: Any) -> Any:
            x = torch.nn.functional.max_pool2d(torch.relu(self.norm(self.convolution(x))), 2)
            return self.last(self.drop(torch.flatten(x, 1)))

    images, labels = torch.rand(6, 1, 8, 8), torch.randint(0, 5, (6,))
    model = Net().to(images.device)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    model.train()
    for _ in range(3):
        model.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        print(f"{loss.item():.4f} {norm.item():.4f}", scheduler.get_last_lr())
    model.eval()
    with torch.no_grad():
        right = (model(images).argmax(1) == labels).float().mean().item()
    print(right, model.norm.running_mean)


def steps_by_hand(torch: Any) -> None:
    x, y = points(torch)
    model = torch.nn.Linear(4, 1).to(x.device)
    for _ in range(3):
        loss = (model(x) - y).pow(2).mean()
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.1 * parameter.grad
        print(f"{loss.item():.5f}", model.weight)


def gradients_added_up(torch: Any) -> None:
    x, y = points(torch)
    model = torch.nn.Linear(4, 1).to(x.device)
    for _ in range(2):
        (model(x) - y).abs().mean().backward()
        print(model.bias.grad)
    model.zero_grad(set_to_none=False)
    print(model.bias.grad)


def optimized_tensors(torch: Any) -> None:
    x, y = points(torch)
    for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop):
        w = torch.zeros(4, 1, requires_grad=True)
        b = torch.zeros(1, requires_grad=True)
        optimizer = kind([{"params": [w]}, {"params": b, "lr": 0.01}], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss = ((x @ w + b - y) ** 2).mean()
            loss.backward()
            optimizer.step()
        print(kind.__name__, f"{loss.item():.4f}", w, b.grad, w.is_leaf)


def with_a_closure(torch: Any) -> None:
    w = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], lr=0.5)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((w - torch.tensor([1.0, -2.0])) ** 2).sum()
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
    print(w)


def a_module_of_ones_own(torch: Any) -> None:
    class Affine(torch.nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.slope = torch.nn.Parameter(torch.full((4,), 0.5))
            self.shift = torch.nn.Parameter(torch.zeros(1))
            self.register_buffer("scale", torch.tensor(2.0))

        def forward(self, x: Any) -> Any:
            return (self.slope * x * self.scale).sum(1, keepdim=True) + self.shift

    x, y = points(torch)
    model = Affine()
    print([name for name, _ in model.named_parameters()], model.slope)
    print(isinstance(model.slope, torch.nn.Parameter), isinstance(x, torch.nn.Parameter))
    optimizer = torch.optim.AdamW(model.named_parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    print(model.slope, model.shift.grad, model.state_dict())


def text(torch: Any) -> None:
    nn = torch.nn
    tokens = torch.randint(0, 9, (2, 6))
    embedding = nn.Embedding(9, 4).to(tokens.device)
    rnn = nn.LSTM(4, 5, batch_first=True).to(tokens.device)
    head = nn.Linear(5, 9).to(tokens.device)
    parameters = [*embedding.parameters(), *rnn.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.5)
    for _ in range(2):
        states, _ = rnn(embedding(tokens[:, :-1]))
        loss = nn.functional.cross_entropy(head(states).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"{loss.item():.4f}", rnn.weight_hh_l0.grad.norm(), embedding.weight.grad[0])


def a_gradient_penalty(torch: Any) -> None:
    x, _ = points(torch)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    model.to(x.device)
    x.requires_grad_()
    out = model(x).sum()
    (slope,) = torch.autograd.grad(out, x, create_graph=True)
    penalty = slope.norm(dim=1).sub(1).square().mean()
    penalty.backward()
    print(penalty, model[0].weight.grad, model[2].bias.grad)
    grads = torch.autograd.grad(model(x).sum(), model.parameters(), retain_graph=True)
    print(grads)


def hooks_and_frozen_layers(torch: Any) -> None:
    x, _ = points(torch)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 1)).to(x.device)
    model[0].requires_grad_(False)
    model[1].bias.register_hook(lambda grad: grad * 10)
    model[1].weight.register_post_accumulate_grad_hook(lambda p: print("added", p.grad.shape))
    model(x).sum().backward()
    print(model[0].weight.grad, model[1].bias.grad, model(x).requires_grad)
    with torch.no_grad():
        print(model(x).requires_grad)
    model[1].weight.data = model[1].weight.data.double().float() * 2
    model(x).sum().backward()
    print(model[1].weight.grad)


def changed_between(torch: Any) -> None:
    scale = torch.nn.Parameter(torch.ones(3))
    y = (torch.rand(2, 3, requires_grad=True) * scale).sum()
    torch.optim.SGD([scale], lr=1.0).step()
    with torch.no_grad():
        scale.add_(1)
    y.backward()


def changed_as_a_leaf(torch: Any) -> None:
    scale = torch.nn.Parameter(torch.ones(3))
    scale *= torch.rand(3, requires_grad=True)


@pytest.mark.parametrize(
    "program",
    [
        regression,
        classification,
        steps_by_hand,
        gradients_added_up,
        optimized_tensors,
        with_a_closure,
        a_module_of_ones_own,
        text,
        a_gradient_penalty,
        hooks_and_frozen_layers,
        changed_between,
        changed_as_a_leaf,
    ],
    ids=lambda program: program.__name__,
)
def test_a_training_loop_prints_the_same_lines_on_both_engines(
    program: Program, same_lines: Any
) -> None:
    same_lines(program)


def test_a_parameter_is_one_leaf_however_often_it_is_used() -> None:
    model = plain_torch.nn.Linear(2, 2)
    graph = walk(model(model(engine.ones(1, 2))).sum(), params=model)
    leaves = [node for node in graph.nodes if node.kind == "leaf"]
    assert [leaf.names for leaf in leaves] == [("bias",), ("weight",)]
    assert all(leaf.attrs["parameter"] for leaf in leaves)


def test_what_torch_made_of_parameters_alone_is_refused() -> None:
    places = plain_torch.nn.Parameter(plain_torch.ones(5, 3))
    with pytest.raises(InputTypeError, match=r"of its parameters alone.*engine\.wrap"):
        engine.ones(2, 3, requires_grad=True) + places[:2]


def test_torchs_own_parameter_says_which_one_takes_an_engine_tensor() -> None:
    with pytest.raises(InputTypeError, match=r"engine\.nn\.Parameter"):
        plain_torch.nn.Parameter(engine.ones(2))  # type: ignore[arg-type]


def test_a_node_of_a_parameter_goes_with_its_graph() -> None:
    parameter = plain_torch.nn.Parameter(plain_torch.ones(2))
    y = engine.ones(2) * parameter
    end = y.grad_fn.next_functions[1][0]
    assert (y * parameter).grad_fn.next_functions[1][0] is end
    assert end.variable is parameter
    assert parameter.grad is None
    y.sum().backward()
    assert parameter.grad.tolist() == [1.0, 1.0]
