"""`verify`: is this gradient right, and if not, where does it go wrong?

Here is what a person calls: a function or a module is run on copies, or a graph that a
Tape has recorded being built is taken as it is; both are examined, on each device, and the
findings become a Report.

May import the walker, names, graph and errors, and everything of this room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from graphviz_autograd.errors import OptionError
from graphviz_autograd.graph import Graph
from graphviz_autograd.names import named_outputs
from graphviz_autograd.verification.across import Result, across
from graphviz_autograd.verification.compare import Tolerance
from graphviz_autograd.verification.examine import Options, examine, numbers_in
from graphviz_autograd.verification.outcome import FAILED
from graphviz_autograd.verification.report import Check, Report
from graphviz_autograd.verification.subject import Ran, Subject, run_subject
from graphviz_autograd.verification.tape import Tape
from graphviz_autograd.walker import gc_paused, walk

AGAINST = ("torch", "numeric")


def verify(
    fn_or_module: Any,
    *inputs: Any,
    kwargs: Mapping[str, Any] | None = None,
    devices: Sequence[str] | None = None,
    dtype: torch.dtype | None = None,
    order: int = 1,
    against: Sequence[str] = ("torch",),
    cotangent: Any = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int | None = None,
    allow: Sequence[str] = (),
) -> Report:
    """Check the gradients of a computation, node by node and as a whole.

    fn_or_module  a function of tensors, a module (its parameters are leaves too), or a
                  function without arguments over tensors that are there already
    inputs        what to call it with, nested as it takes them; gradients are checked for
                  those that require grad
    kwargs        more of them, by name, as {"mask": mask}
    devices       where to run it; by default on the CPU, and on CUDA where there is one
    dtype         in which dtype, as torch.float64; by default as the tensors are
    order         1, or 2 for gradients of gradients too
    against       "torch": torch.autograd beside the engine; "numeric": finite differences too
    cotangent     what to start backward from, like the outputs; by default random numbers
    rtol, atol    how far apart two numbers may be; by default as torch.testing has it
    seed          of the random numbers that the computation draws: dropout needs one
    allow         names of nodes, or of Functions, that may differ (a straight-through gradient)

    Tensors, module, `.grad`, random numbers and buffers are as before afterwards.

    Raises InputTypeError where nothing requires grad or no tensor comes out, and OptionError
    for an option's unknown value and for what is not deterministic.

    >>> x = torch.linspace(-1, 1, 5, requires_grad=True)
    >>> report = verify(lambda x: (x * x).tanh().sum(), x, devices=["cpu"])
    >>> report.ok, report.counts
    (True, {'matched': 4, 'failed': 0, 'not checked': 0})
    """
    options = _options(order, against, rtol, atol, seed, allow)
    if dtype is not None and not (
        isinstance(dtype, torch.dtype) and (dtype.is_floating_point or dtype.is_complex)
    ):
        raise OptionError(f"dtype is one that has gradients, as torch.float64, not {dtype!r}")
    if seed is not None and not isinstance(seed, int):
        raise OptionError(f"seed is a whole number, not {seed!r}")
    notes: list[str] = []
    names = _devices(devices, notes)
    subject = Subject(fn_or_module, inputs, dict(kwargs or {}))
    options.noise = len(names) > 1
    results: list[Result] = []
    for name in names:
        with gc_paused(), run_subject(subject, name, dtype, seed) as ran:
            results.append(_result_of(ran, options, cotangent, name))
            results[-1].seeded = seed is not None
    return _joined(results, notes, options.tolerance)


def check_graph(
    outputs: Any,
    tape: Tape,
    *,
    params: Any = None,
    order: int = 1,
    against: Sequence[str] = ("torch",),
    cotangent: Any = None,
    rtol: float | None = None,
    atol: float | None = None,
    allow: Sequence[str] = (),
    sides: bool = False,
    **walking: Any,
) -> Report:
    """Check a graph that is there already, and whose forward a Tape has recorded.

    outputs   the tensors to go back from
    tape      what was on while they were computed
    sides     whether each leaf's Check tells its gradient by each side
    walking   more for the walk, which names nodes and leaves

    The other arguments are those of `verify` and `walk`.
    """
    options = _options(order, against, rtol, atol, None, allow)
    options.sides = sides
    tensors = [tensor for _, tensor in named_outputs(outputs)]
    device = str(tensors[0].device)
    walking = {"attrs": False, "saved": False, **walking}
    graph = walk(outputs, params, **walking)
    ran = Ran(tensors, tape, graph)
    with gc_paused():
        return _result_of(ran, options, cotangent, device).report


def _options(
    order: int,
    against: Sequence[str],
    rtol: float | None,
    atol: float | None,
    seed: int | None,
    allow: Sequence[str],
) -> Options:
    names = (against,) if isinstance(against, str) else tuple(against)
    if order not in (1, 2):
        raise OptionError(f"order is {order!r}: give 1 or 2")
    for name in names:
        if name not in AGAINST:
            raise OptionError(f"against has {name!r}: give one of {', '.join(AGAINST)}")
    for option, value in (("rtol", rtol), ("atol", atol)):
        if value is not None and not (isinstance(value, int | float) and value >= 0):
            raise OptionError(f"{option} is a number from 0 up, or None, not {value!r}")
    allowed = (allow,) if isinstance(allow, str) else tuple(allow)
    return Options(order, "numeric" in names, Tolerance(rtol, atol), allowed, seed or 0)


def _devices(devices: Sequence[str] | None, notes: list[str]) -> list[str]:
    """The devices that are there; of the others a note."""
    if devices is None:
        return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    found = []
    for name in (devices,) if isinstance(devices, str) else devices:
        try:
            kind = torch.device(name).type
        except (RuntimeError, TypeError):
            raise OptionError(
                f"devices has {name!r}: give names of torch's devices, cpu or cuda"
            ) from None
        if kind == "cuda" and not torch.cuda.is_available():
            notes.append("not checked: cuda: no CUDA device")
        else:
            found.append(str(name))
    return found


# ---- from what was found to a Report


def _result_of(ran: Ran, options: Options, cotangent: Any, device: str) -> Result:
    cotangents = None if cotangent is None else _like(cotangent, ran.outputs)
    found = examine(
        ran.outputs, ran.tape.program(ran.outputs), ran.tape.opaque, options, cotangents, ran.wide
    )
    ids = numbers_in(ran.graph, found.graph, ran.outputs)
    report = Report(ran.graph, order=options.order, devices=(device,))
    report.against = ("torch", "numeric") if options.numeric else ("torch",)
    nodes = ran.graph.by_id()
    checks: dict[int, Check] = {}
    kept = [output.detach().clone() for output in ran.outputs if options.noise]
    result = Result(report, kept, output_noise=found.output_noise)
    leaf_of = {edge.target: edge.source for edge in ran.graph.edges if edge.kind == "grad"}
    for place in found.graph.order:
        node, number = found.graph.nodes[place], ids.get(place, -1)
        if node.is_leaf:
            number = leaf_of.get(number, number)
            names = ", ".join(nodes[number].names) if number in nodes else ""
            name = names or f"leaf {number}"
            check = Check.of(number, "leaf", name, found.leaves[place], device)
            check.sides = found.sides.get(place)
            report.leaves.append(check)
            result.grads[number] = found.grads.get(place)
            result.noise[number] = found.noise.get(place, 0.0)
        else:
            check = Check.of(number, "node", node.name, found.nodes[place], device)
            check.module, check.line = _origin(nodes.get(number))
            report.nodes.append(check)
        check.numeric = found.numeric.get(place, "")
        checks[place] = check
    report.outputs = [
        Check.of(number, "output", ", ".join(nodes[number].names) or "output", outcome, device)
        for number, outcome in zip(_output_ids(ran.graph, ran.outputs), found.values, strict=True)
    ]
    report.allowed = [
        Check.of(ids.get(place, -1), "node", found.graph.nodes[place].name, outcome, device)
        for place, outcome in found.allowed.items()
    ]
    report.first_failure = checks.get(found.first)
    called = {check.name for check in [*report.nodes, *report.allowed]}
    called |= {name.removesuffix("Backward") for name in called}
    report.notes += found.notes
    report.notes += [
        f"allow has {name!r}, and no node is called that"
        for name in options.allow
        if name not in called
    ]
    report.leaves.sort(key=lambda check: check.id)
    report.paint()
    return result


def _origin(node: Any) -> tuple[str, str]:
    """Module and line of a node, where they were recorded."""
    module, line = getattr(node, "module", None), getattr(node, "line", None)
    path = getattr(module, "path", None)
    where = f"{line[0]}:{line[1]}" if line else ""
    return (str(path) if path else ""), where


def _output_ids(graph: Graph, outputs: Sequence[torch.Tensor]) -> list[int]:
    ids: dict[int, int] = {}
    numbers = iter(graph.outputs)
    return [ids[id(t)] if id(t) in ids else ids.setdefault(id(t), next(numbers)) for t in outputs]


def _like(cotangent: Any, outputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The cotangents a person gave, each checked against its output."""
    given = [tensor.detach() for _, tensor in named_outputs(cotangent)]
    if [g.shape for g in given] != [out.shape for out in outputs]:
        raise OptionError(
            f"cotangent has the shapes {[tuple(g.shape) for g in given]}: give one for each "
            f"output, of the shapes {[tuple(out.shape) for out in outputs]}"
        )
    return [g.to(out.device, out.dtype) for g, out in zip(given, outputs, strict=True)]


def _joined(results: list[Result], notes: list[str], tolerance: Tolerance) -> Report:
    """One Report of several devices."""
    if not results:
        return Report(Graph([], []), notes=notes, devices=())
    first, report = results[0], results[0].report
    report.across = [check for other in results[1:] for check in across(first, other, tolerance)]
    for other in (result.report for result in results[1:]):
        report.nodes += other.nodes
        report.leaves += other.leaves
        report.outputs += other.outputs
        report.allowed += other.allowed
        report.devices += other.devices
        report.notes += [note for note in other.notes if note not in report.notes]
        report.first_failure = report.first_failure or other.first_failure
    if report.first_failure is None:
        failed = [check for check in report.across if check.status == FAILED]
        report.first_failure = failed[0] if failed else None
    report.paint()
    report.notes = [*notes, *report.notes]
    return report
