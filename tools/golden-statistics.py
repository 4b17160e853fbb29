#!/usr/bin/env python3
"""Golden numbers: what SciPy finds for the tests of thaw compare, written to
tests/golden/statistics.txt.

    python3 -m venv VENV && VENV/bin/pip install scipy==1.17.1
    VENV/bin/python tools/golden-statistics.py [FOLDER]

The file is committed; the tests need no SciPy. It has the format of tools/golden.py, with all
digits of a double.

What SciPy has no function for, the test of seeds crossed with documents, is written down here from
its definition, as an analysis of variance with a loop for every sum, and SciPy's distributions.
"""
import math
import os
import sys

import numpy as np
from scipy import stats


class File:
    def __init__(self, folder, name, comment):
        self.path = os.path.join(folder, name + ".txt")
        self.lines = ["# Written by tools/golden-statistics.py. " + comment]

    def put(self, name, value):
        array = np.asarray(value, dtype=np.float64)
        self.lines.append(" ".join([name, str(array.ndim), *map(str, array.shape)]))
        values = ["%.17g" % v for v in array.flatten()]
        for begin in range(0, len(values), 8):
            self.lines.append(" ".join(values[begin:begin + 8]))

    def close(self):
        with open(self.path, "w") as out:
            out.write("\n".join(self.lines) + "\n")


def distance(a, b):
    return abs(np.mean(b) - np.mean(a))


# ---- One source of variation -------------------------------------------------------------------


def write_mcnemar(file):
    counts = [(0, 0), (1, 0), (5, 5), (3, 12), (12, 3), (40, 61), (400, 480)]
    file.put("mcnemar.counts", counts)
    file.put("mcnemar.p", [stats.binomtest(a, a + b).pvalue if a + b else 1 for a, b in counts])


def write_seeds(file, rng):
    for name, a_count, b_count in (("two", 2, 2), ("three", 3, 3), ("five", 5, 5), ("uneven", 3, 6),
                                   ("many", 18, 18)):
        a = rng.normal(0.86, 0.01, a_count).round(4)
        b = rng.normal(0.875, 0.01, b_count).round(4)
        exchanges = (stats.permutation_test((a, b), distance, permutation_type="independent",
                                            alternative="greater", n_resamples=np.inf).pvalue
                     if name != "many" else stats.ttest_ind(b, a, equal_var=False).pvalue)
        file.put(f"seeds.{name}.a", a)
        file.put(f"seeds.{name}.b", b)
        file.put(f"seeds.{name}.exchanges", exchanges)
        file.put(f"seeds.{name}.welch", stats.ttest_ind(b, a, equal_var=False).pvalue)
        welch = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
        file.put(f"seeds.{name}.welch_interval", [welch.low, welch.high])
        if a_count == b_count:
            flips = (stats.permutation_test((b - a,), lambda d: abs(np.mean(d)),
                                            permutation_type="samples", alternative="greater",
                                            n_resamples=np.inf).pvalue
                     if name != "many" else stats.ttest_1samp(b - a, 0).pvalue)
            file.put(f"seeds.{name}.flips", flips)
            file.put(f"seeds.{name}.paired", stats.ttest_rel(b, a).pvalue)
            interval = stats.ttest_rel(b, a).confidence_interval(0.95)
            file.put(f"seeds.{name}.paired_interval", [interval.low, interval.high])


def write_documents(file, rng):
    """Documents alone: 13 of them, so that all 8192 sign flips can be counted."""
    a = rng.integers(0, 4, 13).astype(float)
    b = a + rng.choice([-1, 0, 0, 1, 1, 2], 13)
    exact = stats.permutation_test((b - a,), lambda d: abs(np.mean(d)), permutation_type="samples",
                                   alternative="greater", n_resamples=np.inf)
    boot = stats.bootstrap((b - a,), np.mean, n_resamples=200000, method="percentile", rng=1)
    file.put("documents.differences", b - a)
    file.put("documents.p", exact.pvalue)
    file.put("documents.bootstrap", boot.confidence_interval)
    file.put("documents.t", stats.ttest_rel(b, a).pvalue)
    file.put("documents.a", a)
    file.put("documents.b", b)


# ---- Seeds and documents -----------------------------------------------------------------------


def mean_squares(x):
    """Of seeds, documents and both, of x [n][N]."""
    n, documents = x.shape
    whole = sum(x[s][d] for s in range(n) for d in range(documents)) / (n * documents)
    seeds = [sum(x[s]) / documents for s in range(n)]
    columns = [sum(x[s][d] for s in range(n)) / n for d in range(documents)]
    ms_seeds = documents * sum((m - whole)**2 for m in seeds) / (n - 1)
    ms_documents = n * sum((m - whole)**2 for m in columns) / (documents - 1)
    ms_both = sum((x[s][d] - seeds[s] - columns[d] + whole)**2
                  for s in range(n) for d in range(documents)) / ((n - 1) * (documents - 1))
    return ms_seeds, ms_documents, ms_both


