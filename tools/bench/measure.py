"""measure.py: what the sections of tools/bench.sh share: options, the two sides of a comparison, and its report.

A section is a script that reads the common options, runs the sides of each comparison alternately, so that both meet
the same machine, and reports every figure as minimum, median and maximum with the ratio of medians:

    options = measure.options()
    with measure.Report(options, "lm", "Language model training") as report:
        sides = {"thaw": thaw_rate}
        if options.has_peer("torch"): sides["PyTorch nn.LSTM"] = torch_rate
        else: report.missing("torch")
        report.figure("64/128/1", "tokens/s", measure.alternate(sides, options.repetitions))

Only the standard library is needed here."""

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.dirname(os.path.dirname(FOLDER))
# A peer's OpenBLAS would be told to use thaw's kernels, or the other way round.
OPENBLAS_CHOICES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
INTERRUPTED = "130"  # the exit status of an interrupted command


class Failure(Exception):
    """A command that ended in an error; what it said is the message."""


# ---- Options ----


class Options(argparse.Namespace):
    """The common options, with what follows from them.

    thaw          the command, as a list, of the build that is measured
    build         the folder it lies in
    peers         the Python of the peers' virtual environment, None where there is none
    threads       of both sides
    repetitions   of each side of a comparison
    quick         small sizes only
    json          the file for the figures, or None
    data          a folder with real data, or None: text is generated then
    out           a folder for plots and their numbers"""

    def program(self, name):
        """The path of a program of the build, None when it is not built."""
        for path in (os.path.join(self.build, ".libs", name), os.path.join(self.build, name)):
            if os.access(path, os.X_OK) and os.path.isfile(path):
                return path
        return None

    def thaw_environment(self):
        """environment(), with the build's library and plugins."""
        libraries = os.path.join(self.build, ".libs")
        variables = dict(environment(self.threads), THAW_PLUGIN_PATH=libraries)
        variables["LD_LIBRARY_PATH"] = ":".join(filter(None, (libraries, os.environ.get("LD_LIBRARY_PATH"))))
        return variables

    def peer_version(self, package):
        """The version of a peer's package, None where it is not installed."""
        return installed(self.peers).get(package.lower().replace("_", "-")) if self.peers else None

    def has_peer(self, package):
        return self.peer_version(package) is not None


@functools.lru_cache
def installed(python):
    listing = ("import importlib.metadata as m, json; "
               "print(json.dumps([[d.name, d.version] for d in m.distributions()]))")
    done = subprocess.run([python, "-I", "-c", listing], capture_output=True, text=True, check=True)
    return {name.lower().replace("_", "-"): version for name, version in json.loads(done.stdout)}


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number")
    return number


def parser(description=None):
    """The common options; a section may add its own and give the parser to options()."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--json", metavar="FILE", help="write the figures to FILE too")
    made.add_argument("--quick", action="store_true", help="small sizes and few repetitions")
    made.add_argument("--repetitions", type=positive, metavar="N", help="of each side; default 5, with --quick 3")
    made.add_argument("--threads", type=positive, metavar="N", help="of both sides; default: every core")
    made.add_argument("--thaw", metavar="BUILD_FOLDER", help="where thaw was built; default build/, else the sources")
    made.add_argument("--peers", metavar="VENV", help="the peers' virtual environment, or none; default build-peers/")
    made.add_argument("--tiny", action="store_true", help="sizes at which only the benchmark itself is tested")
    made.add_argument("--data", metavar="FOLDER", help="a folder with real data; default: text is generated")
    made.add_argument("--out", metavar="FOLDER", default=os.path.join(SOURCES, "build-bench"),
                      help="for plots and their numbers; default build-bench/")
    return made


def options(command_line=None):
    """Reads the command line; ends the program with a message where it cannot be met."""
    reading = command_line or parser()
    found = reading.parse_args(namespace=Options())
    cores = sorted(os.sched_getaffinity(0))
    found.threads = found.threads or len(cores)
    if found.threads > len(cores):
        reading.error(f"--threads {found.threads}: this process may use {len(cores)} cores")
    os.sched_setaffinity(0, cores[: found.threads])  # what neither side can overlook
    found.repetitions = found.repetitions or (3 if found.quick else 5)
    found.build = find_build(reading, found.thaw)
    found.thaw = [found.program("thaw")]
    found.peers = find_peers(reading, found.peers)
    return found


def find_peers(reading, wanted):
    if wanted == "none":
        return None
    python = os.path.abspath(os.path.join(wanted or os.path.join(SOURCES, "build-peers"), "bin", "python3"))
    if wanted and not os.path.exists(python):
        reading.error(f"--peers {wanted}: there is no bin/python3")
    return python if os.path.exists(python) else None


def find_build(reading, wanted):
    folders = [wanted] if wanted else [os.path.join(SOURCES, "build"), SOURCES]
    for folder in folders:
        if Options(build=folder).program("thaw"):
            return os.path.abspath(folder)
    reading.error(f"there is no built thaw in {' or '.join(folders)}: build it, or name the folder with --thaw")


def environment(threads):
    """This process's environment without what chooses OpenBLAS's kernels, with the threads to use."""
    kept = {name: value for name, value in os.environ.items() if name not in OPENBLAS_CHOICES}
    return dict(kept, OMP_NUM_THREADS=str(threads))


# ---- Measuring ----


class Done:
    """What a command printed, how long it took and its peak resident memory in MiB."""

    def __init__(self, stdout, stderr, seconds, peak_rss):
        self.stdout, self.stderr, self.seconds, self.peak_rss = stdout, stderr, seconds, peak_rss


def run(command, env, text=None, cwd=None, stop_after=0):
    """Runs a command to its end, with `text` on its standard input. Failure when it fails.

    With `stop_after` it is interrupted after so many seconds, as by Ctrl-C, and ends in its own way: thaw run keeps
    what it has done and measured so far in the run file."""
    reading, writing = os.pipe()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        helper = [sys.executable, "-I", "-S", os.path.join(FOLDER, "child.py"), str(writing), str(stop_after), *command]
        subprocess.run(helper, env=env, cwd=cwd, input=text or "", text=True, stdout=output, stderr=errors,
                       pass_fds=[writing], check=False)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            result = pipe.read().split()
        output.seek(0)
        errors.seek(0)
        good = ("0", INTERRUPTED) if stop_after else ("0",)
        if not result or result[0] not in good:
            what = f"ended with status {result[0]}" if result else "could not be started"
            said = "".join(errors.readlines()[-20:])
            raise Failure(f"{' '.join(map(str, command))} {what}\n{said}")
        return Done(output.read(), errors.read(), float(result[1]), float(result[2]))


def alternate(sides, repetitions):
    """Calls every side's function in turn, `repetitions` times, and returns each side's results in a list.

    The first side is thaw's and must not fail; another one that does has its Failure in place of the list."""
    results = {name: [] for name in sides}
    first = next(iter(sides))
    for _ in range(repetitions):
        for name, function in sides.items():
            if isinstance(results[name], Failure):
                continue
            try:
                results[name].append(function())
            except Failure as failure:
                if name == first:
                    raise
                results[name] = failure
    return results


