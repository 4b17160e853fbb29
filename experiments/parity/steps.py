#!/usr/bin/python3
"""steps.py: does training go the same way in thaw and in PyTorch?

    experiments/parity/steps.py --peers VENV --data FOLDER [--encoder awd_lstm|transformer] [--steps 200]

With dropout off, equal initial weights (thaw's) and the same batches, both sides take the same steps with AdamW and
clipping; the AWD-LSTM with AR and TAR. Prints the losses of some steps and the largest relative difference of all; exit
status 1 where that is above 1e-3. FOLDER/general/valid.csv.gz gives the words. Needs h5py here and torch in VENV
(tools/install-peers.sh)."""

import argparse
import csv
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

import h5py
import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
MOST = 1e-3
ENCODERS = {
    "awd_lstm": {"plugin": "awd_lstm", "embedding": 100, "hidden": 256, "layers": 2, "drop_mult": 0, "alpha": 2, "beta": 1},
    "transformer": {"plugin": "transformer", "embedding": 128, "layers": 3, "heads": 4, "positions": 64, "embed_p": 0,
                    "attention_p": 0, "residual_p": 0},
}
BATCH, BPTT = 16, 32
# At 2e-3 the transformer's training is chaotic: PyTorch in float32 leaves PyTorch in float64 by a percent in 50 steps.
RATES = {"awd_lstm": 2e-3, "transformer": 5e-4}
OPTIMIZER = {"name": "adam", "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "weight_decay": 0.01, "clip": 0.25}


def write_text(data, tokens, path):
    """One document of lower-case words: whatever the tokenizer, the pieces are these words."""
    csv.field_size_limit(sys.maxsize)
    words = []
    with gzip.open(os.path.join(data, "general", "valid.csv.gz"), "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            words += [word for word in re.findall("[a-z]+", row["text"].lower()) if len(word) < 20]
    if len(words) < tokens - 1:
        sys.exit(f"steps.py: {len(words)} words are too few for {tokens} tokens: fewer --steps")
    with open(path, "w", encoding="utf-8") as file:
        file.write("text\n" + " ".join(words[: tokens - 1]) + "\n")


def thaw_run(options, folder, name, config):
    """The run file of a config."""
    path, output = os.path.join(folder, name + ".json"), os.path.join(folder, name + ".h5")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    subprocess.run([options.thaw, "run", "-q", path, "-o", output, "--cache", os.path.join(folder, "cache-" + name)],
                   check=True, stdout=subprocess.DEVNULL)
    return output


def optimizer(options):
    return dict(OPTIMIZER, lr=RATES[options.encoder])


def config(options, folder, steps_of):
    settings = {"data": "general", "epochs": 1, "batch": BATCH, "bptt": BPTT, "optimizer": steps_of,
                "schedule": [{"plugin": "constant"}]}
    return {
        "name": "parity", "seed": 1, "threads": options.threads,
        "data": {"general": {"format": "csv", "train": os.path.join(folder, "text.csv"), "text": "text"}},
        "tokenizer": {"plugin": "word", "min_count": 1, "max_vocab": 5000, "contractions": False, "repetitions": False},
        "encoder": ENCODERS[options.encoder],
        "stages": {"pretrain": settings},
    }


def take_over(run, folder):
    """Writes the weights and the text's ids where the peer finds them."""
    with h5py.File(run, "r") as file:
        weights = {f"{group}/{name}": tensor[()] for group, tensors in file["weights"].items()
                   for name, tensor in tensors.items()}
        pieces = [piece.decode() for piece in file["vocabulary/pieces"][()]]
    numbers = {piece: i for i, piece in enumerate(pieces)}
    with open(os.path.join(folder, "text.csv"), encoding="utf-8") as file:
        words = file.read().split("\n")[1].split(" ")
    ids = [numbers["xxbos"]] + [numbers.get(word, numbers["xxunk"]) for word in words]
    np.save(os.path.join(folder, "ids.npy"), np.array(ids, dtype=np.int32))
    np.savez(os.path.join(folder, "weights.npz"), **weights)


def peer_losses(options, folder):
    settings = {"encoder": ENCODERS[options.encoder], "optimizer": optimizer(options), "batch": BATCH, "bptt": BPTT,
                "steps": options.steps, "threads": options.threads}
    with open(os.path.join(folder, "settings.json"), "w", encoding="utf-8") as file:
        json.dump(settings, file)
    python = os.path.join(options.peers, "bin", "python")
    done = subprocess.run([python, os.path.join(FOLDER, "peer_steps.py"), folder], check=True, capture_output=True)
    return np.array(json.loads(done.stdout))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--thaw", default="thaw", help="the command (%(default)s)")
    parser.add_argument("--peers", metavar="VENV", required=True, help="virtual environment with torch")
    parser.add_argument("--data", metavar="FOLDER", required=True, help="with general/valid.csv.gz")
    parser.add_argument("--encoder", choices=ENCODERS, default="awd_lstm")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_text(options.data, BATCH * BPTT * options.steps + 1, os.path.join(folder, "text.csv"))
        # The smallest rate there is leaves the initial weights, which depend on the seed alone, as they are.
        still = {"name": "sgd", "lr": 1e-12, "momentum": 0, "weight_decay": 0}
        take_over(thaw_run(options, folder, "start", config(options, folder, still)), folder)
        run = thaw_run(options, folder, "trained", config(options, folder, optimizer(options)))
        with h5py.File(run, "r") as file:
            found = file["metrics/pretrain/steps"]["loss"]
        expected = peer_losses(options, folder)
    if len(found) != len(expected):
        sys.exit(f"steps.py: thaw took {len(found)} steps, PyTorch {len(expected)}")
    difference = np.abs(found / expected - 1)
    print(f"{options.encoder}: cross entropy of {len(found)} steps\n{'step':>5} {'thaw':>10} {'PyTorch':>10} {'relative':>9}")
    for i in sorted({0, 1, len(found) // 4, len(found) // 2, 3 * len(found) // 4, len(found) - 1}):
        print(f"{i + 1:5} {found[i]:10.6f} {expected[i]:10.6f} {difference[i]:9.1e}")
    print(f"largest relative difference: {difference.max():.1e} (at step {difference.argmax() + 1}); allowed: {MOST:.0e}")
    sys.exit(bool(difference.max() > MOST))


if __name__ == "__main__":
    main()
