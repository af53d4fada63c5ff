"""The models: each picture shows the model's plan."""

from __future__ import annotations

from typing import Any

import torch


def test_a_perceptron_has_a_frame_for_each_layer(gallery: Any) -> None:
    assert gallery.frames("mlp") == ["Sequential net", "Linear net.3", "ReLU net.2", "Linear net.1"]
    drawn = gallery.boxes("mlp")
    assert drawn["AddmmBackward0", "grey"] == 2
    assert drawn["net.1.weight", "blue"] == drawn["net.3.bias", "blue"] == 1
    assert "parameters 203530" in gallery.printed("mlp")


def test_an_lstm_shows_one_step_and_a_pile_of_five(gallery: Any) -> None:
    assert "Cell ×6 cell" in gallery.frames("lstm")
    drawn = gallery.boxes("lstm")
    assert drawn["5 more", "yellow"] == 1
    assert drawn["SigmoidBackward0", "grey"] == 3
    assert drawn["TanhBackward0", "grey"] == 2
    end = gallery.end("lstm")
    assert end["c0"].grad.norm() > end["h0"].grad.norm()


def test_fifty_steps_are_one_step_and_a_pile_of_49(gallery: Any) -> None:
    assert gallery.frames("rnn_unrolled")[0] == "RNNCell ×50 cell"
    drawn = gallery.boxes("rnn_unrolled")
    assert drawn["49 more", "yellow"] == 1
    assert drawn.total() <= 15
    assert sum(node.op == "TanhBackward0" for node in gallery.graph("rnn_unrolled").nodes) == 50


def test_a_resnet_is_a_stem_eight_blocks_and_a_classifier(gallery: Any) -> None:
    drawn = gallery.boxes("resnet18")
    assert drawn["Residual", "yellow"] == 8
    assert (
        drawn["Conv2d", "yellow"] == drawn["MaxPool2d", "yellow"] == drawn["Linear", "yellow"] == 1
    )
    labels = gallery.labels("resnet18")
    assert sum(label.endswith("9 ops") for label in labels) == 3  # a convolution on the way around


def test_a_unet_lays_two_levels_beside_what_comes_up(gallery: Any) -> None:
    drawn = gallery.boxes("unet")
    assert drawn["CatBackward0", "grey"] == drawn["ConvTranspose2d", "yellow"] == 2
    assert drawn["Twice", "yellow"] == 5


def test_the_noise_of_a_vae_has_no_box_and_its_encoder_gets_a_gradient(gallery: Any) -> None:
    assert not [label for label in gallery.labels("vae") if "noise" in label]
    assert gallery.leads("vae", "encode.0.weight", "z")
    assert gallery.leads("vae", "encode.0.weight", "divergence")
    assert gallery.end("vae")["encode"][0].weight.grad.any()


def test_a_gan_has_two_losses_and_one_of_them_reaches_the_generator(gallery: Any) -> None:
    drawn = gallery.boxes("gan")
    assert drawn["d_loss", "green"] == drawn["g_loss", "green"] == 1
    assert drawn["Sequential", "yellow"] == 4
    assert gallery.leads("gan", "generator.0.weight", "g_loss")
    assert not gallery.leads("gan", "generator.0.weight", "d_loss")
    assert gallery.leads("gan", "discriminator.0.weight", "d_loss")
    assert "the generator has no gradient yet: True" in gallery.printed("gan")


def test_attention_is_two_products_with_a_softmax_between(gallery: Any) -> None:
    drawn = gallery.boxes("attention")
    assert drawn["BmmBackward0", "grey"] == 2
    assert drawn["MaskedFillBackward0", "grey"] == drawn["SoftmaxBackward0", "grey"] == 1
    weights = gallery.end("attention")["weights"]
    assert torch.allclose(weights.sum(-1), weights.new_ones(2, 5))
    assert not weights[:, 0, 1:].any()


def test_gpt2_is_twelve_blocks_of_which_one_is_seen(gallery: Any) -> None:
    assert "Block ×12 model.blocks.{0..11}" in gallery.frames("gpt2")
    drawn = gallery.boxes("gpt2")
    assert drawn["11 more", "yellow"] == 1
    assert drawn["model.tokens.weight, model.scores.weight", "blue"] == 1
    assert drawn.total() <= 40
    attention = [n for n in gallery.graph("gpt2").nodes if n.op.startswith("ScaledDotProduct")]
    assert len(attention) == 12


def test_each_row_goes_to_two_experts(gallery: Any) -> None:
    drawn = gallery.boxes("mixture_of_experts")
    assert drawn["TopkBackward0", "grey"] == 1
    assert drawn["IndexAddBackward0", "grey"] == 4
    end = gallery.end("mixture_of_experts")
    assert end["chosen"].shape == (10, 2)
    assert all(expert.weight.grad.any() for expert in end["model"].experts)
    assert end["model"].gate.weight.grad.any()


def test_a_graph_network_gathers_and_scatters_in_each_layer(gallery: Any) -> None:
    arrows = gallery.arrows("graph_network")
    assert arrows["IndexSelectBackward0", "IndexAddBackward0"] == 2
    assert arrows["IndexAddBackward0", "AddBackward0"] == 2
