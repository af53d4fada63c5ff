"""Runs that repeat themselves are found, however long their periods, and no others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graphviz_autograd.transform.periods import Run, runs

short = st.lists(st.integers(0, 2), max_size=30)


def found(numbers: list[int], least: int) -> set[Run]:
    return {run for some in runs(numbers, least) for run in some}


def slowly(numbers: list[int], least: int) -> set[Run]:
    """The longest runs of each period, of which no shorter period gives as long a one."""
    every: dict[tuple[int, int], int] = {}
    for period in range(1, len(numbers) // least + 1):
        for start, stop in stretches(numbers, period):
            if stop - start >= least * period:
                every.setdefault((start, stop), period)
    return {Run(start, stop, period) for (start, stop), period in every.items()}


def stretches(numbers: list[int], period: int) -> list[tuple[int, int]]:
    """Where each number is the one a period before."""
    breaks = [at for at in range(period, len(numbers)) if numbers[at] != numbers[at - period]]
    starts = [0, *(at - period + 1 for at in breaks)]
    return list(zip(starts, [*breaks, len(numbers)], strict=True))


@given(short)
def test_all_runs_of_three_periods_or_more_are_found(numbers: list[int]) -> None:
    assert found(numbers, 3) == slowly(numbers, 3)


@given(short, short, st.integers(2, 5), short)
def test_what_is_found_repeats_itself(
    before: list[int], block: list[int], count: int, after: list[int]
) -> None:
    numbers = before + block * count + after
    for start, stop, period in found(numbers, 2):
        assert stop - start >= 2 * period
        assert numbers[start + period : stop] == numbers[start : stop - period]


def test_a_block_with_a_loop_in_it_is_found_as_a_whole() -> None:
    block = [1, *[2, 3] * 12, 4, 4, 5]
    assert Run(1, 1 + 6 * len(block), len(block)) in found([0, *block * 6, 7], 3)


def test_two_periods_of_unlike_things_are_found() -> None:
    assert found([9, 1, 2, 3, 1, 2, 3, 8], 2) == {Run(1, 7, 3)}
