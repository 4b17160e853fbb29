"""text.py: cutting text into pieces and counting them into a vocabulary: MB (10⁶ bytes) per second, on one core.

thaw's side is bench-tokenize (tokenize.c), with the word tokenizer; against a Python regular expression with a
Counter, and sentencepiece with a model that it trained on the same text (it only cuts). The text is made up, or the
unlabelled reviews of IMDb where --data has imdb/unsup.csv.gz or imdb/unsup/."""

import csv
import glob
import gzip
import os
import sys
import tempfile

import made_text
import measure

WHAT = ("pieces", "pieces and vocabulary")


def reviews(folder):
    """The texts of IMDb's unlabelled reviews, from a table or as they are published; None without them."""
    for imdb in (os.path.join(folder, "imdb"), folder):
        table = os.path.join(imdb, "unsup.csv.gz")
        if os.path.exists(table):
            with gzip.open(table, "rt", encoding="utf-8", newline="") as file:
                yield from (row["text"] for row in csv.DictReader(file))
            return
        files = glob.glob(os.path.join(imdb, "unsup", "*.txt")) + glob.glob(os.path.join(imdb, "train/unsup/*.txt"))
        for path in sorted(files):
            with open(path, encoding="utf-8") as file:
                yield file.read()
        if files:
            return
    sys.exit(f"text: --data {folder}: there is no imdb/unsup.csv.gz or imdb/unsup/")


def write_text(options, path, megabytes):
    if not options.data:
        made_text.write_prose(path, megabytes)
        return "made-up text"
    left = megabytes * 1e6
    with open(path, "w", encoding="utf-8") as file:
        for text in reviews(options.data):
            left -= file.write(" ".join(text.split()) + "\n")
            if left <= 0:
                break
    return "IMDb reviews"


def side(command, environment):
    """A side: MB per second of each of WHAT that it does."""

    def measured():
        rows = [line.split("\t") for line in measure.run(command, environment).stdout.splitlines()]
        return {row[0]: float(row[1]) for row in rows}

    return measured


def main():
    options = measure.options(measure.parser(__doc__.partition("\n")[0]))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    program = options.program("bench-tokenize")
    if not program:
        sys.exit(f"text: {options.build} has no bench-tokenize")
    with measure.Report(options, "text", "cutting and counting text, one core") as report, \
            tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "text.txt")
        kind = write_text(options, path, 0.2 if options.tiny else 5 if options.quick else 20)
        peer = os.path.join(measure.FOLDER, "peer_text.py")
        one = measure.environment(1)
        sides = {"thaw, word": side([program, "word", path], options.thaw_environment()),
                 "Python, re": side([sys.executable, peer, "python", path], one)}
        if options.has_peer("sentencepiece"):
            model = os.path.join(folder, "pieces.model")
            measure.run([options.peers, peer, "sentencepiece", path, model], one)  # trains it
            sides["sentencepiece"] = side([options.peers, peer, "sentencepiece", path, model], one)
        else:
            report.missing("sentencepiece")
        results = measure.alternate(sides, options.repetitions)
        for what in WHAT:
            measured = {name: values for name, values in results.items()
                        if isinstance(values, measure.Failure) or what in values[0]}
            report.figure(f"{what}, {kind}", "MB/s", measure.of_each(measured, what))


if __name__ == "__main__":
    main()