def crossed_paired(a, b):
    """Value, variance of seeds and of documents, degrees of freedom (Hillis 2007)."""
    n, documents = a.shape
    seeds, columns, both = mean_squares(b - a)
    parts = np.array([seeds, max(columns - both, 0)]) / (n * documents)
    freedom = sum(parts)**2 / (parts[0]**2 / (n - 1))
    return np.mean(b) - np.mean(a), parts[0], parts[1], freedom


def crossed_unpaired(a, b):
    documents = a.shape[1]
    seeds = [np.var(x.mean(axis=1), ddof=1) / len(x) for x in (a, b)]
    both = [mean_squares(x)[2] / (len(x) * documents) for x in (a, b)]
    columns = np.var(b.mean(axis=0) - a.mean(axis=0), ddof=1) / documents
    part = max(columns - sum(both), 0)
    variance = sum(seeds) + part
    freedom = variance**2 / sum(s**2 / (len(x) - 1) for s, x in zip(seeds, (a, b)))
    return np.mean(b) - np.mean(a), sum(seeds), part, freedom


def power(effect, variance, freedom):
    """Of the two-sided t test at 5 %, from the noncentral t distribution."""
    limit = stats.t.ppf(0.975, freedom)
    centre = effect / math.sqrt(variance)
    return stats.nct.sf(limit, freedom, centre) + stats.nct.cdf(-limit, freedom, centre)


def seeds_needed(effect, part_a, part_b, documents):
    """`part_a`, `part_b`: variances of one seed; b's is 0 where seeds are paired."""
    for n in range(2, 1001):
        variance = (part_a + part_b) / n + documents
        below = ((part_a / n)**2 + (part_b / n)**2) / (n - 1)
        if power(effect, variance, min(variance**2 / below, 1e5)) >= 0.8:
            return n
    return 0


def drawn(rng, n, documents, level, of_document, of_seed):
    """0 and 1 by a level, what a document and a seed add to it, and chance."""
    latent = level + of_document[None, :] + rng.normal(0, of_seed, (n, 1))
    return (latent + rng.normal(0, 1, (n, documents)) > 0).astype(float)


def write_crossed(file, rng):
    for name, n_a, n_b, paired in (("paired", 3, 3, True), ("five", 5, 5, True),
                                   ("unpaired", 3, 5, False), ("even", 4, 4, False)):
        of_document = rng.normal(0, 1.5, 40)
        a = drawn(rng, n_a, 40, 0.6, of_document, 0.3)
        b = drawn(rng, n_b, 40, 1.3, of_document, 0.3)
        value, seeds, documents, freedom = (crossed_paired if paired else crossed_unpaired)(a, b)
        error = math.sqrt(seeds + documents)
        margin = 0.2
        same = max(stats.t.sf((value + margin) / error, freedom),
                   stats.t.sf((margin - value) / error, freedom))
        if paired:
            needed = seeds_needed(abs(value), seeds * n_a, 0, documents)
        else:
            needed = seeds_needed(abs(value), np.var(a.mean(axis=1), ddof=1),
                                  np.var(b.mean(axis=1), ddof=1), documents)
        prefix = f"crossed.{name}."
        file.put(prefix + "a", a)
        file.put(prefix + "b", b)
        file.put(prefix + "value", value)
        file.put(prefix + "parts", [seeds, documents])
        file.put(prefix + "freedom", freedom)
        file.put(prefix + "p", 2 * stats.t.sf(abs(value) / error, freedom))
        file.put(prefix + "interval", stats.t.interval(0.95, freedom, value, error))
        file.put(prefix + "margin", margin)
        file.put(prefix + "same", same)
        file.put(prefix + "needed", needed)


def write_needed(file):
    """Two rows with the same deviation of a seed, no documents: the textbook's two-sample t test."""
    cases = [(0.01, 0.01), (0.02, 0.01), (0.005, 0.01), (0.03, 0.01), (0.01, 0.03)]
    file.put("needed.cases", cases)
    file.put("needed.seeds", [seeds_needed(e, s * s, s * s, 0) for e, s in cases])


def write_holm(file):
    """statsmodels' multipletests(method='holm'), and p.adjust of R, give these; SciPy has none."""
    p = [0.01, 0.04, 0.03, 0.005, 0.2, 0.03]
    order = np.argsort(p, kind="stable")
    corrected, before = np.zeros(len(p)), 0.0
    for rank, i in enumerate(order):
        before = max(before, min(1.0, (len(p) - rank) * p[i]))
        corrected[i] = before
    file.put("holm.p", p)
    file.put("holm.corrected", corrected)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..",
                                                                "tests", "golden")
    rng = np.random.default_rng(1)
    file = File(folder, "statistics", "Tests of differences by SciPy.")
    write_mcnemar(file)
    write_seeds(file, rng)
    write_documents(file, rng)
    write_crossed(file, rng)
    write_needed(file)
    write_holm(file)
    file.close()


if __name__ == "__main__":
    main()
