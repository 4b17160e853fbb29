"""lm.py: training a language model: tokens per second and memory, against PyTorch and against the machine.

Three sizes, the same dropouts on both sides (fastai's), AR and TAR, tied weights, AdamW, clipping. thaw's figures are
the real `thaw run` on a made-up corpus whose vocabulary has exactly the size's number of pieces; the peer's are
peer_lm.py. Its variants are run once, and the fastest one is then compared. The bound is bound.c: the time of the
step's matrix products alone, each shape at its best."""

import collections
import json
import os
import statistics
import tempfile

import measure
import training
from training import Size

SIZES = {
    "64/128/1": (Size(64, 128, 1, 5000, 16, 70), 5),
    "200/400/2": (Size(200, 400, 2, 10000, 32, 70), 8),
    "400/1152/3": (Size(400, 1152, 3, 20000, 64, 70), 35),
}  # and for how many seconds a side trains in each repetition
TINY = {"8/16/1": (Size(8, 16, 1, 300, 4, 8), 0.3)}
BOUND = "bound: matrix products alone"
VARIANTS = {
    "eager": "PyTorch, eager",
    "compiled": "PyTorch, torch.compile",
    "no-weight-drop": "PyTorch without weight drop",
}
RATE, PEAK = training.Trained._fields.index("rate"), training.Trained._fields.index("peak_rss")
Bound = collections.namedtuple("Bound", "rate gflops best_gflops shapes")


def bound(options, size):
    done = measure.run([options.program("bench-bound"), *map(str, size)], options.thaw_environment())
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    of = {row[0]: float(row[5]) for row in rows}
    shapes = [dict(zip(("product", "times", "m", "n", "k", "gflops", "seconds"), row)) for row in rows if row[1]]
    return Bound(of["tokens per second"], of["step"], of["best rate"], shapes)


def torch_training(options, size, seconds, variant):
    settings = dict(size._asdict(), dropouts=training.DROPOUTS, optimizer=training.OPTIMIZER, threads=options.threads,
                    seconds=seconds, least_steps=2, warm_up=3 if variant == "compiled" else 1, variant=variant)
    command = [options.peers, os.path.join(measure.FOLDER, "peer_lm.py"), json.dumps(settings)]
    done = measure.run(command, measure.environment(options.threads))
    taken = json.loads(done.stdout.splitlines()[-1])["seconds"]
    rates = [size.batch * size.bptt / step for step in taken]
    return training.Trained(statistics.median(rates), rates, done.peak_rss, sum(taken))


def fastest_variant(report, options, name, size, seconds):
    """Runs every variant once, says what they reached, and returns the fastest that is the same model."""
    reached = {}
    for variant, title in VARIANTS.items():
        try:
            reached[variant] = torch_training(options, size, seconds, variant)
        except measure.Failure as failure:
            report.failed(title, failure)
    report.note(f"PyTorch's variants at {name}, one run each: " + "; ".join(
        f"{VARIANTS[v]} {measure.short(r.rate)} tokens/s, {measure.short(r.peak_rss)} MiB" for v, r in reached.items()))
    same = {variant: r.rate for variant, r in reached.items() if variant != "no-weight-drop"}
    return max(same, key=same.get) if same else None


def compare(report, options, name, size, seconds, folder):
    corpus = os.path.join(folder, f"corpus-{size.vocabulary}.txt")
    training.corpus_for(size, corpus)
    sides = {"thaw": lambda: training.train_language_model(options, size, corpus, folder, seconds)}
    if options.has_peer("torch"):
        variant = fastest_variant(report, options, name, size, seconds)
        if variant:
            sides[VARIANTS[variant]] = lambda: torch_training(options, size, seconds, variant)
    if options.program("bench-bound"):
        sides[BOUND] = lambda: bound(options, size)
    results = measure.alternate(sides, options.repetitions)
    title = f"{name} V {size.vocabulary} B {size.batch} T {size.bptt}"
    limits = results.get(BOUND)
    known = isinstance(limits, list)
    medians = report.figure(title, "tokens/s", measure.of_each(results, RATE),
                            **({"bound": [limit._asdict() for limit in limits]} if known else {}))
    if known:
        say_share(report, size, medians, limits)
    results.pop(BOUND, None)
    report.figure(f"{name} peak memory", "MiB", measure.of_each(results, PEAK), better="lower")


def say_share(report, size, medians, limits):
    """The share of the bound: of its median, and of what each shape reached in its best repetition."""
    fewest = sum(min(float(shape["seconds"]) for shape in shapes) for shapes in zip(*(b.shapes for b in limits)))
    best = size.batch * size.bptt / fewest
    report.note(f"share of the bound: {medians['thaw'] / medians[BOUND]:.0%} of its median, "
                f"{medians['thaw'] / best:.0%} of the best time of every shape "
                f"({measure.short(best)} tokens/s); the products run at "
                f"{max(b.gflops for b in limits):.0f} GFLOP/s, the fastest shape at "
                f"{max(b.best_gflops for b in limits):.0f}")


def main():
    command_line = measure.parser(__doc__.partition("\n")[0])
    command_line.add_argument("--size", action="append", metavar="E/H/L", choices=list(SIZES), help="only this size")
    options = measure.options(command_line)
    sizes = TINY if options.tiny else {name: size for name, size in SIZES.items()
                                       if name in (options.size or list(SIZES)[: 2 if options.quick else 3])}
    with measure.Report(options, "lm", "training a language model") as report, tempfile.TemporaryDirectory() as folder:
        if not options.has_peer("torch"):
            report.missing("torch")
        for name, (size, seconds) in sizes.items():
            compare(report, options, name, size, seconds, folder)


if __name__ == "__main__":
    main()
