"""Each lesson's entry shows what the lesson speaks of: the boxes, their colours, the numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

# ---- linear regression


def test_the_prediction_has_two_parameters_a_product_and_a_green_sum(gallery: Any) -> None:
    assert gallery.boxes("linreg_yhat") == {
        ("b", "blue"): 1,
        ("w", "blue"): 1,
        ("MulBackward0", "grey"): 1,
        ("AddBackward0", "green"): 1,
    }


def test_without_a_gradient_the_box_of_b_is_gone(gallery: Any) -> None:
    assert gallery.boxes("linreg_frozen_bias") == {
        ("w", "blue"): 1,
        ("MulBackward0", "grey"): 1,
        ("AddBackward0", "green"): 1,
    }


def test_the_branch_adds_a_second_error_to_the_loss(gallery: Any) -> None:
    drawn = gallery.boxes("linreg_branch")
    assert drawn["b", "blue"] == drawn["w", "blue"] == 1
    assert drawn["MulBackward0", "grey"] == 2
    assert drawn["MeanBackward0", "grey"] == 2
    assert drawn["AddBackward0", "green"] == 1


def test_the_parameters_start_where_the_article_starts_them(gallery: Any) -> None:
    end = gallery.end("linreg_yhat")
    assert round(end["b"].item(), 4) == 0.3367
    assert round(end["w"].item(), 4) == 0.1288
    assert end["x"].shape == end["y"].shape == (100, 1)
    assert torch.allclose(end["y"], 1 + 2 * end["x"], atol=0.5)
    assert "AddBackward0" in end["picture"].source


def test_a_frozen_bias_gets_no_gradient(gallery: Any) -> None:
    end = gallery.end("linreg_frozen_bias")
    assert end["b"].grad is None
    assert end["w"].grad is not None


def test_the_loss_of_the_branch_is_both_errors(gallery: Any) -> None:
    end = gallery.end("linreg_branch")
    assert torch.allclose(end["loss"], (end["error"] ** 2).mean() + end["error2"].mean())


def test_training_comes_close_to_what_the_data_were_made_with(gallery: Any) -> None:
    drawn = gallery.boxes("linreg_training")
    assert drawn["b", "blue"] == drawn["w", "blue"] == drawn["loss", "green"] == 1
    end = gallery.end("linreg_training")
    assert end["b"].item() == pytest.approx(1, abs=0.05)
    assert end["w"].item() == pytest.approx(2, abs=0.05)


def test_an_update_that_is_tracked_is_a_subtraction_and_no_leaf(gallery: Any) -> None:
    assert gallery.boxes("linreg_update") == {
        ("w", "blue"): 1,
        ("AccumulateGrad", "grey"): 1,
        ("SubBackward0", "grey"): 1,
        ("new_w", "green"): 1,
    }
    printed = gallery.printed("linreg_update")
    assert "a leaf Variable that requires grad is being used in an in-place operation" in printed
    assert "under no_grad: is w a leaf? True as new_w: True" in printed


# ---- Dive into Deep Learning


def test_2xx_has_one_leaf_with_two_arrows_to_the_dot_product(gallery: Any) -> None:
    assert gallery.boxes("d2l_dot") == {
        ("x", "blue"): 1,
        ("AccumulateGrad", "grey"): 1,
        ("DotBackward0", "grey"): 1,
        ("MulBackward0", "grey"): 1,
        ("y", "green"): 1,
    }
    assert gallery.arrows("d2l_dot")["AccumulateGrad", "DotBackward0"] == 2


def test_the_gradient_of_2xx_is_4x(gallery: Any) -> None:
    end = gallery.end("d2l_dot")
    assert end["y"].item() == 28
    assert end["x"].grad.tolist() == [0, 4, 8, 12]


def test_the_sum_stands_alone_and_its_gradient_is_one(gallery: Any) -> None:
    drawn = gallery.boxes("d2l_sum")
    assert drawn["SumBackward0", "grey"] == drawn["total", "green"] == 1
    assert drawn["DotBackward0", "grey"] == 0
    assert gallery.end("d2l_sum")["x"].grad.tolist() == [1, 1, 1, 1]


def test_backward_from_a_vector_of_squares_is_2x(gallery: Any) -> None:
    assert gallery.boxes("d2l_vector")["MulBackward0", "grey"] == 1
    assert gallery.end("d2l_vector")["x"].grad.tolist() == [0, 2, 4, 6]


def test_what_was_detached_leaves_one_multiplication(gallery: Any) -> None:
    drawn = gallery.boxes("d2l_detach")
    assert drawn["MulBackward0", "grey"] == 1
    assert drawn["x", "blue"] == 1


def test_the_gradients_of_detach_are_u_and_then_2x(gallery: Any) -> None:
    end = gallery.end("d2l_detach")
    assert end["u"].tolist() == [0, 1, 4, 9]
    assert end["x"].grad.tolist() == [0, 2, 4, 6]
    assert "equals u: True" in gallery.printed("d2l_detach")


def test_the_loop_is_drawn_as_often_as_it_ran(gallery: Any) -> None:
    assert gallery.boxes("d2l_control_flow")["MulBackward0", "grey"] == 11
    end = gallery.end("d2l_control_flow")
    assert end["a"].grad == end["d"] / end["a"] == 2048


def test_a_negative_number_takes_the_other_branch(gallery: Any) -> None:
    """One multiplication more than for the positive one, and another slope."""
    assert gallery.boxes("d2l_control_flow_negative")["MulBackward0", "grey"] == 12
    end = gallery.end("d2l_control_flow_negative")
    assert end["a"].grad == end["d"] / end["a"] == 204800


# ---- PyTorch's tutorial


def test_the_mean_is_27_and_its_gradient_4_and_a_half(gallery: Any) -> None:
    drawn = gallery.boxes("tutorial_mean")
    assert drawn["AddBackward0", "grey"] == drawn["MeanBackward0", "grey"] == 1
    assert drawn["MulBackward0", "grey"] == 2
    assert gallery.arrows("tutorial_mean")["AddBackward0", "MulBackward0"] == 2
    end = gallery.end("tutorial_mean")
    assert end["out"].item() == 27
    assert end["x"].grad.tolist() == [[4.5, 4.5], [4.5, 4.5]]


def test_the_vector_jacobian_product_is_1024_times_v(gallery: Any) -> None:
    assert gallery.boxes("tutorial_vjp")["MulBackward0", "grey"] == 10
    end = gallery.end("tutorial_vjp")
    assert torch.allclose(end["x"].grad, torch.tensor([102.4, 1024, 0.1024]))


def test_a_tensor_that_requires_grad_later_is_the_leaf(gallery: Any) -> None:
    assert gallery.boxes("tutorial_requires_grad") == {
        ("a", "blue"): 1,
        ("AccumulateGrad", "grey"): 1,
        ("MulBackward0", "grey"): 1,
        ("SumBackward0", "grey"): 1,
        ("b", "green"): 1,
    }
    printed = gallery.printed("tutorial_requires_grad")
    assert "before: False None" in printed
    assert "after: True SumBackward0" in printed


def test_under_no_grad_there_is_no_box(gallery: Any) -> None:
    assert gallery.boxes("tutorial_no_grad")["PowBackward0", "grey"] == 1
    end = gallery.end("tutorial_no_grad")
    assert [end[name].requires_grad for name in ("x", "noted", "unnoted")] == [True, True, False]
    assert end["x"].grad.tolist() == [2, -1, 0.5]


def test_a_detached_length_is_a_constant(gallery: Any) -> None:
    assert gallery.arrows("tutorial_detach") == {
        ("", "AccumulateGrad"): 1,
        ("AccumulateGrad", "DivBackward0"): 1,
        ("DivBackward0", "SumBackward0"): 1,
        ("SumBackward0", ""): 1,
    }
    assert torch.allclose(gallery.end("tutorial_detach")["x"].grad, torch.tensor(1 / 5))


def test_by_hand_and_by_autograd_the_gradients_are_the_same(gallery: Any) -> None:
    assert gallery.leaves("manual_gradient") == {"a", "b", "c", "d"}
    end = gallery.end("manual_gradient")
    for leaf, by_hand in zip("abcd", end["by_hand"], strict=True):
        assert torch.allclose(end[leaf].grad, by_hand), leaf


def test_a_function_of_your_own_is_one_box_and_what_it_saved(gallery: Any) -> None:
    drawn = gallery.boxes("custom_function")
    assert drawn["LegendreBackward", "grey"] == drawn["inner", "orange"] == 1


def test_the_wrong_function_is_the_first_failure_and_its_leaf_fails_too(gallery: Any) -> None:
    drawn = gallery.boxes("wrong_function")
    assert drawn["CubeBackward", "failed"] == drawn["x", "failed"] == 1
    assert drawn["SinBackward0", "matched"] == drawn["ExpBackward0", "matched"] == 1
    assert "FIRST FAILURE: off by 6.3 (0.33 relative)" in gallery.labels("wrong_function")
    end = gallery.end("wrong_function")
    assert torch.allclose(end["x"].grad * 1.5, end["slope"])


# ---- the graph itself: kept, shared, changed, computed again


def test_a_graph_that_is_retained_serves_twice_and_no_third_time(gallery: Any) -> None:
    printed = gallery.printed("retain_graph")
    assert printed.splitlines()[:2] == ["once 6.0", "twice 12.0"]
    assert "Trying to backward through the graph a second time" in printed


def test_a_change_in_place_of_a_view_is_in_the_history_of_its_base(gallery: Any) -> None:
    assert gallery.boxes("inplace_view")["CopySlices", "grey"] == 1
    assert gallery.end("inplace_view")["x"].grad.tolist() == [[20, 20, 20], [2, 2, 2]]


def test_a_shared_weight_is_one_leaf_with_two_names_and_two_arrows(gallery: Any) -> None:
    shared = "model.embed.weight, model.score.weight"
    assert gallery.boxes("shared_weights")[shared, "blue"] == 1
    arrows = gallery.arrows("shared_weights")
    assert arrows["AccumulateGrad", "EmbeddingBackward0"] == 1
    assert arrows["AccumulateGrad", "TBackward0"] == 2  # one is the layer's between them


def test_a_checkpoint_packs_what_it_does_not_keep(gallery: Any) -> None:
    labels = gallery.labels("checkpoint")
    assert labels.count("packed: _Holder") == 2
    assert gallery.boxes("checkpoint")["result", "orange"] == 4
    assert "the same gradient as without: True" in gallery.printed("checkpoint")


def test_a_compiled_function_is_one_box(gallery: Any) -> None:
    drawn = gallery.boxes("compiled")
    assert drawn["CompiledFunctionBackward", "grey"] == 1
    assert {label for label, colour in drawn if colour == "grey"} == {
        "AccumulateGrad",
        "CompiledFunctionBackward",
    }
    assert "the same gradient as uncompiled: True" in gallery.printed("compiled")


# ---- derivatives of derivatives


def test_the_derivatives_of_x_cubed_at_2_are_12_12_and_6(gallery: Any) -> None:
    assert gallery.printed("second_derivative").split() == ["first", "12.0", "second", "12.0"]
    assert gallery.printed("third_derivative").split()[-1] == "6.0"
    assert "exponent: 2.0" in [_plain(line) for line in gallery.labels("second_derivative")]
    assert "exponent: 1.0" in [_plain(line) for line in gallery.labels("third_derivative")]


def _plain(line: str) -> str:
    return " ".join(line.split())


def test_a_jacobian_has_a_row_for_each_output(gallery: Any) -> None:
    assert gallery.boxes("jacobian")["f(point)", "green"] == 1
    assert gallery.arrows("jacobian")["MulBackward0", "StackBackward0"] == 1
    assert gallery.arrows("jacobian")["AddBackward0", "StackBackward0"] == 1
    assert gallery.end("jacobian")["jacobian"].tolist() == [[0, 4], [5, 1]]


def test_the_hessian_of_the_valley_is_that_of_the_books(gallery: Any) -> None:
    assert gallery.boxes("hessian")["gradient", "green"] == 1
    assert gallery.end("hessian")["hessian"].tolist() == [[802, -400], [-400, 200]]


def test_the_penalty_has_the_critics_weights_twice(gallery: Any) -> None:
    """In its forward pass, and in what its backward pass computed; but not its last bias."""
    for name in ("critic.0.weight", "critic.2.weight", "critic.0.bias", "between"):
        assert gallery.leads("gradient_penalty", name, "penalty"), name
    assert not gallery.leads("gradient_penalty", "critic.2.bias", "penalty")
    assert gallery.boxes("gradient_penalty")["TanhBackwardBackward0", "grey"] == 1


def test_the_physics_hold_two_derivatives_of_the_network(gallery: Any) -> None:
    drawn = gallery.boxes("physics_informed")
    assert drawn["TanhBackwardBackward0", "grey"] == 2
    assert {"u", "first", "second", "equation", "start"} <= set(gallery.labels("physics_informed"))


def test_the_outer_loss_goes_back_through_both_steps_of_training(gallery: Any) -> None:
    arrows = gallery.arrows("meta_learning")
    assert arrows["AccumulateGrad", "SubBackward0"] == 2  # the first step starts at the leaves
    assert arrows["SubBackward0", "SubBackward0"] >= 2  # the second at the first
    assert gallery.leaves("meta_learning") == {"start_w", "start_b"}


def test_finite_differences_say_the_same_of_the_outer_loss(gallery: Any) -> None:
    end = gallery.end("meta_learning")

    def outer(at: float) -> float:
        w, b = torch.tensor(at, requires_grad=True), torch.tensor(0.0, requires_grad=True)
        for _ in range(2):
            w_grad, b_grad = torch.autograd.grad(end["error"](w, b, end["x"], end["y"]), (w, b))
            w, b = (w - 0.1 * w_grad).detach(), (b - 0.1 * b_grad).detach()
            w.requires_grad_(), b.requires_grad_()
        return end["error"](w, b, end["new_x"], end["new_y"]).item()

    slope = (outer(0.51) - outer(0.49)) / 0.02
    assert end["start_w"].grad.item() == pytest.approx(slope, rel=1e-3)
