"""growth.py: how the cost of thaw grows with its sizes: one series of short runs for each, a plot and a sentence.

Six series: hidden states, vocabulary, bptt and batch of a language model, the length of a classifier's documents, and
the size of the corpus. Everything else stays as in BASE. Measured is the median step of some seconds of training (of
the corpus series: what a run does before its first step, which is reading, tokenizing and making the vocabulary), and
the peak memory of the whole command. The cost of a token is taken as SIZE^exponent; the exponent is the slope of a
straight line through the logarithms.

Text is made up. A run that needs more memory than --memory, or too long for three steps, is cut and named. Plots need
matplotlib (Debian: python3-matplotlib); without it the numbers remain."""

import collections
import csv
import glob
import math
import os
import resource
import statistics
import tempfile

import h5py
import numpy

import made_text
import measure
import training
from training import Size

try:
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
except ImportError:
    pyplot = None

BASE = Size(100, 256, 2, 5000, 32, 70)
SECONDS = 5  # of training at every point; more where that is not three steps
LONGEST = 90  # no point trains longer, reading not counted
DOCUMENTS = 4  # in a batch
# The values of each series: all, with --quick, and --tiny.
VALUES = {
    "hidden": ([64, 128, 256, 512, 1152], [64, 512], [8, 16]),
    "vocabulary": ([5000, 10000, 20000, 50000, 100000, 200000], [5000, 50000], [100, 200]),
    "bptt": ([10, 20, 50, 100, 200], [10, 100], [4, 8]),
    "batch": ([8, 16, 32, 64, 128], [8, 64], [2, 4]),
    "document": ([50, 200, 1000, 5000, 20000], [50, 1000], [5, 10]),
    "corpus": ([10**6, 3 * 10**6, 10**7, 3 * 10**7, 10**8], [10**5, 10**6], [1000, 2000]),
}
TITLES = {
    "hidden": "the width of the hidden states", "vocabulary": "the number of pieces in the vocabulary",
    "bptt": "bptt", "batch": "the number of streams in a batch", "document": "the tokens of a classifier's document",
    "corpus": "the words of the corpus",
}
TINY_BASE = Size(8, 16, 1, 100, 4, 8)
PREPARING = Size(16, 16, 1, 5000, 64, 70)  # what the corpus series trains: hardly anything
DISTINCT = 500_000  # words from which a corpus is drawn, where it has as many
Point = collections.namedtuple("Point", "value rate rates peak_rss")
# How a cost with this exponent, or a smaller one, grows.
WORDS = [(-0.75, "falls in proportion"), (-0.15, "falls, but not in proportion"), (0.15, "stays the same"),
         (0.75, "grows, but less than in proportion"), (1.25, "grows in proportion"),
         (1.75, "grows faster than in proportion"), (2.25, "grows with the square"),
         (math.inf, "grows faster than the square")]


# ---- Points ----


