"""make_dot is a drop-in for torchviz: the same call, the same picture where that is right."""

import collections
import re
import warnings

import pytest
import torch

import graphviz_autograd as gva

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import torchviz

pytestmark = pytest.mark.filterwarnings("ignore:distutils")  # torchviz asks it for versions

STATEMENT = re.compile(r"^\t(.*?)\n(?=\t|\})", re.DOTALL | re.MULTILINE)
NODE = re.compile(r'(\d+) \[label=("(?:[^"\\]|\\.)*"|\w+)(?: fillcolor="?([\w#]+)"?)?\]', re.DOTALL)
EDGE = re.compile(r"(\d+) -> (\d+)")


def picture(dot):
    """The boxes as (first line of the label, colour), and the arrows between such, counted."""
    boxes, arrows = {}, []
    for statement in STATEMENT.findall(dot.source):
        if edge := EDGE.match(statement):
            arrows.append(edge.groups())
        elif node := NODE.fullmatch(statement):
            name, label, colour = node.groups()
            boxes[name] = (label.strip('"').split("\n")[0], colour)
    assert boxes
    return (
        collections.Counter(boxes.values()),
        collections.Counter((boxes[a], boxes[b]) for a, b in arrows),
    )


def leaf(*shape):
    return torch.ones(*shape, requires_grad=True)


def mlp():
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    return model(torch.randn(1, 8)).mean(), dict(model.named_parameters())


def double_backprop():
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    x = torch.randn(1, 8, requires_grad=True)
    [grad] = torch.autograd.grad(model(x).mean(), x, create_graph=True)
    return (grad.norm() - 1) ** 2, {"x": x, **dict(model.named_parameters())}


def lstm_cell():
    cell = torch.nn.LSTMCell(4, 4)
    return cell(torch.randn(2, 4)), dict(cell.named_parameters())


def linear_regression():
    w, b = leaf(1), leaf(1)
    x, y = torch.rand(100, 1), torch.rand(100, 1)
    return ((b + w * x - y) ** 2).mean(), {"w": w, "b": b}


def residual_block():
    conv = torch.nn.Conv2d(3, 3, 3, padding=1)
    norm = torch.nn.BatchNorm2d(3)
    x = torch.rand(2, 3, 8, 8, requires_grad=True)
    return torch.relu(norm(conv(x)) + x), {"x": x, **dict(conv.named_parameters())}


def view_output():
    return (leaf(4) * 2).view(2, 2), None


def view_of_a_leaf():
    x = leaf(4)
    return x.view(2, 2), {"x": x}


def tuple_output():
    return (leaf(4) * 2).chunk(2), None


def leaf_output():
    x = leaf(2)
    return (x * 2, x), {"x": x}


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        result = x * y
        ctx.save_for_backward(x, result)
        return result

    @staticmethod
    def backward(ctx, grad):
        x, _ = ctx.saved_tensors
        return grad, grad * x


def custom_function():
    x = leaf(4) * 2
    return Product.apply(x, leaf(4) * 3).sum(), {"x": x}


def transformer_layer():
    layer = torch.nn.TransformerEncoderLayer(8, 2)
    return layer(torch.randn(3, 1, 8)), dict(layer.named_parameters())


def in_place():
    y = leaf(4).clone()
    y[0] = 1
    return y.sum(), None


