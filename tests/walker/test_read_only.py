"""Walking and drawing change nothing of the person's program."""

import copy
import gc
import weakref

import torch

import graphviz_autograd as gva


def train(steps, look):
    """A small training run; returns everything that could have been disturbed."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.Dropout(0.5),
        torch.nn.ReLU(inplace=True),
        torch.nn.Linear(8, 1),
    )
    optimizer = torch.optim.Adam(model.parameters())
    hooked = []
    model[0].weight.register_hook(lambda grad: hooked.append(grad.clone()))
    for _ in range(steps):
        x = torch.randn(16, 4)
        loss = (model(x) ** 2).mean()
        look(loss, model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return copy.deepcopy(model.state_dict()), hooked, torch.get_rng_state(), model.training


def draw_everything(loss, model):
    gva.make_dot(loss, model, show_attrs=True, show_saved=True, show_shapes=True)
    gva.walk({"loss": loss}, model).to_json()


def test_training_watched_is_bitwise_training_unwatched():
    plain, plain_hooked, plain_rng, _ = train(5, lambda loss, model: None)
    watched, watched_hooked, watched_rng, _ = train(5, draw_everything)
    assert all(torch.equal(plain[name], watched[name]) for name in plain)
    assert all(map(torch.equal, plain_hooked, watched_hooked))
    assert torch.equal(plain_rng, watched_rng)


def test_versions_gradients_and_grad_modes_stay_as_they_were():
    x = torch.ones(3, requires_grad=True)
    y = (x * 2).exp()
    before = (x._version, y._version, x.grad, y.requires_grad, torch.is_grad_enabled())
    gva.walk(y, {"x": x, "y": y})
    assert (x._version, y._version, x.grad, y.requires_grad, torch.is_grad_enabled()) == before


def test_no_tensor_is_kept_alive_not_even_until_the_collector_comes():
    x = torch.ones(3, requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        hidden = x.exp()
        y = hidden.sin()
        alive = weakref.ref(hidden.untyped_storage()), weakref.ref(y), weakref.ref(hidden)
        graph = gva.walk(y, {"hidden": hidden})
        dot = gva.make_dot(y, {"hidden": hidden}, show_saved=True)
        del hidden, y
        assert [ref() for ref in alive] == [None, None, None]
    finally:
        gc.enable()
    assert graph.nodes
    assert dot.source


def test_no_file_is_left_by_walking_and_drawing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    y = torch.ones(3, requires_grad=True).exp()
    gva.make_dot(y)._repr_mimebundle_()
    gva.walk(y)._repr_mimebundle_()
    assert not list(tmp_path.iterdir())


def test_backward_works_after_drawing_and_drawing_after_backward():
    x = torch.arange(4.0, requires_grad=True)
    y = 2 * torch.dot(x, x)
    before = gva.make_dot(y).source
    y.backward()
    assert x.grad.tolist() == [0, 4, 8, 12]
    assert gva.make_dot(y).source == before
