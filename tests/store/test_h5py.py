#!/usr/bin/python3
"""A run file opens in plain h5py, and says there what sample.c put into it.

Skipped (status 77) only where h5py is missing. pandas is tried too where it is installed."""

import math
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy
except ImportError:
    print("h5py is not installed")
    sys.exit(77)

failures = 0


def check(what, found, expected):
    global failures
    same = found == expected
    if isinstance(expected, float) and math.isnan(expected):
        same = math.isnan(found)
    if not same:
        failures += 1
        print(f"{what}: expected {expected!r}, found {found!r}")


def text(dataset):
    return dataset.asstr()[()]


def check_texts(run):
    check("thaw_format", run.attrs["thaw_format"], 1)
    check("complete", run.attrs["complete"], 0)
    check("seed", int(run.attrs["seed"]), 0xFEDCBA9876543210)
    check("seconds", run.attrs["seconds"], 12.75)
    check("name", run.attrs["name"], "trec6 größer")
    check("config/written", text(run["config/written"]), "name: trec6 größer\n")
    check("config/resolved", text(run["config/resolved"]), "name: trec6 größer\nseed: 1\n")
    environment = run["environment"].attrs
    check("environment", set(environment), {"thaw_version", "processor", "hash/train.csv", "empty"})
    check("processor", environment["processor"], "Prozessor µ")
    check("empty", environment["empty"], "")
    tokenizer = run["tokenizer"]
    check("tokenizer", dict(tokenizer.attrs), {"plugin": "word", "version": "1", "settings": ""})
    check("tokenizer state", tokenizer["state"][:].tobytes(), b"to\0ken\nizer\0")
    check("classes", list(run["classes"].asstr()), ["NUM", "no", "été"])


def check_vocabularies(run):
    pieces = ["xxunk", "xxpad", "xxbos", "the", "größe", "字", "a/b"]
    counts = [0, 0, 12, 11, 5, 3, 1 << 40]
    check("pieces", list(run["vocabulary/pieces"].asstr()), pieces)
    check("counts", run["vocabulary/counts"][:].tolist(), counts)
    kept = run["stages/pretrain/vocabulary"]
    check("kept pieces", list(kept["pieces"].asstr()), pieces[:5])
    check("kept counts", kept["counts"][:].tolist(), counts[:5])
    check("finetune has the file's vocabulary", "vocabulary" in run["stages/finetune"], False)


def check_weights(weights, first):
    shapes = {
        "rnn.1": {"w_hh": (8, 4), "bias": (8,)},
        "embedding": {"weight": (5, 3)},
        "head": {"running_mean": (8,), "scale": ()},
    }
    check("groups", set(weights), set(shapes))
    ordered = sorted(weights, key=lambda group: weights[group].attrs["order"])
    check("groups in order", ordered, list(shapes))
    for g, (group, tensors) in enumerate(shapes.items()):
        check(group, set(weights[group]), set(tensors))
        for t, (name, shape) in enumerate(tensors.items()):
            tensor = weights[group][name]
            count = int(numpy.prod(shape))
            rule = [first + g + 0.25 * t - 0.5 * k for k in range(count)]
            check(name, tensor.shape, shape)
            check(name, tensor.dtype, numpy.dtype("<f4"))
            check(name, numpy.ravel(tensor[()]).tolist(), rule)
            check(name, tensor.attrs["trained"], int(name != "running_mean"))
            check(name, len(tensor.attrs["checksum"]), 32)


def check_metrics(run):
    steps, epochs = run["metrics/classify/steps"][:], run["metrics/classify/epochs"][:]
    columns = ["step", "epoch", "loss", "gradient_norm", "tokens_per_second"]
    rates = ["rate_embedding", "rate_rnn.1", "rate_head"]
    check("columns of steps", list(steps.dtype.names), columns + rates)
    check("row of steps", steps[6].tolist(), (6, 1, 1 / 7, 36.0, 1006.0, 3.0, 1.5, 0.0))
    check("number of steps", len(steps), 12)
    distances = ["distance_embedding", "distance_rnn.1", "distance_head"]
    columns = ["epoch", "step", "train_loss", "valid_loss", "perplexity", "accuracy", "macro_f1"]
    check("columns of epochs", list(epochs.dtype.names), columns + ["seconds"] + distances)
    check("distances", epochs["distance_head"].tolist(), [0.5, 1.5, 2.5])
    check("a distance that is not known", float(epochs["distance_rnn.1"][0]), math.nan)
    check("taken", list(run["metrics/classify/taken"].asstr()), ["embedding", "head"])
    check("number of epochs", len(epochs), 3)
    check("train_loss", epochs["train_loss"].tolist(), [2.0, 1.0, 0.0])
    check("accuracy was not measured", float(epochs["accuracy"][1]), math.nan)
    check("steps without rows", len(run["metrics/pretrain/steps"][:]), 0)
    check("epochs without rows", len(run["metrics/pretrain/epochs"][:]), 0)
    try:
        import pandas
    except ImportError:
        print("pandas is not installed: its part is left out")
        return
    frame = pandas.DataFrame(run["metrics/classify/epochs"][:])
    check("pandas, columns", list(frame.columns), columns + ["seconds"] + distances)
    check("pandas, valid_loss", frame["valid_loss"].tolist(), [3.0, 2.0, 1.0])
    check("pandas, no rows", len(pandas.DataFrame(run["metrics/pretrain/epochs"][:])), 0)


def check_predictions(run):
    test = run["predictions/test"]
    check("gold", test["gold"][:].tolist(), [0, 1, 2, 0])
    check("predicted", test["predicted"][:].tolist(), [0, 1, 1, 0])
    rule = numpy.array([[(d + 1) / (c + 2) for c in range(3)] for d in range(4)], dtype="float32")
    check("probabilities", test["probabilities"][:].tolist(), rule.tolist())
    check("no predictions", run["predictions/valid/probabilities"].shape, (0, 3))


def check_state(run):
    state = run["state"]
    check("state", set(state), {"optimizer%2Frnn.1%2Fm", "position", "sums", "nothing"})
    check("moments", state["optimizer%2Frnn.1%2Fm"][:].tolist(), [1.5, -2.25, 3.0])
    check("position", state["position"][:].tolist(), [17, -1, (1 << 63) - 1, -(1 << 63)])
    check("sums", state["sums"][:].tolist(), [0.1, -1e300])
    check("nothing", state["nothing"].shape, (0,))


def main():
    program = os.path.join(os.environ.get("THAW_BUILD", "."), "tests/store/test_runfile")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sample.h5")
        subprocess.run([program, path], check=True)
        with h5py.File(path, "r") as run:
            check_texts(run)
            check_vocabularies(run)
            check_weights(run["weights"], 0)
            check_weights(run["stages/pretrain/weights"], 10)
            check_weights(run["stages/finetune/weights"], 10)
            check_metrics(run)
            check_predictions(run)
            check_state(run)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