def of_each(results, member):
    """One member of each result that alternate() returned, by side."""
    return {side: values if isinstance(values, Failure) else [value[member] for value in values]
            for side, values in results.items()}


# ---- Reporting ----


def machine(found):
    """The facts on which the figures depend, but for the machine's name."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = [line.partition(":") for line in file]
    values = {name.strip(): value.strip() for name, _, value in reversed(lines)}
    flags = values.get("flags", values.get("Features", "")).split()
    wanted = [flag for flag in flags if flag in ("fma", "avx2", "neon", "asimd") or flag.startswith("avx512")]
    facts = {"cores": os.cpu_count(), "threads": found.threads, "flags": sorted(wanted)}
    bound = found.program("bench-bound")
    if bound:
        facts["openblas_kernel"] = run([bound, "--kernel"], found.thaw_environment()).stdout.strip()
    return facts


def short(value):
    """Three or four digits that matter."""
    if value is None or value != value:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3}f}"


class Report:
    """The figures of one section: printed as they come, and kept for --json."""

    def __init__(self, found, section, title):
        self.options, self.section = found, section
        self.kept = {"title": title, "figures": [], "notes": [], "missing": []}
        self.header_due = True
        print(f"== {section}: {title}", flush=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is Failure:
            sys.exit(f"{self.section}: {value}")
        if kind is None:
            self.write_json()
            print(flush=True)

    def note(self, text):
        """A sentence that belongs to the figures."""
        self.kept["notes"].append(text)
        self.header_due = True
        print(text, flush=True)

    def missing(self, peer):
        """Names a peer that is not installed and therefore left out."""
        if peer in self.kept["missing"]:
            return
        self.kept["missing"].append(peer)
        self.header_due = True
        print(f"{peer} is not installed and left out (tools/install-peers.sh {peer})", flush=True)

    def figure(self, name, unit, results, better="higher", **more):
        """One comparison: `results` as alternate() returns them, or a number a side; the first side is measured
        against each other one. `more` goes to the JSON only. Returns the medians by side."""
        sides, medians = [], {}
        for side, values in results.items():
            if isinstance(values, Failure):
                self.failed(side, values)
                continue
            values = list(values) if isinstance(values, (list, tuple)) else [values]
            medians[side] = statistics.median(values)
            sides.append({"name": side, "values": values, "median": medians[side], "min": min(values),
                          "max": max(values)})
        first = sides[0]["median"] if sides else None
        for side in sides[1:]:
            side["ratio"] = first / side["median"] if side["median"] else None
        self.kept["figures"].append(dict(more, name=name, unit=unit, better=better, sides=sides))
        self.print_rows(name, unit, better, sides)
        return medians

    def failed(self, side, failure):
        text = str(failure).strip().splitlines()
        self.note(f"{side} failed and is left out: {text[0]}{': ' + text[-1] if len(text) > 1 else ''}")

    def print_rows(self, name, unit, better, sides):
        form = "{:<38} {:<28} {:>9} {:>9} {:>9}  {:<11} {:>7}"
        if self.header_due:
            print(form.format("figure", "side", "median", "minimum", "maximum", "unit", "ratio"))
            self.header_due = False
        for i, side in enumerate(sides):
            ratio = short(side.get("ratio")) + " ×" if i else ""
            numbers = [short(side[key]) for key in ("median", "min", "max")]
            print(form.format("" if i else name, side["name"], *numbers, unit, ratio).rstrip())
        if len(sides) > 1:
            meaning = "more is better" if better == "higher" else "less is better"
            print(f"{'':<38} ratio: {sides[0]['name']} to this side, {meaning}")
        sys.stdout.flush()

    def write_json(self):
        """Adds this section to the file, which may hold those that ran before."""
        path = self.options.json
        if not path:
            return
        whole = {"machine": machine(self.options), "sections": {}}
        if os.path.exists(path) and os.path.getsize(path):
            with open(path, encoding="utf-8") as file:
                whole["sections"] = json.load(file)["sections"]
        whole["sections"][self.section] = self.kept
        with open(path, "w", encoding="utf-8") as file:
            json.dump(whole, file, indent=1, ensure_ascii=False)
            file.write("\n")
