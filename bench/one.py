"""Answer one question, in a process of its own.

    python -m bench.one QUESTION PLAN_AS_JSON FILE

The rows go to FILE as they come, a line of JSON each.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import warnings
from pathlib import Path

from bench.measuring import Plan


def main(question: str, plan: str, file: str) -> None:
    warnings.simplefilter("ignore")  # what peers warn of is not asked here
    module = importlib.import_module(f"bench.{question}")
    gc.collect()
    gc.freeze()  # or going through all of torch would fall on whoever is running by then
    with Path(file).open("w", encoding="utf-8") as rows:
        for row in module.rows(Plan(**json.loads(plan))):
            print(json.dumps(row.to_dict()), file=rows, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
