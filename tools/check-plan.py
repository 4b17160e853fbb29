#!/usr/bin/env python3
"""Compare what thaw plan says with what thaw run then does: peak memory and time.

    THAW_PLUGIN_PATH=build/.libs tools/check-plan.py --thaw build/thaw [EXPERIMENT.yaml]...

Without experiments it makes six of its own, from generated words; they take about three minutes. Every
run begins with an empty stage cache in a temporary folder. The exit status is 0 when all predictions
are within 15 % for memory and 30 % for time. On a machine that does something else at the same time
the times say little; memory does not care. Needs Python 3 alone."""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time

MEMORY, TIME = 15, 30  # per cent
MEBIBYTE = 1 << 20

HEAD = """\
name: {name}
tokenizer: {{plugin: word, min_count: 1, max_vocab: 100000}}
"""

# Each puts weight on something else: the vocabulary, the length of documents, frozen groups, the optimizer,
# evaluation, the whole chain of stages.
CONFIGS = {
    "lm-small": """
data: {d: {format: text, train: words-2000.txt, valid_fraction: 0.1}}
encoder: {plugin: awd_lstm, embedding: 64, hidden: 256, layers: 2}
stages:
  pretrain: {data: d, epochs: 3, batch: 16, bptt: 35, optimizer: {name: adam, lr: 1e-3}}
""",
    "lm-large": """
data: {d: {format: text, train: words-40000.txt}}
encoder: {plugin: awd_lstm, embedding: 128, hidden: 256, layers: 2}
stages:
  pretrain: {data: d, epochs: 1, batch: 32, bptt: 50, vary_bptt: 5, optimizer: {name: sgd, lr: 1}}
""",
    "short": """
data: {d: {format: csv, train: short.csv, test: short-test.csv, label: label, valid_fraction: 0.1}}
encoder: {plugin: awd_lstm, embedding: 100, hidden: 200, layers: 2}
head: {plugin: concat, hidden: [50]}
stages:
  classify: {data: d, epochs: 8, batch: 32, transfer: none, optimizer: {name: adam, lr: 1e-3}}
""",
    "long": """
data: {d: {format: csv, train: long.csv, label: label}}
encoder: {plugin: awd_lstm, embedding: 100, hidden: 200, layers: 2}
head: {plugin: mean}
stages:
  classify: {data: d, epochs: 2, batch: 16, transfer: none,
             optimizer: {name: sgd, lr: 0.1, momentum: 0.9}}
""",
    "tested": """
data: {d: {format: csv, train: short.csv, valid: long.csv, test: long.csv, label: label}}
encoder: {plugin: awd_lstm, embedding: 100, hidden: 200, layers: 1}
head: {plugin: max}
stages:
  classify: {data: d, epochs: 3, batch: 32, transfer: none, keep: last,
             optimizer: {name: adam, lr: 1e-3}}
""",
    "recipe": """
data:
  general: {format: text, train: words-10000.txt, valid_fraction: 0.05}
  target: {format: csv, train: long.csv, test: short-test.csv, label: label, valid_fraction: 0.2}
encoder: {plugin: awd_lstm, embedding: 100, hidden: 256, layers: 2}
head: {plugin: concat, hidden: [50]}
stages:
  pretrain: {data: general, epochs: 1, batch: 32, bptt: 40, optimizer: {name: adam, lr: 3e-3}}
  finetune: {data: target, epochs: 1, batch: 16, bptt: 40, optimizer: {name: adam, lr: 3e-3}}
  classify: {data: target, epochs: 4, batch: 16, transfer: all, optimizer: {name: adam, lr: 3e-3},
             schedule: [{plugin: stlr}, {plugin: gradual_unfreeze}, {plugin: discriminative}]}
""",
}


class Words:
    """Random words, seldom ones among them, as in a language."""

    def __init__(self, count, seed):
        self.random = random.Random(seed)
        self.words = [f"w{i}" for i in range(count)]
        total, self.sums = 0, []
        for i in range(count):
            total += 1 / (i + 10)
            self.sums.append(total)

    def text(self, length):
        return " ".join(self.random.choices(self.words, cum_weights=self.sums, k=length))


