"""Side-by-side measurements: what this costs, beside the least it could cost and beside its peers.

    make bench              all questions, with the peers; writes results.json and docs/bench.md
    make bench QUICK=1      the same on smaller sizes, in five minutes, into build/
    make bench-guard        no ratio to a floor is more than twice the recorded one
    python -m bench text    one question, printed

A file a question; each has `rows(plan)`, and begins with what it asks. `measuring` says what a row
is and takes the times, `attempts` tries in a process of its own what may crash or never end,
`graphs` has the programs that several questions share, `drawings` asks the peers that draw, `dot`
is the Graphviz that all of them get, `page` writes the tables.
"""
