"""Runs that repeat themselves in a sequence of numbers: 5 1 2 3 1 2 3 1 2 3 4."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Run(NamedTuple):
    """From `start` to before `stop`, each number is the one `period` before it."""

    start: int
    stop: int
    period: int


def runs(numbers: Sequence[int], least: int) -> Iterator[list[Run]]:
    """The longest runs of at least `least` periods, each with its shortest period.

    They come in lists: those of short periods, or in which no number occurs twice in a period,
    come first, and one may come again. All are found that have three periods or more; of two
    equal parts almost all, if not always in their whole length.

    What is looked at are words, of 1, 2, 4, ... numbers. Within a run, a word that occurs once
    in a period has its like just a period before, and words as long as a period occur once.

    >>> [found for found in runs([5, 1, 2, 3, 1, 2, 3, 1, 2, 3, 4], 3)][0]
    [Run(start=1, stop=10, period=3)]
    """
    words, width = list(numbers), 1
    while width * least <= 2 * len(numbers):
        found = list(_runs_of_words(words, width, least))
        if found:
            yield found
        if len(set(words)) == len(words):
            return
        words = _longer(words, width)
        width *= 2


def _runs_of_words(words: list[int], width: int, least: int) -> Iterator[Run]:
    """The runs in which words have their like at the same distance, one word after the other."""
    last: dict[int, int] = {}
    since, distance = 0, 0
    for at, word in enumerate(words):
        back = at - last.get(word, at)
        last[word] = at
        if back != distance:
            if distance and at - 1 + width - (since - distance) >= least * distance:
                yield Run(since - distance, at - 1 + width, distance)
            since, distance = at, back
    stop = len(words) - 1 + width
    if distance and stop - (since - distance) >= least * distance:
        yield Run(since - distance, stop, distance)


def _longer(words: list[int], width: int) -> list[int]:
    """Words of twice the width: equal where both halves are."""
    known: dict[tuple[int, int], int] = {}
    return [known.setdefault(pair, len(known)) for pair in zip(words, words[width:], strict=False)]
