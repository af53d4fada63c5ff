"""`make_dot`: walk, transform and emit in one call, in torchviz's clothes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from graphviz_autograd.emit import dot
from graphviz_autograd.emit.digraph import Picture
from graphviz_autograd.recorder import Recording
from graphviz_autograd.transform.readable import Part, patterns, simplified
from graphviz_autograd.walker import gc_paused, walk


def make_dot(
    var: Any,
    params: Any = None,
    show_attrs: bool = False,
    show_saved: bool = False,
    max_attr_chars: int = 50,
    *,
    record: Recording | None = None,
    show_shapes: bool = False,
    show_inputs: bool = False,
    depth: int | Literal["auto"] | None = None,
    paths: Iterable[str] = (),
    max_nodes: int = 150,
    fold: bool = False,
    fold_plumbing: bool = False,
    clone_leaves: bool = False,
    focus: int | str | None = None,
    hops: int = 2,
    between: tuple[str, str] | None = None,
    only: Iterable[str] = (),
    hide: Iterable[str] = (),
    legend: bool = False,
    style: str = "default",
    theme: str = "light",
    rankdir: str = "TB",
) -> Picture:
    """Draw the autograd graph behind a tensor: torchviz's `make_dot`, same call, same picture.

    Blue boxes are leaves (tensors that requires grad, whose `.grad` backward fills), grey
    ones operations, the green one is the output (dark green what it is a view of), orange
    ones are tensors saved for backward.

    var             a tensor or any structure of tensors
    params          names for tensors: a dict, pairs, a module, a state_dict
    show_attrs      list under each op what it keeps beside tensors
    show_saved      draw the tensors that built-in ops saved (a custom Function's always are)
    max_attr_chars  characters of an attribute's value that are shown, 3 at least
    record          what `gva.record` noted: modules are frames, and each op's tooltip tells its
                    module and source line
    show_shapes     write under each op the shape of its outputs
    show_inputs     draw the tensors that need no gradient: the x of w·x. Only the graphs of
                    `graphviz_autograd.engine` know them; of torch's nothing more is drawn
    depth           draw what modules at this depth made as one box each: 0 the model, 1 the
                    modules it calls; "auto": the deepest with at most `max_nodes` boxes
    paths           of modules to draw as one box: "encoder", "layers.*"
    fold            draw equal blocks as one box: "Block ×12"
    fold_plumbing   draw accumulators with their leaves, views and copies as thin boxes
    clone_leaves    draw a leaf with four uses or more once for each of them
    focus, hops     draw what is within so many arrows of a node: its name, op or module path
    between         two names: draw what lies on a way from the first to the second
    only, hide      patterns of ops, module paths or kinds to draw alone, or not to draw
    legend          explain colours and lines below the picture
    style           "default", or "classic": leaves and ops alone, the last op green
    theme           "light", "dark", "colorblind" or a file of one's own, "mine.toml"
    rankdir         "TB" (top to bottom), "LR", "BT" or "RL"

    Returns a `graphviz.Digraph`; its `render`, `pipe`, `view` and notebook display need no
    system Graphviz.

    Raises InputTypeError (a TypeError) where there is no tensor to draw, NoGraphError (a
    ValueError) where none requires grad, OptionError (a ValueError) for an unknown style,
    theme or rankdir, or a name that is not in the graph.

    >>> import torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> dot = make_dot((w * w).sum(), params={"w": w})
    >>> dot.render("loss", format="svg", cleanup=True)  # doctest: +SKIP
    'loss.svg'
    """
    with gc_paused():  # the Graph is gone when the collector looks again
        graph = walk(
            var,
            params,
            record=record,
            shapes=show_shapes,
            attrs=show_attrs,
            saved=show_saved,
            inputs=show_inputs,
        )
        part = Part(patterns(only), patterns(hide), between, focus, hops)
        if (
            record
            or part != Part()
            or any((depth is not None, paths, fold, fold_plumbing, clone_leaves))
        ):
            graph = simplified(
                graph,
                depth=depth,
                paths=paths,
                max_nodes=max_nodes,
                fold=fold,
                fold_plumbing=fold_plumbing,
                clone_leaves=clone_leaves,
                part=part,
            )
        return dot.picture(
            graph,
            show_attrs=show_attrs,
            show_saved=show_saved,
            show_shapes=show_shapes,
            show_inputs=show_inputs,
            max_attr_chars=max_attr_chars,
            style=style,
            theme=theme,
            rankdir=rankdir,
            legend=legend,
        )
