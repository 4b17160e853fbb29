#!/bin/sh
# tools/bench.sh: at sizes that take no time it measures, prints ratios, writes JSON and names the peers that are
# missing.
# See bench_checks.sh.
set -u

. "$THAW_SOURCE/tests/tools/bench_checks.sh"

bench 0 --help
for section in lm classifier predict text recipe growth compare; do prints "  $section "; done

bench 2 --repetition 3
says "unknown option '--repetition'"
bench 2 lm speed
says "unknown section 'speed'"
bench 2 --json
says '--json needs a value'
bench 2 --thaw "$work" lm
says "there is no built thaw in $work"
bench 2 --thaw "$THAW_BUILD" --repetitions 0 lm
says "'0' is not a positive number"

bench 0 --tiny --repetitions 2 --thaw "$THAW_BUILD" --peers none --json "$work/figures.json" lm text predict compare
prints 'torch is not installed and left out (tools/install-peers.sh torch)'
prints 'sentencepiece is not installed and left out'
prints ' ×'
prints 'share of the bound: '

"$python" - "$work/figures.json" <<'END' || failures=$((failures + 1))
import json, math, statistics, sys
whole = json.load(open(sys.argv[1], encoding="utf-8"))
machine, sections = whole["machine"], whole["sections"]
problems = []
def expect(what, found, expected):
    if found != expected:
        problems.append(f"{what}: expected {expected!r}, found {found!r}")
expect("sections", list(sections), ["lm", "text", "predict", "compare"])
expect("missing, lm", sections["lm"]["missing"], ["torch"])
expect("missing, text", sections["text"]["missing"], ["sentencepiece"])
expect("a kernel", bool(machine["openblas_kernel"]), True)
expect("sides, lm", [s["name"] for s in sections["lm"]["figures"][0]["sides"]],
       ["thaw", "bound: matrix products alone"])
for section in sections.values():
    for figure in section["figures"]:
        first = figure["sides"][0]
        for side in figure["sides"]:
            name, values = f"{figure['name']}, {side['name']}", side["values"]
            expect(f"{name}: all above 0", min(values) > 0, True)
            expect(f"{name}: median", side["median"], statistics.median(values))
            expect(f"{name}: extremes", [side["min"], side["max"]], [min(values), max(values)])
            if side is not first:
                expect(f"{name}: ratio", math.isclose(side["ratio"], first["median"] / side["median"]), True)
print("\n".join(f"figures.json: {problem}" for problem in problems))
sys.exit(bool(problems))
END

end_checks