def write_text(path, words, tokens):
    source = Words(words, 1)
    with open(path, "w") as file:
        for _ in range(tokens // 100):
            file.write(source.text(100) + "\n")
        file.write(" ".join(source.words) + "\n")  # each occurs


def write_csv(path, words, documents, length):
    """`length` draws a document's length."""
    source = Words(words, documents)
    with open(path, "w") as file:
        file.write("text,label\n")
        for i in range(documents):
            file.write(f"{source.text(length(source.random))},{'ab'[i % 2]}\n")


def write_experiments(folder):
    def short(rng):
        return rng.randint(3, 25)

    def long(rng):
        return min(1500, int(rng.lognormvariate(5, 0.8)) + 5)

    os.chdir(folder)
    write_text("words-2000.txt", 2000, 120000)
    write_text("words-10000.txt", 10000, 150000)
    write_text("words-40000.txt", 40000, 40000)
    write_csv("short.csv", 5000, 6000, short)
    write_csv("short-test.csv", 4000, 1000, short)
    write_csv("long.csv", 8000, 500, long)
    for name, text in CONFIGS.items():
        with open(name + ".yaml", "w") as file:
            file.write(HEAD.format(name=name) + text.lstrip("\n"))
    return [name + ".yaml" for name in CONFIGS]


def plan(thaw, words):
    """What plan says: bytes, seconds; and how long that took."""
    begin = time.monotonic()
    child = subprocess.run([thaw, "plan", "-q", "--format", "json"] + words, stdout=subprocess.PIPE)
    if child.returncode != 0:
        sys.exit(f"thaw plan {' '.join(words)} failed")
    stages = json.loads(child.stdout)
    taken = time.monotonic() - begin
    return max(s["bytes"] for s in stages), sum(s["seconds"] for s in stages), taken


def run(thaw, words):
    """What run did: its largest resident size and its time."""
    begin = time.monotonic()
    child = subprocess.Popen([thaw, "run", "-q"] + words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"thaw run {' '.join(words)} failed")
    return usage.ru_maxrss * 1024, time.monotonic() - begin


def compare(thaw, experiment, sets):
    """Prints a row; whether both predictions are within what is allowed."""
    with tempfile.TemporaryDirectory() as scratch:
        words = [experiment, "--cache", os.path.join(scratch, "cache"), "--output", os.path.join(scratch, "run.h5")]
        words += [word for value in sets for word in ("--set", value)]
        planned_bytes, planned_seconds, taken = plan(thaw, words)
        found_bytes, found_seconds = run(thaw, words)
    memory = 100 * (planned_bytes / found_bytes - 1)
    seconds = 100 * (planned_seconds / found_seconds - 1)
    name = os.path.basename(experiment).removesuffix(".yaml")
    print(f"{name:12} {taken:6.1f} s {planned_bytes / MEBIBYTE:8.0f} {found_bytes / MEBIBYTE:8.0f} {memory:+6.1f} %"
          f" {planned_seconds:8.1f} {found_seconds:8.1f} {seconds:+6.1f} %", flush=True)
    return abs(memory) <= MEMORY and abs(seconds) <= TIME


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT.yaml")
    parser.add_argument("--thaw", default="thaw", help="the command (%(default)s)")
    parser.add_argument("--only", action="append", choices=CONFIGS, help="of its own experiments only this one")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for plan and run (threads=1)")
    given = parser.parse_args()
    thaw = os.path.abspath(given.thaw) if os.path.exists(given.thaw) else given.thaw
    experiments = [os.path.abspath(path) for path in given.experiments]
    plugins = os.environ.get("THAW_PLUGIN_PATH")
    if plugins:
        os.environ["THAW_PLUGIN_PATH"] = ":".join(os.path.abspath(path) for path in plugins.split(":"))
    print(f"{'':12} {'plan took':>8} {'memory (MiB)':^25}   {'time (s)':^25}")
    print(f"{'experiment':12} {'':8} {'planned':>8} {'found':>8} {'':8} {'planned':>8} {'found':>8}")
    with tempfile.TemporaryDirectory() as folder:
        if not experiments:
            experiments = write_experiments(folder)
            if given.only:
                experiments = [name + ".yaml" for name in given.only]
        good = [compare(thaw, experiment, given.set) for experiment in experiments]
        os.chdir("/")
    if not all(good):
        sys.exit(f"{good.count(False)} of {len(good)} are not within {MEMORY} % of memory and {TIME} % of time")


if __name__ == "__main__":
    main()
