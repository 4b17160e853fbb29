#!/usr/bin/env python3
"""Is a sweep that is killed again and again the same as one that is not, and what does sharing save?

    THAW_PLUGIN_PATH=build/.libs tools/check-sweep.py --thaw build/thaw --data ../shared/data [--quick]

Runs experiments/sweep/heads.yaml (4 heads x 3 transfers x 3 unfreezing schedules x 3 seeds on TREC-6) three times:

  1. undisturbed, with a cache of its own
  2. with another cache, killed by kill -9 at random moments, the sweep itself and its children in turn, and
     resumed by the same command each time; in the end 'thaw compare' must print the same table, but for the seconds
  3. some runs singly, each with an empty cache as if there were no sweep, for the time that all would take: a
     sample of every transfer, scaled to the number of its runs

--data is a folder with trec6/train_5500.label, trec6/TREC_10.label, general/train.csv.gz and
general/valid.csv.gz (see experiments/sweep/README.md). With --quick it is 8 runs with a language model of
validation text, a minute or two in all. The exit status is 0 when the tables are equal. Needs Python 3 alone."""
import argparse
import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Sweep:
    """The command, with a cache and a folder of runs of its own."""

    def __init__(self, options, folder, name):
        self.options, self.folder = options, os.path.join(folder, name)
        self.runs = os.path.join(self.folder, "runs")
        self.where = ["--cache", os.path.join(self.folder, "cache"), "--runs", self.runs, "--checkpoint", "5"]

    def command(self, *more):
        return [self.options.thaw, "sweep", "--jobs", str(self.options.jobs), *self.where, *settings(self.options),
                *more, self.options.config]

    def start(self):
        os.makedirs(self.folder, exist_ok=True)
        self.log = open(os.path.join(self.folder, "sweep.log"), "ab")
        return subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def finish(self):
        """Runs to the end; seconds."""
        begin = time.monotonic()
        status = self.start().wait()
        if status:
            sys.exit(f"the sweep ended with status {status}; see {self.log.name}")
        return time.monotonic() - begin

    def table(self):
        """Of thaw compare, by the names of the files, without what is measured in seconds."""
        text = subprocess.run([self.options.thaw, "compare", "--format", "csv", self.runs], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        rows = list(csv.reader(io.StringIO(text)))
        keep = [i for i, name in enumerate(rows[0]) if "seconds" not in name]
        return [[row[i] for i in keep] for row in rows]

    def plan(self):
        """What is to be trained, by --dry-run."""
        text = subprocess.run(self.command("--dry-run", "--format", "json"), check=True, stdout=subprocess.PIPE,
                              text=True).stdout
        return json.loads(text)


def settings(options):
    """The options that put the data, and with --quick fewer of them, in the place of the config's."""
    general, trec = os.path.join(options.data, "general"), os.path.join(options.data, "trec6")
    sets = [f"data.general.train={general}/{'valid' if options.quick else 'train'}.csv.gz",
            f"data.general.valid={general}/valid.csv.gz",
            f"data.target.train={trec}/train_5500.label", f"data.target.test={trec}/TREC_10.label"]
    if options.quick:
        sets += ["data.target.labels=600", "stages.classify.epochs=3", "seed=1", "sweep.head.plugin=[mean, max]",
                 "sweep.stages.classify.transfer=[none, all]",
                 "sweep.stages.classify.schedule=[[{plugin: stlr}], [{plugin: stlr}, {plugin: gradual_unfreeze}]]"]
    return [word for text in sets for word in ("--set", text)]


def children_of(process):
    """Of the sweep: its jobs."""
    try:
        with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def kill(sweep, number, moment):
    """Starts it and kills it after so many seconds: itself, or every third time its jobs instead. Did it go so far?"""
    process = sweep.start()
    try:
        process.wait(moment)
        return False
    except subprocess.TimeoutExpired:
        pass
    victims = children_of(process.pid) if number % 3 == 2 else [process.pid]
    for victim in victims:
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if process.pid not in victims:  # it goes on with other runs; once more, from the start
        time.sleep(1)
        process.send_signal(signal.SIGINT)
    process.wait()
    return True


def split_settings(text):
    """'a=[b, c] d=e' as ['a=[b, c]', 'd=e']: blanks inside brackets or quotes do not separate."""
    parts, depth, quoted = [""], 0, ""
    for character in text:
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in "'\"":
            quoted = character
        else:
            depth += (character in "[{") - (character in "]}")
        if character == " " and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def measure_single(options, folder, plan):
    """The time of single runs without a shared cache: a sample of every transfer, scaled."""
    families = {}
    for row in plan:
        if row["stage"] != "classify":
            continue
        sets = split_settings(row["settings"])
        transfer = next(s for s in sets if s.startswith("stages.classify.transfer="))
        families.setdefault(transfer, []).append(sets)
    total = 0
    for transfer, runs in families.items():
        sample = random.sample(runs, min(options.sample, len(runs)))
        begin = time.monotonic()
        for number, sets in enumerate(sample):
            alone = os.path.join(folder, "alone", transfer, str(number))
            subprocess.run([options.thaw, "-q", "run", "--cache", os.path.join(alone, "cache"), "--runs", alone,
                            *settings(options), *(word for s in sets for word in ("--set", s)), options.config],
                           check=True, stdout=subprocess.DEVNULL)
        seconds = (time.monotonic() - begin) / len(sample)
        print(f"   {transfer}: {seconds:.1f} s a run, mean of {len(sample)} of {len(runs)}", flush=True)
        total += seconds * len(runs)
    return total


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thaw", default="thaw", help="the program (default: thaw)")
    parser.add_argument("--data", required=True, help="the folder of data")
    parser.add_argument("--config", default=os.path.join(TOP, "experiments", "sweep", "heads.yaml"))
    parser.add_argument("--jobs", type=int, default=2, help="jobs at once (default: 2)")
    parser.add_argument("--kills", type=int, default=6, help="how often it is killed (default: 6)")
    parser.add_argument("--sample", type=int, default=2, help="single runs of each transfer (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (default: 1)")
    parser.add_argument("--quick", action="store_true", help="8 small runs instead of 108")
    parser.add_argument("--keep", metavar="FOLDER", help="keep everything there (default: a temporary folder)")
    options = parser.parse_args()
    options.data = os.path.abspath(options.data)
    if os.path.dirname(options.thaw):
        options.thaw = os.path.abspath(options.thaw)
    return options


def check(options, folder):
    random.seed(options.seed)
    undisturbed, killed = Sweep(options, folder, "undisturbed"), Sweep(options, folder, "killed")
    plan = undisturbed.plan()
    runs = sum(row["stage"] == "classify" for row in plan)
    print(f"1. undisturbed: {runs} runs, {len(plan)} stages", flush=True)
    seconds = undisturbed.finish()
    print(f"   {seconds:.1f} s with --jobs {options.jobs}\n2. killed", flush=True)
    kills = 0
    while kills < options.kills:
        moment = random.uniform(0, seconds / (options.kills + 1) * 1.5)
        if not kill(killed, kills, moment):
            break
        kills += 1
        print(f"   kill {kills}, after {moment:.1f} s", flush=True)
    print(f"   {killed.finish():.1f} s for the rest", flush=True)
    expected, found = undisturbed.table(), killed.table()
    same = expected == found
    if not same:
        for a, b in zip(expected, found):
            if a != b:
                print(f"   expected {','.join(a)}\n   found    {','.join(b)}")
    print(f"   killed {kills} times: the tables, {len(expected) - 1} rows, are {'equal' if same else 'NOT equal'}")
    print("3. single runs, each with a cache of its own", flush=True)
    single = measure_single(options, folder, plan)
    print(f"   all {runs}: {single:.0f} s, {single / seconds:.1f} times the sweep's {seconds:.0f} s")
    return same and kills > 0


def main():
    options = read_options()
    if options.keep:
        return 0 if check(options, os.path.abspath(options.keep)) else 1
    with tempfile.TemporaryDirectory(prefix="thaw-sweep-") as folder:
        return 0 if check(options, folder) else 1


if __name__ == "__main__":
    sys.exit(main())
