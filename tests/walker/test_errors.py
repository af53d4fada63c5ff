"""What cannot be drawn says what was given and what to check."""

import pytest
import torch

import graphviz_autograd as gva


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("loss", "got the str 'loss'"),
        (3.0, r"got the float 3.0: a Python number has no graph.*before .item\(\)"),
        (None, "got None"),
        ([], "a list with no tensor in it"),
        ({"a": 1}, "a dict with no tensor in it"),
        (torch.nn.Linear(2, 2), "a module has no graph before it is called"),
    ],
)
def test_something_that_is_no_tensor_is_a_type_error(given, says):
    for draw in (gva.make_dot, gva.walk):
        with pytest.raises(TypeError, match=says) as caught:
            draw(given)
        assert isinstance(caught.value, gva.GraphvizAutogradError)
        assert "\n" not in str(caught.value)


def under_inference():
    with torch.inference_mode():
        return torch.ones(2)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: torch.ones(2), r"does not require grad.*Check that .* requires_grad=True"),
        (lambda: torch.ones(2).long(), "int64.*only floating point and complex"),
        (under_inference, "inference_mode"),
        (lambda: {"loss": torch.ones(2)}, "output 'loss'"),
        (lambda: [torch.ones(2), torch.ones(2)], "none of the 2 outputs requires grad"),
    ],
)
def test_an_output_that_needs_no_gradient_is_a_value_error_that_says_why(make, says):
    for draw in (gva.make_dot, gva.walk):
        with pytest.raises(ValueError, match=says) as caught:
            draw(make())
        assert isinstance(caught.value, gva.GraphvizAutogradError)
        assert caught.value.exit_code == 4


def test_an_output_that_torch_has_cut_off_says_so():
    b = torch.ones(4, requires_grad=True) * 1
    part, *_ = b.unbind(0)
    b.mul_(2)
    with pytest.raises(ValueError, match="torch cannot tell how this tensor came about"):
        gva.walk(part)


def test_a_grad_fn_is_told_from_its_tensor():
    with pytest.raises(TypeError, match="a grad_fn, MulBackward0: pass the tensor"):
        gva.walk((torch.ones(2, requires_grad=True) * 2).grad_fn)


def test_gradients_switched_off_are_named_as_the_cause():
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad(), pytest.raises(ValueError, match="switched off here"):
        gva.walk(x * 2)


def test_a_tensor_inside_vmap_is_named_as_such():
    with pytest.raises(ValueError, match="inside torch.func or torch.vmap"):
        torch.vmap(lambda x: gva.walk(x * 2))(torch.ones(2, 2))
