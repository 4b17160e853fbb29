"""classifier.py: training and using a classifier: documents per second and memory, against PyTorch.

Made-up documents as long as IMDb's reviews (log-normal, median 230 words, at most 1,000; two classes) and TREC's
questions (10 words; six classes); an AWD-LSTM of 200/400/2 under a head of last state, maximum and mean, fastai's
dropouts for classifiers, batches of 64 documents of similar length.

Training is the time of the second of two epochs (thaw: /metrics/classify/epochs). Inference is `thaw predict` of a
file of plain text, start of the command included; PyTorch's is the time from text to labels in peer_classifier.py,
without importing torch and loading the model."""

import collections
import json
import os
import tempfile

import h5py

import made_text
import measure
import training
from training import Size

Kind = collections.namedtuple("Kind", "train test median longest spread classes")
KINDS = {
    "TREC-length": Kind(5440, 5440, 10, 40, 0.4, 6),
    "IMDb-length": Kind(256, 256, 230, 1000, 0.6, 2),
}
SIZE = Size(200, 400, 2, 10000, 64, None)
TINY = {"tiny": Kind(64, 64, 5, 10, 0.4, 2)}
TINY_SIZE = Size(8, 16, 1, 200, 16, None)
DROPOUTS = {"output_p": 0.4, "hidden_p": 0.3, "input_p": 0.4, "embed_p": 0.05, "weight_p": 0.5}
OPTIMIZER = dict(training.OPTIMIZER, clip=1.0)
EPOCHS = 2
VARIANTS = {"padded": "PyTorch, padded", "packed": "PyTorch, packed"}
Sides = collections.namedtuple("Sides", "training inference")


def config(options, size, path):
    head = {"plugin": "concat", "parts": ["last", "max", "mean"], "hidden": [50], "dropout": [0.4, 0.1]}
    return {
        "name": "bench",
        "threads": options.threads,
        "data": {"target": {"format": "labelled", "train": path}},
        "tokenizer": {"plugin": "word", "min_count": 1, "max_vocab": size.vocabulary},
        "encoder": dict(training.encoder(size), **DROPOUTS),
        "head": head,
        "stages": {"classify": {"data": "target", "epochs": EPOCHS, "batch": size.batch, "optimizer": OPTIMIZER,
                                "schedule": training.CONSTANT}},
    }


class Files:
    """The documents of one comparison, and what is trained on them."""

    def __init__(self, folder, kind, size):
        self.folder, self.kind, self.size = folder, kind, size
        self.train, self.labelled, self.test, self.model = (
            os.path.join(folder, name) for name in ("train.txt", "labelled.txt", "test.txt", "model.pt"))
        for path, count, seed in ((self.train, kind.train, 5), (self.labelled, kind.test, 6)):
            lengths = made_text.lengths(count, kind.median, kind.longest, kind.spread, seed)
            made_text.write_labelled(path, 2 * size.vocabulary, lengths, kind.classes, seed)
        with open(self.labelled, encoding="utf-8") as source, open(self.test, "w", encoding="utf-8") as file:
            file.writelines(line.split(" ", 1)[1] for line in source)


def thaw_sides(options, files):
    def train():
        done, path = training.thaw_run(options, config(options, files.size, files.train), files.folder)
        with h5py.File(path, "r") as run:
            seconds = run["metrics/classify/epochs"]["seconds"].tolist()
        return files.kind.train / (seconds[-1] - seconds[-2]), done.peak_rss

    def predict():
        run = os.path.join(files.folder, "bench.h5")
        done = measure.run([*options.thaw, "predict", run, files.test], options.thaw_environment())
        return files.kind.test / done.seconds, done.peak_rss

    return Sides(train, predict)


def torch_sides(options, files, variant):
    settings = dict(files.size._asdict(), dropouts=DROPOUTS, optimizer=OPTIMIZER, threads=options.threads,
                    epochs=EPOCHS, variant=variant)
    script = [options.peers, os.path.join(measure.FOLDER, "peer_classifier.py")]

    def run(what, *paths):
        return measure.run([*script, what, json.dumps(settings), *paths], measure.environment(options.threads))

    def train():
        done = run("train", files.train, files.model)
        return files.kind.train / json.loads(done.stdout)["seconds"][-1], done.peak_rss

    def predict():
        done = run("predict", files.model, files.test)
        return files.kind.test / float(done.stderr.split()[-1]), done.peak_rss

    return Sides(train, predict)


def fastest_variant(report, options, files, name):
    reached = {}
    for variant, title in VARIANTS.items():
        try:
            sides = torch_sides(options, files, variant)
            reached[variant] = sides.training()[0], sides.inference()[0]
        except measure.Failure as failure:
            report.failed(title, failure)
    report.note(f"PyTorch's variants at {name}, one run each, training and inference: " + "; ".join(
        f"{VARIANTS[v]} {measure.short(r[0])} and {measure.short(r[1])} documents/s" for v, r in reached.items()))
    return [max(reached, key=lambda v: reached[v][i]) if reached else None for i in range(2)]


def compare(report, options, name, kind, size, folder):
    files = Files(folder, kind, size)
    variants = fastest_variant(report, options, files, name) if options.has_peer("torch") else (None, None)
    for i, what in enumerate(("training", "inference")):
        sides = {"thaw": thaw_sides(options, files)[i]}
        if variants[i]:
            sides[VARIANTS[variants[i]]] = torch_sides(options, files, variants[i])[i]
        results = measure.alternate(sides, options.repetitions)
        report.figure(f"{name} {what}", "documents/s", measure.of_each(results, 0))
        report.figure(f"{name} {what}, peak memory", "MiB", measure.of_each(results, 1), better="lower")


def main():
    options = measure.options(measure.parser(__doc__.partition("\n")[0]))
    kinds = dict(list(KINDS.items())[:1]) if options.quick else KINDS
    size = TINY_SIZE if options.tiny else SIZE
    with measure.Report(options, "classifier", "training and using a classifier") as report:
        if not options.has_peer("torch"):
            report.missing("torch")
        for name, kind in (TINY if options.tiny else kinds).items():
            with tempfile.TemporaryDirectory() as folder:
                compare(report, options, name, kind, size, folder)


if __name__ == "__main__":
    main()
