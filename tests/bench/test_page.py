"""The page of the bench: what it shows is what was found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench import page, text
from bench.__main__ import PAGE, QUESTIONS, RECORDED
from bench.measuring import Row, Spread

ROWS = [
    Row("chain", "bare walk", 10, 0.001, {}, family="chain"),
    Row("chain", "ours", 10, 0.008, {"bare walk": Spread(8.0, 7.0, 9.5)}, family="chain"),
    Row("chain", "torchviz", 10, said="RecursionError: a | b <c>", family="chain"),
]


def test_a_table_has_the_value_the_ratios_and_what_a_peer_said() -> None:
    lines = page.table(ROWS, text).splitlines()
    assert lines[0] == "| case | boxes | who | to DOT | ÷ bare walk |"
    assert lines[2] == "| chain | 10 | bare walk | 1.00 ms |  |"
    assert lines[3] == "|  |  | ours | 8.0 ms | **8.0** (7.0 to 9.5) |"
    assert lines[4] == "|  |  | torchviz | RecursionError: a \\| b \\<c> |  |"


def test_growth_is_told_where_there_are_four_sizes() -> None:
    rows = [Row(f"{n}", "ours", n, 1e-6 * n**2, family="chains") for n in (10, 20, 40, 80)]
    assert page.growths(rows) == ["Growth of chains with size, as a power: ours 2.00."]
    assert page.growths(rows[:3]) == []


def test_where_a_peer_took_less_is_told() -> None:
    rows = [
        Row("small", "bare walk", 10, 1e-6),
        Row("small", "ours", 10, 0.002),
        Row("small", "torchviz", 10, 0.001),
        Row("large", "ours", 99, 0.002),
        Row("large", "torchviz", 99, 0.004),
    ]
    assert page.less("text", rows) == ["- text: torchviz, small (0.50)"]


@pytest.fixture(scope="module")
def recorded() -> dict:
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def test_every_question_was_asked_in_the_recorded_run(recorded: dict) -> None:
    assert set(recorded["questions"]) == set(QUESTIONS)
    assert recorded["plan"]["peers"]
    assert not recorded["plan"]["quick"]
    assert recorded["plan"]["rounds"] >= 5


def test_the_page_has_the_recorded_run_and_no_other(recorded: dict) -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert page.put(written, page.tables(recorded)) == written


def test_the_versions_of_the_peers_are_the_pinned_ones(recorded: dict) -> None:
    pins = (Path(page.__file__).parent / "peers.txt").read_text(encoding="utf-8")
    for name, version in re.findall(r"^(\w+)==(\S+)$", pins, re.MULTILINE):
        assert recorded["versions"][name] == version
