"""`gva verify --ops`: the engine beside torch on torch's own database of operators."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

import click

from graphviz_autograd.cli.progress import counting

DTYPES = ("float64", "complex128", "float32", "complex64", "bfloat16", "float16")


def sweep_operators(pattern: str, options: dict[str, Any]) -> tuple[bool, str]:
    """Run the sweep on each device and print its table.

    Gives whether all is as it is known to be, and everything as JSON text.
    """
    import torch

    from graphviz_autograd.verification import ops

    everywhere = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    devices = [options["device"]] if options["device"] else everywhere
    order, dtype = options["order"], options["dtype"]
    fine, runs = True, []
    for device in devices:
        with counting(f"entries on {device}", options["quiet"]) as tell:
            results = ops.sweep(pattern, order, dtype, device, os.cpu_count() or 1, tell)
        known = ops.known(order)
        fine = fine and not any(r.failed and r.name not in known for r in results)
        if not options["quiet"]:
            title = f"order {order}, {dtype}, {device}"
            click.echo(f"{title}\n{ops.table(results, order)}", err=options["report_file"] == "-")
        runs.append(
            {
                "device": device,
                "order": order,
                "dtype": dtype,
                "matched": sum(result.whole for result in results),
                "entries": [asdict(result) for result in results],
                "known": {r.name: known[r.name] for r in results if r.name in known},
            }
        )
    head = {"format": "graphviz_autograd sweep", "version": 1, "torch": torch.__version__}
    return fine, json.dumps({**head, "runs": runs}, indent=1)
