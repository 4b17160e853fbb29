"""predict.py: how long a person waits: for the label of one sentence, and for the command to start at all.

`echo SENTENCE | thaw predict RUN.h5`, the start of the command included, with a model of the size that TREC-6 is
classified with (100/256/2, vocabulary 10,000) and with fastai's (400/1152/3, 20,000). The peer is a Python script
that imports torch, loads the same model's weights and does the same. What the weights are does not matter here: they
are trained for one step."""

import json
import os
import tempfile

import classifier
import made_text
import measure
import training
from training import Size

SIZES = {"100/256/2": Size(100, 256, 2, 10000, 32, None), "400/1152/3": Size(400, 1152, 3, 20000, 32, None)}
TINY = {"8/16/1": Size(8, 16, 1, 200, 16, None)}
SENTENCE = "What is the most frequent word that a person who asks a question begins with ?"
CLASSES = 6
READ = 4  # the words of a document that training reads


def write_documents(path, size):
    """One batch of documents that together have more words than the vocabulary; training reads the end of each."""
    words = [made_text.word(rank) for rank in range(size.vocabulary)]
    with open(path, "w", encoding="utf-8") as file:
        for d in range(size.batch):
            file.write(f"c{d % CLASSES} {' '.join(words[d :: size.batch])}\n")


def thaw_model(options, size, documents, folder):
    config = classifier.config(options, size, documents)
    config["stages"]["classify"].update(epochs=1, max_length=READ)
    _, path = training.thaw_run(options, config, folder)
    if training.vocabulary_size(path) != size.vocabulary:
        raise measure.Failure(f"the documents have {training.vocabulary_size(path)} pieces, not {size.vocabulary}")
    return path


def seconds_of(command, environment, text=None):
    """A side: milliseconds from the command's start to its end."""

    def side():
        done = measure.run(command, environment, text=text)
        return done.seconds * 1000, done.peak_rss

    return side


def compare_predict(report, options, name, size, folder):
    documents = os.path.join(folder, "documents.txt")
    write_documents(documents, size)
    run = thaw_model(options, size, documents, folder)
    sides = {"thaw": seconds_of([*options.thaw, "predict", run], options.thaw_environment(), SENTENCE + "\n")}
    if options.has_peer("torch"):
        sides["PyTorch"] = torch_side(options, size, documents, os.path.join(folder, "model.pt"))
    results = measure.alternate(sides, repetitions(options))
    report.figure(f"{name} V {size.vocabulary} predict", "ms", measure.of_each(results, 0), better="lower")
    report.figure(f"{name} V {size.vocabulary} predict, memory", "MiB", measure.of_each(results, 1), better="lower")


def torch_side(options, size, documents, model):
    settings = dict(size._asdict(), dropouts=classifier.DROPOUTS, threads=options.threads, variant="padded")
    script = [options.peers, os.path.join(measure.FOLDER, "peer_classifier.py")]
    environment = measure.environment(options.threads)
    measure.run([*script, "new", json.dumps(settings), documents, model], environment)
    return seconds_of([*script, "predict", json.dumps(settings), model, "-"], environment, SENTENCE + "\n")


def compare_start(report, options):
    environment = options.thaw_environment()
    sides = {f"thaw {word}": seconds_of([*options.thaw, word], environment) for word in ("--version", "--help")}
    if options.has_peer("torch"):
        sides["import torch"] = seconds_of([options.peers, "-c", "import torch"], measure.environment(options.threads))
    results = measure.alternate(sides, repetitions(options))
    report.figure("start of the command", "ms", measure.of_each(results, 0), better="lower")


def repetitions(options):
    """These commands are short, and the first ones find cold caches."""
    return options.repetitions if options.tiny else 4 * options.repetitions


def main():
    options = measure.options(measure.parser(__doc__.partition("\n")[0]))
    sizes = TINY if options.tiny else dict(list(SIZES.items())[: 1 if options.quick else 2])
    with measure.Report(options, "predict", "one sentence, and the start of the command") as report:
        if not options.has_peer("torch"):
            report.missing("torch")
        compare_start(report, options)
        for name, size in sizes.items():
            with tempfile.TemporaryDirectory() as folder:
                compare_predict(report, options, name, size, folder)


if __name__ == "__main__":
    main()