PROGRAMS = [
    mlp,
    double_backprop,
    lstm_cell,
    linear_regression,
    residual_block,
    view_output,
    view_of_a_leaf,
    tuple_output,
    leaf_output,
    custom_function,
    transformer_layer,
    in_place,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_the_picture_equals_torchvizs(program):
    outputs, params = program()
    assert picture(gva.make_dot(outputs, params)) == picture(torchviz.make_dot(outputs, params))


@pytest.mark.parametrize("program", [mlp, transformer_layer], ids=lambda p: p.__name__)
def test_the_attribute_tables_equal_torchvizs(program):
    outputs, params = program()

    def tables(dot):
        found = [text for text in STATEMENT.findall(dot.source) if "-----" in text]
        return collections.Counter(text.split("[label=")[1] for text in found)

    ours = tables(gva.make_dot(outputs, params, show_attrs=True, max_attr_chars=12))
    theirs = tables(torchviz.make_dot(outputs, params, show_attrs=True, max_attr_chars=12))
    unsigned = {text for text in theirs if "18446744" in text}  # torch's -1, left unread there
    assert ours
    assert {text: n for text, n in theirs.items() if text not in unsigned}.items() <= ours.items()


def test_saved_tensors_are_drawn_on_request():
    outputs, params = mlp()
    ours = picture(gva.make_dot(outputs, params, show_saved=True))[0]
    theirs = picture(torchviz.make_dot(outputs, params, show_saved=True))[0]
    # Tanh's result and the next layer's input are one tensor: one box here, two there.
    orange = "orange"
    assert theirs - ours == collections.Counter({("result", orange): 1, ("mat1", orange): 1})
    assert ours - theirs == collections.Counter({("mat1, result", orange): 1})


def test_what_built_in_ops_saved_is_not_drawn_unasked_not_even_to_a_leaf():
    x = leaf(4)
    graph = gva.walk(torch.dot(x, x), {"x": x})
    assert "dir=none" not in graph.to_dot()
    assert "dir=none constraint=false" in graph.to_dot(show_saved=True)
    assert graph.to_dot(show_shapes=False) == gva.make_dot(torch.dot(x, x), {"x": x}).source


def test_arguments_may_be_given_by_position_as_torchviz_takes_them():
    outputs, params = mlp()
    by_position = gva.make_dot(outputs, params, True, True, 20).source
    by_name = gva.make_dot(
        var=outputs, params=params, show_attrs=True, show_saved=True, max_attr_chars=20
    ).source
    assert by_position == by_name


def test_long_attributes_are_cut_to_the_number_of_characters_asked_for():
    [text] = re.findall(
        r"self_sym_sizes: .*", gva.make_dot(leaf(2, 3, 4, 5).sum(), None, True, False, 6).source
    )
    assert text == 'self_sym_sizes: (2,..."]'


def test_operands_of_a_subtraction_are_numbered_and_those_of_a_sum_are_not():
    x, y = leaf(1), leaf(1)
    assert 'headlabel="1"' in gva.make_dot(x - y).source
    assert 'headlabel="0"' in gva.make_dot(x - y).source
    assert "headlabel" not in gva.make_dot(x + y).source


def test_outputs_of_an_op_with_several_are_numbered():
    first, _, third = leaf(3).unbind()
    source = gva.make_dot(first + third).source
    assert 'taillabel="0"' in source
    assert 'taillabel="2"' in source


def test_classic_style_draws_the_three_boxes_of_the_article():
    b, w = leaf(1), leaf(1)
    boxes, arrows = picture(gva.make_dot(b + w * torch.rand(80, 1), style="classic"))
    blue, grey, green = (
        ("", "lightblue"),
        ("MulBackward0", None),
        ("AddBackward0", "darkolivegreen1"),
    )
    assert boxes == {blue: 2, grey: 1, green: 1}
    assert arrows == {(blue, grey): 1, (grey, green): 1, (blue, green): 1}


def test_classic_style_without_gradients_for_b_has_no_box_for_it():
    w = leaf(1)
    boxes, _ = picture(gva.make_dot(torch.ones(1) + w * torch.rand(80, 1), style="classic"))
    assert boxes[("", "lightblue")] == 1


def test_classic_style_keeps_the_names():
    b, w = leaf(1), leaf(1)
    yhat = b + w * torch.rand(80, 1)
    boxes, _ = picture(gva.make_dot(yhat, {"b": b, "w": w, "yhat": yhat}, style="classic"))
    assert {label for label, _ in boxes} == {"b", "w", "MulBackward0", "AddBackward0"}
    named = gva.make_dot(yhat, {"yhat": yhat}, style="classic").source
    assert 'label="AddBackward0\nyhat" fillcolor="darkolivegreen1"' in named


def test_classic_style_of_a_leaf_alone_is_that_box():
    assert picture(gva.make_dot(leaf(2), style="classic"))[0] == {("", "darkolivegreen1"): 1}


def test_one_pattern_needs_no_list():
    y = leaf(2).exp().view(1, 2).sum()
    for options in ({"hide": "View*"}, {"only": "op:*"}, {"hide": None}):
        listed = {name: [pattern] if pattern else [] for name, pattern in options.items()}
        assert gva.make_dot(y, **options).source == gva.make_dot(y, **listed).source
    assert "ViewBackward0" not in gva.make_dot(y, hide="View*").source


def test_shapes_are_written_on_request():
    x = leaf(2, 3)
    assert "SumBackward1\n(3)" in gva.make_dot(x.sum(0), show_shapes=True).source
    assert "SumBackward1\n" not in gva.make_dot(x.sum(0)).source


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"style": "clasic"}, "style is one of default, classic.*did you mean 'classic'"),
        ({"theme": "drak"}, "theme is one of light, dark, colorblind.*did you mean 'dark'"),
        ({"rankdir": "XY"}, "rankdir is one of TB, LR, BT, RL, not 'XY'"),
        ({"between": "x"}, "between takes two names, from and to, not 'x'"),
        ({"between": ("x", "y", "z")}, "between takes two names"),
        ({"paths": [3]}, "a module is asked for by its path, not by 3"),
        ({"depth": "auto", "max_nodes": "few"}, "max_nodes is at least 1, not 'few'"),
        ({"focus": torch.ones(2, 2)}, "not by what is of type Tensor$"),
    ],
)
def test_an_unknown_option_lists_the_valid_ones(options, says):
    with pytest.raises(ValueError, match=says):
        gva.make_dot(leaf(1) * 2, **options)


def test_themes_and_directions_change_the_looks_alone():
    y = leaf(2).exp()
    plain = picture(gva.make_dot(y, {"y": y}))
    for options in ({"rankdir": "LR"}, {"theme": "dark"}, {"theme": "colorblind"}):
        dot = gva.make_dot(y, {"y": y}, **options)
        assert dot.source != gva.make_dot(y, {"y": y}).source
        assert picture(dot)[0].total() == plain[0].total()