class Series:
    """Measures the points of one series after the other."""

    def __init__(self, options, folder, base, seconds):
        self.options, self.folder, self.base, self.seconds = options, folder, base, seconds

    def rates(self, path, stage):
        """Of every step but the first ones; none where there is no run file."""
        return training.step_rates(path, stage)[0] if path else []

    def train(self, config, stage, tokens):
        """Trains until there are three steps and some seconds; `tokens` have to be read before."""
        seconds = self.seconds + tokens * 1e-6
        longest = LONGEST + tokens * 6e-6
        while True:
            done, path = training.thaw_run(self.options, config, self.folder, stop_after=seconds)
            rates = self.rates(path, stage)
            if len(rates) >= 2:
                return rates, done
            if seconds >= longest:
                raise measure.Failure(f"fewer than three steps in {seconds:.0f} s")
            seconds = min(longest, 4 * seconds)

    def language_model(self, name, value):
        size = self.base._replace(**{name: value})
        corpus = os.path.join(self.folder, f"corpus-{size.vocabulary}.txt")
        if not os.path.exists(corpus):
            training.corpus_for(size, corpus)
        rates, done = self.train(training.language_model(size, corpus, self.options.threads), "pretrain",
                                 50 * size.vocabulary)
        return Point(value, statistics.median(rates), rates, done.peak_rss)

    def document(self, _, length):
        """Documents of one length, three batches of them at least."""
        batches = max(3, 60_000 // (DOCUMENTS * length)) if self.seconds >= SECONDS else 3
        path = os.path.join(self.folder, "documents.txt")
        made_text.write_labelled(path, 2 * self.base.vocabulary, [length] * batches * DOCUMENTS, 2)
        config = {
            "name": "bench", "threads": self.options.threads,
            "data": {"target": {"format": "labelled", "train": path}},
            "tokenizer": {"plugin": "word", "min_count": 1, "max_vocab": self.base.vocabulary},
            "encoder": training.encoder(self.base),
            "head": {"plugin": "concat"},
            "stages": {"classify": {"data": "target", "epochs": 1000, "batch": DOCUMENTS, "max_length": 2 * length,
                                    "optimizer": training.OPTIMIZER, "schedule": training.CONSTANT}},
        }
        rates, done = self.train(config, "classify", batches * DOCUMENTS * length)
        return Point(length, statistics.median(rates), rates, done.peak_rss)

    def corpus(self, _, words):
        """Everything before the first step: the command's time without its steps."""
        path = os.path.join(self.folder, "corpus.txt")
        write_corpus(path, words)
        size = PREPARING if self.seconds >= SECONDS else self.base
        config = training.language_model(size, path, self.options.threads)
        rates, done = self.train(config, "pretrain", words)
        run = glob.glob(os.path.join(self.folder, "cache", "*.h5"))[0]
        with h5py.File(run, "r") as file:
            steps = size.batch * size.bptt / file["metrics/pretrain/steps"]["tokens_per_second"]
        rate = words / (done.seconds - float(numpy.sum(steps)))
        return Point(words, rate, [rate], done.peak_rss)

    def point(self, name, value):
        return getattr(self, name, self.language_model)(name, value)


def write_corpus(path, words):
    """Like made_text.write_corpus, but quick enough for 100 million words."""
    generator = numpy.random.default_rng(1)
    distinct = min(DISTINCT, words)
    pieces = numpy.array([made_text.word(rank) for rank in range(distinct)], dtype=object)
    weights = numpy.array(made_text.zipf(distinct))
    with open(path, "w", encoding="utf-8") as file:
        for begin in range(0, words, 1_000_000):
            drawn = generator.random(min(1_000_000, words - begin)) * weights[-1]
            text = pieces[numpy.searchsorted(weights, drawn)]
            for line in range(0, len(text), 25):
                file.write(" ".join(text[line : line + 25]) + "\n")


# ---- What they say ----


def exponent(sizes, costs):
    """The slope of the straight line through the logarithms."""
    x, y = numpy.log(sizes), numpy.log(costs)
    return round(float(numpy.polyfit(x, y, 1)[0]), 3) + 0.0  # not -0.0


def sentence(what, sizes, costs):
    """`what` grows … from one size to another."""
    slope = exponent(sizes, costs)
    words = next(text for bound, text in WORDS if slope <= bound)
    said = f"{what} {words} (exponent {slope:.2f}"
    if len(sizes) > 2:
        said += f"; between the two largest {exponent(sizes[-2:], costs[-2:]):.2f}"
    return said + ")"


def say(report, name, points):
    sizes = [point.value for point in points]
    cost = "a word's share of reading and vocabulary" if name == "corpus" else "the time for a token"
    report.note(f"With {TITLES[name]}, from {sizes[0]:,} to {sizes[-1]:,}, "
                f"{sentence(cost, sizes, [1 / point.rate for point in points])}, and "
                f"{sentence('peak memory', sizes, [point.peak_rss for point in points])}.")


def write_numbers(path, points):
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["value", "tokens_per_second", "peak_mib"])
        table.writerows((point.value, f"{point.rate:.1f}", f"{point.peak_rss:.1f}") for point in points)


def plot(path, name, points):
    sizes = [point.value for point in points]
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5), constrained_layout=True)
    unit = "words per second before training" if name == "corpus" else "tokens per second"
    for axis, values, label in ((axes[0], [point.rate for point in points], unit),
                                (axes[1], [point.peak_rss for point in points], "peak memory, MiB")):
        axis.loglog(sizes, values, "o-")
        axis.set_xlabel(TITLES[name])
        axis.set_ylabel(label)
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30)
        axis.minorticks_off()
        axis.grid(True, alpha=0.3)
    figure.savefig(path)
    pyplot.close(figure)


def measure_series(report, series, name, values, out):
    points = []
    for value in values:
        try:
            point = series.point(name, value)
        except measure.Failure as failure:
            report.note(f"{name} {value:,} is cut: {cause(failure)}")
            break
        unit = "words/s" if name == "corpus" else "tokens/s"
        report.figure(f"{name} {value:,}", unit, {"thaw": point.rates})
        report.figure(f"{name} {value:,}, peak memory", "MiB", {"thaw": point.peak_rss}, better="lower")
        points.append(point)
    write_numbers(os.path.join(out, f"growth-{name}.csv"), points)
    if len(points) > 1:
        say(report, name, points)
        if pyplot:
            plot(os.path.join(out, f"growth-{name}.svg"), name, points)


def cause(failure):
    """The last line of what a command said."""
    return str(failure).strip().splitlines()[-1]


def main():
    command_line = measure.parser(__doc__.partition("\n")[0])
    command_line.add_argument("--memory", type=float, default=6, metavar="GIB", help="no run gets more; default 6")
    command_line.add_argument("--series", action="append", choices=list(VALUES), help="only this one")
    options = measure.options(command_line)
    os.makedirs(options.out, exist_ok=True)
    if not options.tiny:  # the tests' sanitizers reserve more than any machine has
        limit = int(options.memory * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    base, seconds = (TINY_BASE, 0.1) if options.tiny else (BASE, SECONDS)
    with measure.Report(options, "growth", "how cost grows") as report, tempfile.TemporaryDirectory() as folder:
        series = Series(options, folder, base, seconds)
        for name in options.series or VALUES:
            values = VALUES[name][2 if options.tiny else 1 if options.quick else 0]
            measure_series(report, series, name, values, options.out)
        report.note(f"plots and numbers: {options.out}" if pyplot else
                    f"numbers: {options.out}; without plots, because matplotlib is not installed "
                    "(Debian: python3-matplotlib)")


if __name__ == "__main__":
    main()
