"""training.py: thaw's side of what is trained: configs, `thaw run`, and what its run file says.

Needs h5py. A training's speed is read from /metrics/STAGE/steps of the run file: the tokens of a step by its time from
batch to updated weights, without the first steps. The peers' steps are timed from the same point to the same point."""

import collections
import glob
import json
import os
import shutil
import statistics
import sys

import made_text
import measure

try:
    import h5py
except ImportError:
    sys.exit("tools/bench: h5py is needed to read run files (Debian: python3-h5py)")

Size = collections.namedtuple("Size", "embedding hidden layers vocabulary batch bptt")
Trained = collections.namedtuple("Trained", "rate rates peak_rss seconds")

# fastai's defaults for a language model, which are thaw's own; said here because both sides must have the same.
DROPOUTS = {"output_p": 0.1, "hidden_p": 0.15, "input_p": 0.25, "embed_p": 0.02, "weight_p": 0.2}
OPTIMIZER = {"name": "adam", "lr": 1e-3, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.01, "clip": 0.25}
CONSTANT = [{"plugin": "constant"}]


def encoder(size):
    return dict(DROPOUTS, plugin="awd_lstm", embedding=size.embedding, hidden=size.hidden, layers=size.layers,
                alpha=2, beta=1)


def corpus_for(size, path):
    """A made-up corpus with more words than the size's vocabulary, so that max_vocab cuts it to exactly its number."""
    made_text.write_corpus(path, 2 * size.vocabulary, 50 * size.vocabulary)


def language_model(size, corpus, threads):
    """A config, as nested dictionaries: a language model of this size, on a text file."""
    return {
        "name": "bench",
        "threads": threads,
        "data": {"general": {"format": "text", "train": os.path.abspath(corpus)}},
        "tokenizer": {"plugin": "word", "min_count": 1, "max_vocab": size.vocabulary},
        "encoder": encoder(size),
        "stages": {"pretrain": {"data": "general", "epochs": 1000, "batch": size.batch, "bptt": size.bptt,
                                "optimizer": OPTIMIZER, "schedule": CONSTANT}},
    }


def write_config(path, config):
    """JSON is YAML."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file, indent=1)


def thaw_run(options, config, folder, stop_after=0):
    """`thaw run` of a config, from the start, in a folder of its own. Returns measure.Done and the path of the run
    file: a language model that was interrupted has it in the stage cache, or none before its first step."""
    path, output, cache = (os.path.join(folder, name) for name in ("bench.yaml", "bench.h5", "cache"))
    write_config(path, config)
    shutil.rmtree(cache, ignore_errors=True)
    for old in glob.glob(output + "*"):
        os.remove(old)
    command = [*options.thaw, "run", "-q", path, "-o", output, "--cache", cache, "--checkpoint", "86400"]
    done = measure.run(command, options.thaw_environment(), stop_after=stop_after)
    found = glob.glob(output) + glob.glob(os.path.join(cache, "*.h5"))
    return done, found[0] if found else None


def step_rates(path, stage):
    """Tokens per second of every step but the first ones: one in ten, at least one."""
    with h5py.File(path, "r") as run:
        rates = run["metrics"][stage]["steps"]["tokens_per_second"].tolist()
        seconds = float(run.attrs["seconds"])
    return rates[max(1, len(rates) // 10):], seconds


def vocabulary_size(path):
    with h5py.File(path, "r") as run:
        return len(run["vocabulary/pieces"])


def train_language_model(options, size, corpus, folder, seconds, least_steps=2):
    """Trains for about `seconds`; longer where that is too short for `least_steps` steps after the first."""
    config = language_model(size, corpus, options.threads)
    while True:
        done, path = thaw_run(options, config, folder, stop_after=seconds)
        rates, taken = step_rates(path, "pretrain") if path else ([], 0)
        if len(rates) >= least_steps:
            break
        if seconds > 3600:
            raise measure.Failure(f"thaw run took fewer than {least_steps + 1} steps in an hour")
        seconds *= 2
    if vocabulary_size(path) != size.vocabulary:
        raise measure.Failure(f"the corpus has {vocabulary_size(path)} pieces, not {size.vocabulary}")
    return Trained(statistics.median(rates), rates, done.peak_rss, taken)
