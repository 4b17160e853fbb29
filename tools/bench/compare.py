"""compare.py: what thaw compare needs for the runs of a large sweep: processor seconds and memory.

One small classifier is trained and tested on 500 documents; bench-runs makes run files of it with other settings,
seeds and predictions, five seeds each. Measured are grouping, averaging and testing all rows against the best, from
the command's start to its end, once with the files' pages in the system's cache, as after any sweep. Processor seconds
(user and system) are what is left the same on a machine that has other things to do."""

import os
import resource
import tempfile

import classifier
import made_text
import measure
import training
from training import Size

COUNTS = (1000, 10000)
TINY = (20,)
SIZE = Size(8, 16, 1, 2000, 32, None)
CLASSES = 6


def template(options, folder):
    """The run file of a classifier with 500 test documents."""
    paths = {name: os.path.join(folder, name + ".txt") for name in ("train", "test")}
    for seed, (name, path) in enumerate(paths.items()):
        lengths = made_text.lengths(500, 10, 40, 0.4, seed)
        made_text.write_labelled(path, 2 * SIZE.vocabulary, lengths, CLASSES, seed)
    config = classifier.config(options, SIZE, paths["train"])
    config["data"]["target"]["test"] = paths["test"]
    return training.thaw_run(options, config, folder)[1]


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(options, folder, *more):
    """A side: processor seconds and MiB of one comparison."""

    def side():
        before = processor_seconds()
        done = measure.run([*options.thaw, "compare", "-q", *more, folder], options.thaw_environment())
        return processor_seconds() - before, done.peak_rss

    return side


def main():
    options = measure.options(measure.parser(__doc__.partition("\n")[0]))
    counts = TINY if options.tiny else COUNTS[: 1 if options.quick else 2]
    with measure.Report(options, "compare", "the table of many runs") as report:
        maker = options.program("bench-runs")
        if not maker:
            raise measure.Failure("bench-runs is not built")
        with tempfile.TemporaryDirectory() as folder:
            run = template(options, folder)
            for count in counts:
                runs = os.path.join(folder, str(count))
                measure.run([maker, run, runs, str(count)], options.thaw_environment())
                sides = {"thaw compare": compare(options, runs),
                         "without tests": compare(options, runs, "--baseline", "none")}
                results = measure.alternate(sides, options.repetitions)
                report.figure(f"{count} runs, processor", "s", measure.of_each(results, 0), better="lower")
                report.figure(f"{count} runs, memory", "MiB", measure.of_each(results, 1), better="lower")


if __name__ == "__main__":
    main()
