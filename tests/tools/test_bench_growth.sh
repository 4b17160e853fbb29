#!/bin/sh
# tools/bench.sh recipe and growth: at sizes that take no time the recipe trains all three stages and reports seconds
# and accuracy, and growth measures every series, writes its numbers and says how each cost grows.
# See bench_checks.sh.
set -u

. "$THAW_SOURCE/tests/tools/bench_checks.sh"

bench 0 --tiny --repetitions 1 --thaw "$THAW_BUILD" --peers none --out "$work/plots" --json "$work/figures.json" \
  recipe growth
prints 'fastai is not installed and left out (tools/install-peers.sh fastai)'
prints "With the tokens of a classifier's document, from 5 to 10, the time for a token "
prints "$work/plots"

"$python" - "$work" <<'END' || failures=$((failures + 1))
import csv, json, math, os, sys
sys.path.insert(0, os.path.join(os.environ["THAW_SOURCE"], "tools", "bench"))
import growth
problems = []
def expect(what, found, expected):
    if found != expected:
        problems.append(f"{what}: expected {expected!r}, found {found!r}")
with open(os.path.join(sys.argv[1], "figures.json"), encoding="utf-8") as file:
    sections = json.load(file)["sections"]
figures = {figure["name"]: figure["sides"] for figure in sections["recipe"]["figures"]}
expect("figures, recipe", list(figures), ["whole recipe", "accuracy on test", "peak memory"])
expect("sides, recipe", [side["name"] for side in figures["whole recipe"]], ["thaw"])
expect("accuracy in percent", 1 < figures["accuracy on test"][0]["median"] <= 100, True)
for name, values in growth.VALUES.items():
    with open(os.path.join(sys.argv[1], "plots", f"growth-{name}.csv"), encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expect(f"{name}: values", [int(row["value"]) for row in rows], values[2])
    expect(f"{name}: all above 0", all(float(n) > 0 for row in rows for n in row.values()), True)

# Costs whose growth is known.
sizes = [10, 100, 1000]
for costs, slope, words in (([1, 100, 10000], 2, "the cost grows with the square (exponent 2.00; "),
                            ([7, 70, 700], 1, "the cost grows in proportion (exponent 1.00; "),
                            ([5, 5, 5], 0, "the cost stays the same (exponent 0.00; "),
                            ([3, 0.3, 0.03], -1, "the cost falls in proportion (exponent -1.00; ")):
    expect(f"exponent of {costs}", math.isclose(growth.exponent(sizes, costs), slope, abs_tol=1e-9), True)
    found = growth.sentence("the cost", sizes, costs)
    expect(f"words for {costs}", found.startswith(words), True)
expect("the last two", growth.sentence("it", [1, 2, 4], [1, 1, 4]).endswith("two largest 2.00)"), True)
print("\n".join(problems))
sys.exit(bool(problems))
END

end_checks
