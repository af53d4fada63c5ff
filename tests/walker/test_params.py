"""Every name a person gave a tensor is shown, however they pass the names."""

import pytest
import torch

import graphviz_autograd as gva


def leaf_names(graph):
    return [node.names for node in graph.nodes if node.kind == "leaf"]


@pytest.fixture
def model():
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))


def forms(model):
    return {
        "dict": dict(model.named_parameters()),
        "pairs": list(model.named_parameters()),
        "iterator": model.named_parameters(),
        "module": model,
        "state_dict": model.state_dict(),
        "state_dict with parameters": model.state_dict(keep_vars=True),
    }


@pytest.mark.parametrize("form", forms(torch.nn.Sequential()))
def test_parameters_are_named_in_every_form(model, form):
    graph = gva.walk(model(torch.ones(4, 3)), forms(model)[form])
    assert sorted(leaf_names(graph)) == [("0.bias",), ("0.weight",), ("1.bias",), ("1.weight",)]


def test_buffers_that_an_op_saved_are_named(model):
    model.eval()
    graph = gva.walk(model(torch.ones(4, 3)), model)
    names = {node.names for node in graph.nodes if node.kind == "saved"}
    assert {("1.running_mean",), ("1.running_var",)} <= names


def test_tied_weights_show_both_names():
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    second.weight = first.weight
    model = torch.nn.Sequential(first, second)
    assert ("0.weight", "1.weight") in leaf_names(gva.walk(model(torch.ones(1, 2)), model))


def test_a_tensor_given_two_names_shows_both():
    x = torch.ones(2, requires_grad=True)
    assert leaf_names(gva.walk(x * 2, [("x", x), ("input", x)])) == [("x", "input")]
    assert "x, input" in gva.make_dot(x * 2, [("x", x), ("input", x)]).source


def test_an_intermediate_tensor_gives_its_name_to_its_op():
    x = torch.ones(2, requires_grad=True)
    hidden = x.exp()
    graph = gva.walk(hidden.sum(), {"hidden": hidden})
    assert [node.names for node in graph.nodes if node.op == "ExpBackward0"] == [("hidden",)]
    assert "ExpBackward0\nhidden" in gva.make_dot(hidden.sum(), {"hidden": hidden}).source


def test_an_output_with_a_name_shows_it_once():
    loss = torch.ones(2, requires_grad=True).sum()
    graph = gva.walk(loss, {"loss": loss})
    assert [node.names for node in graph.nodes if node.names] == [("loss",)]
    assert graph.nodes[0].kind == "output"


def test_two_leaves_on_one_storage_keep_their_own_names():
    x = torch.ones(2, requires_grad=True)
    twin = x.detach().requires_grad_()
    graph = gva.walk(x * 2 + twin * 3, {"x": x, "twin": twin}, saved=False)
    assert sorted(leaf_names(graph)) == [("twin",), ("x",)]


def test_names_known_by_object_and_by_memory_are_both_shown():
    x = torch.ones(2, requires_grad=True)
    assert leaf_names(gva.walk(x * 2, [("x", x), ("data", x.detach())])) == [("x", "data")]


def test_a_leaf_whose_data_was_replaced_is_still_one_box():
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    x.data = x.data.double()
    assert leaf_names(gva.walk(y.double() + x * 3, {"x": x})) == [("x",)]


def test_a_named_view_that_torch_has_cut_off_does_no_harm():
    b = torch.ones(4, requires_grad=True) * 1
    with torch.no_grad():
        view = b.view(2, 2)
    b.mul_(2)
    assert gva.walk(b.sum(), {"view": view}).outputs == (0,)


def test_a_tensor_without_a_name_has_none():
    assert leaf_names(gva.walk(torch.ones(2, requires_grad=True) * 2)) == [()]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"w": 3}, r"params\['w'\] is of type int, not a tensor: 3"),
        ({"w": None}, r"params\['w'\] is of type NoneType"),
        ([("w", "text")], r"params\['w'\] is of type str"),
        ({"my_extra_state": "text"}, r"params\['my_extra_state'\] is of type str"),
        ([torch.ones(2, 2)], "no .name, tensor. pair; did you mean model.named_parameters"),
        ([1, 2], "it holds 1, which is no .name, tensor. pair"),
        ("w", "not of type str"),
        (3, "not of type int"),
        (torch.ones(2), "not of type Tensor"),
    ],
)
def test_what_is_no_name_for_a_tensor_is_refused(params, says):
    with pytest.raises(TypeError, match=says):
        gva.make_dot(torch.ones(2, requires_grad=True) * 2, params)
