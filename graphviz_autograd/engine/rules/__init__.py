"""The rules, by kind of operator. Importing them puts them into the table."""

from graphviz_autograd.engine.rules import (
    activations,
    chance,
    choosing,
    complex_numbers,
    elementwise,
    factorisations,
    fft,
    indexing,
    linalg,
    nn,
    nn_conv,
    nn_loss,
    reductions,
    shapes,
    special,
)

__all__ = [
    "activations",
    "chance",
    "choosing",
    "complex_numbers",
    "elementwise",
    "factorisations",
    "fft",
    "indexing",
    "linalg",
    "nn",
    "nn_conv",
    "nn_loss",
    "reductions",
    "shapes",
    "special",
]
