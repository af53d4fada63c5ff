"""Which tensors to walk from, where no backward call says it.

`Roots` are the expressions a person gave with `--root`. Without them, and without a
backward call, what counts is what the program left behind: the tensors in its namespace
that have a graph and feed no other of them.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Mapping, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any

from graphviz_autograd.errors import GraphvizAutogradError, NoGraphError, OptionError
from graphviz_autograd.script import variables

if TYPE_CHECKING:
    import torch

    from graphviz_autograd.graph import Graph


class Roots:
    """Expressions to evaluate in the program's namespaces.

    Raises OptionError for one that is no Python expression.
    """

    def __init__(self, expressions: tuple[str, ...]) -> None:
        self.codes = {text: _compiled(text) for text in expressions}
        self.failure: GraphvizAutogradError | None = None  # the one that says most
        self._worth = 0

    def __bool__(self) -> bool:
        return bool(self.codes)

    def find(self, spaces: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
        """The roots by expression, when every one can be drawn, each from the first space it can.

        Where one cannot, None, and `failure` says why.
        """
        found = {}
        for text, code in self.codes.items():
            for space in spaces:
                try:
                    found[text] = _evaluated(text, code, space)
                    break
                except GraphvizAutogradError as error:
                    self._note(error)
            else:
                return None
        return found

    def _note(self, error: GraphvizAutogradError) -> None:
        """A value that cannot be drawn says more than no value, and a hint more than none."""
        worth = 3 if not isinstance(error, OptionError) else 1 + ("did you mean" in str(error))
        if worth >= self._worth:
            self.failure, self._worth = error, worth


def _compiled(text: str) -> CodeType:
    try:
        return compile(text.strip(), "<root>", "eval")
    except (SyntaxError, ValueError) as error:
        why = getattr(error, "msg", error)
        raise OptionError(f"--root {text}: not a Python expression ({why})") from None


def _evaluated(text: str, code: CodeType, space: Mapping[str, Any]) -> Any:
    """The value of a root in a namespace, if it is something that can be drawn."""
    from graphviz_autograd.names import named_outputs

    try:
        value = eval(code, dict(space))
    except Exception as error:
        names = variables.shown(space)
        near = difflib.get_close_matches(getattr(error, "name", None) or "", names, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        if not hint and isinstance(error, NameError):
            hint = " where a backward call is made, nor at the script's end"
        raise OptionError(
            f"--root {text}: {type(error).__name__}: {_first_line(error)}{hint}"
        ) from None
    try:
        tensors = named_outputs(value)
    except GraphvizAutogradError as error:
        raise type(error)(f"--root {text}: {error}") from None
    if not any(tensor.requires_grad for _, tensor in tensors):
        raise NoGraphError(f"--root {text}: it does not require grad, so it has no graph")
    return value


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


# ---- what a program left behind

GONE = "those inside functions are gone by then"


def left_behind(space: Mapping[str, Any]) -> list[torch.Tensor]:
    """The tensors in a namespace that have a graph and feed no other of them.

    Those in lists, tuples, dicts and dataclasses count.
    """
    from graphviz_autograd.names import made_by
    from graphviz_autograd.walker import walk

    made = {}
    for _, tensor in _candidates(space):
        with contextlib.suppress(NoGraphError):
            if made_by(tensor) is not None:
                made[id(tensor)] = tensor
    if not made:
        return []
    tensors = list(made.values())
    graph = walk(tensors, shapes=False, attrs=False, saved=False)
    fed = _fed(graph)
    return [t for t, number in zip(tensors, graph.outputs, strict=True) if number not in fed]


def _candidates(space: Mapping[str, Any]) -> variables.Pairs:
    shown = variables.shown(space)
    return variables.tensors(shown) + variables.contained(shown)


def _fed(graph: Graph) -> set[int]:
    """The outputs whose tensor goes on into another op of the graph."""
    made_by = {}
    used = set()
    ops = {node.id for node in graph.nodes if node.kind == "op"}
    for edge in graph.edges:
        if edge.kind == "grad" and edge.target in ops:
            used.add((edge.source, edge.source_index))
        elif edge.kind == "grad":
            made_by[edge.target] = (edge.source, edge.source_index)
    return {number for number in graph.outputs if made_by.get(number) in used}


def what_was_seen(space: Mapping[str, Any]) -> str:
    """In a few words, the tensors of a namespace that holds no graph."""
    pairs = _candidates(space)
    for path, module in variables.modules(variables.shown(space)):
        pairs += variables.parameters(path, module)
    tensors = {id(tensor): tensor for _, tensor in pairs}.values()
    if not tensors:
        return f"no tensor in its variables ({GONE})"
    need = sum(tensor.requires_grad for tensor in tensors)
    if need:
        return (
            f"{_count(need, 'tensor')} {'needs' if need == 1 else 'need'} gradients, but no "
            f"variable holds what was computed from {'it' if need == 1 else 'them'} ({GONE}, and "
            "under torch.no_grad() there is no graph)"
        )
    return f"{_count(len(tensors), 'tensor')}, none requires grad"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
