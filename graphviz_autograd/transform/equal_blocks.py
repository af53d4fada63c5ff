"""Which blocks of a sequence are equal and follow each other.

A sequence is what a module call, or the top of the graph, consists of: calls of modules and
single ops, in the order they were made. Where it repeats itself, each period is a block: one
call (the layers of a transformer), or several things that no module holds (the steps of an
unrolled RNN, a layer and the addition after it).

Blocks are equal where they are made of the same ops in the same order, with outputs and
parameters of the same shapes, nested alike, with the same arrows inside, and take from other
blocks of the run what the next one takes from its own. What they take from before the run may
differ, and so may names.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphviz_autograd.transform import block_names
from graphviz_autograd.transform.periods import Run, runs
from graphviz_autograd.transform.sequences import Item, Sequences

FEWEST_OPS = 8
"""Blocks that are no modules are folded where there are so many ops in them: less is seen at
a glance, and a sum of four losses is no loop."""

LEAF = -1


class Folding:
    """Finding the runs of equal blocks in sequences."""

    def __init__(self, found: Sequences, least: int) -> None:
        self.found, self.least = found, least

    def folded(self, items: list[Item]) -> list[Item]:
        """The sequence with an item for each run of equal blocks.

        Whether and how it is folded depends on nothing but what is in it.
        """
        while len(items) >= self.least:
            chosen = self._chosen(items)
            if not chosen:
                break
            items = self._replaced(items, chosen)
        return items

    def _chosen(self, items: list[Item]) -> list[Run]:
        """The runs to fold, none within or across another: those of most ops first."""
        seen: set[Run] = set()
        equal: list[Run] = []
        for candidates in runs([item.kind for item in items], self.least):
            for run in candidates:
                if run not in seen:
                    seen.add(run)
                    equal += self._equal(items, run)
            if any(2 * (run.stop - run.start) > len(items) for run in equal):
                break  # nothing longer is made of such
        equal.sort(key=lambda run: (_start(items, run.start) - _start(items, run.stop), run.start))
        taken = bytearray(len(items))
        chosen: list[Run] = []
        for run in equal:
            if not any(taken[run.start : run.stop]):
                taken[run.start : run.stop] = b"\1" * (run.stop - run.start)
                chosen.append(run)
        return sorted(chosen)

    def _replaced(self, items: list[Item], chosen: list[Run]) -> list[Item]:
        made: list[Item] = []
        done = 0
        for run in chosen:
            blocks = self._inside([items[at : at + run.period] for at in range(*run)])
            kind = self.found.kinds["×", len(blocks), tuple(item.kind for item in blocks[0])]
            start = items[run.start].start
            run_item = Item(kind, start, _start(items, run.stop) - start, blocks=blocks)
            made += [*items[done : run.start], run_item]
            done = run.stop
        return made + items[done:]

    def _inside(self, blocks: list[list[Item]]) -> list[list[Item]]:
        """The blocks with what repeats itself in them folded, if it does alike in all."""
        if len(blocks[0]) < self.least:
            return blocks
        folded = [self.folded(block) for block in blocks]
        return folded if len({tuple(item.kind for item in b) for b in folded}) == 1 else blocks

    # ---- which blocks are equal

    def _equal(self, items: list[Item], run: Run) -> Iterator[Run]:
        """The parts of a run of things that look alike in which the arrows are alike as well,
        from the start of a block to the end of one, if that is to be folded.
        """
        for part in self._linked(items, run):
            aligned = self._aligned(items, part)
            if self._worth_it(items, aligned):
                yield aligned

    def _linked(self, items: list[Item], run: Run) -> Iterator[Run]:
        start, stop, period = run
        first, end = items[start].start, _start(items, stop)
        shift = items[start + period].start - first
        links, doubtful = self.found.links, stop
        if links[first + 2 * shift : end] == links[first + shift : end - shift]:
            doubtful = start + 2 * period  # from there on all is alike, however far back one looks
        for at in range(start + period, doubtful):
            item = items[at]
            places = range(item.start, item.start + item.size)
            if not all(self._alike(place, shift, first) for place in places):
                if at - start >= self.least * period:
                    yield Run(start, at, period)
                start = at - period + 1
                first = items[start].start
        if stop - start >= self.least * period:
            yield Run(start, stop, period)

    def _alike(self, place: int, shift: int, first: int) -> bool:
        """Whether an op takes what the op a period before takes: the same of its own block and
        of those before, from the `first` place of the run on. All else is the same here.
        """
        links = self.found.links
        if links[place] == links[place - shift]:
            return True
        mine, other = self._sources(place), self._sources(place - shift)
        if any(
            mine[i][0] == other[i][0] == LEAF and mine[i] != other[i] for i in {*mine} & {*other}
        ):
            return False
        before = {i: (at - shift, out) for i, (at, out) in mine.items() if at - shift >= first}
        inside = {i: source for i, source in other.items() if source[0] >= first}
        if before == inside:
            return True
        # where a loop begins with `total = 0 + loss`, the loss is the first input, and later not
        entering = any(at >= first > at - shift for at, _ in mine.values())
        return (
            entering
            and len(other) < len(mine)
            and sorted(before.values()) == sorted(inside.values())
        )

    def _sources(self, place: int) -> dict[int, tuple[int, int]]:
        """For each input the place it comes from and which output of that it is; for a leaf
        that a person gave, LEAF and its shape's number."""
        return {
            index: (place - back if back else LEAF, output)
            for index, back, output in self.found.table[self.found.links[place]]
        }

    def _aligned(self, items: list[Item], run: Run) -> Run:
        """The part of a run that is whole blocks, and begins where the fewest tensors pass from
        one block to the next. A loop often begins in a run that is a little longer: the layer
        before it may differ in its weights, and end with the same activation.
        """
        period, length = run.period, run.stop - run.start
        passing = self._passing(items, run)
        counts = [(length - offset) // period for offset in range(period)]
        offset = min(
            (offset for offset in range(period) if counts[offset] >= self.least),
            key=lambda offset: (passing[offset], -counts[offset], -offset),
        )
        start = run.start + offset
        return Run(start, start + counts[offset] * period, period)

    def _passing(self, items: list[Item], run: Run) -> list[int]:
        """For each place where a block can begin, the tensors that pass into the second one."""
        start, stop, period = run
        if period == 1:
            return [0]
        first, end = items[start].start, _start(items, min(stop, start + 3 * period))
        shift = items[start + period].start - first
        last_use: dict[int, int] = {}
        for place in range(first, end):
            for _, back, _ in self.found.table[self.found.links[place]]:
                if back and place - back >= first:
                    last_use[place - back] = min(place, place - back + shift)
        change = [0] * (end - first + 1)
        for source, use in last_use.items():
            change[source + 1 - first] += 1
            change[use + 1 - first] -= 1
        count, counts = 0, []
        for step in change:
            count += step
            counts.append(count)
        return [counts[items[start + period + at].start - first] for at in range(period)]

    def _worth_it(self, items: list[Item], run: Run) -> bool:
        found, (start, stop, period) = self.found, run
        if period == 1 and block_names.is_module(found, items[start]):
            [names] = block_names.paths(found, [[item] for item in items[start:stop]])
            return self._chained(items, run) or block_names.pattern(names) is not None
        if _start(items, stop) - _start(items, start) < FEWEST_OPS:
            return False
        return (stop - start) // period > self.least or self._chained(items, run)

    def _chained(self, items: list[Item], run: Run) -> bool:
        """Whether the last block takes anything from those before it."""
        first, start = items[run.start].start, items[run.stop - run.period].start
        return any(
            first <= place - back < start
            for place in range(start, _start(items, run.stop))
            for _, back, _ in self.found.table[self.found.links[place]]
        )


def _start(items: list[Item], at: int) -> int:
    """The place at which an item begins, or that after the last."""
    return items[at].start if at < len(items) else items[-1].start + items[-1].size
