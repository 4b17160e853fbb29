"""recipe.py: the whole recipe on one small data set, against fastai at equal settings: seconds, accuracy and memory.

A language model of general text, fine-tuned on the text of questions, then a classifier with concat pooling, gradual
unfreezing and discriminative rates. Both sides have the same documents, sizes, dropouts, epochs, batches, Adam
(weight decay on every weight) and rates: each stage rises and falls in straight lines (stlr), in fastai by its
ParamScheduler. A vocabulary is that of a stage's own text, words seen before keep their embedding, and the last
epoch's weights are tested. The tokenizers are not the same: thaw's, and a regular expression within fastai's rules.

Seconds are those of the whole command: start, tokenizing, three stages with validation after every epoch, test.
Every repetition has another seed, the same on both sides.

With --same-pieces the text is cut beforehand into lower-case words, so that perplexities can be compared as well.

With --data FOLDER: FOLDER/general/train.csv.gz and valid.csv.gz, and FOLDER/trec6/train_5500.label and TREC_10.label.
Otherwise the text is made up, and its accuracies say nothing of real text."""

import collections
import json
import math
import os
import statistics
import tempfile

import h5py

import measure
import recipe_data
import training

Plan = collections.namedtuple("Plan", "embedding hidden layers vocabulary words documents epochs")
PLAN = Plan(100, 256, 2, 10000, 200_000, 3000, (2, 2, 8))
QUICK = Plan(64, 128, 1, 5000, 60_000, 1500, (1, 2, 8))
TINY = Plan(8, 16, 1, 500, 3000, 100, (1, 1, 2))

LANGUAGE_MODEL = {"output_p": 0.03, "hidden_p": 0.045, "input_p": 0.075, "embed_p": 0.006, "weight_p": 0.06}
CLASSIFIER = {"hidden_p": 0.15, "input_p": 0.2, "embed_p": 0.025, "weight_p": 0.25}
OPTIMIZER = {"name": "adam", "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-5, "weight_decay": 0.01}
STLR = {"plugin": "stlr", "cut_frac": 0.1, "ratio": 32}
Done = collections.namedtuple("Done", "seconds accuracy peak_rss stages pretrain_perplexity finetune_perplexity")
PERCENT = 100


def settings(plan, options, seed):
    """What both sides are told."""
    pretrain, finetune, classify = plan.epochs
    return {
        "embedding": plan.embedding, "hidden": plan.hidden, "layers": plan.layers, "vocabulary": plan.vocabulary,
        "min_count": 2, "threads": options.threads, "seed": seed, "optimizer": OPTIMIZER,
        "same_pieces": options.same_pieces,
        "head": {"hidden": [50], "dropout": [0.2, 0.1]},
        "stages": {
            "pretrain": {"epochs": pretrain, "batch": 64, "bptt": 50, "lr": 4e-3, "dropouts": LANGUAGE_MODEL},
            "finetune": {"epochs": finetune, "batch": 32, "bptt": 30, "lr": 4e-3, "dropouts": LANGUAGE_MODEL},
            "classify": {"epochs": classify, "batch": 64, "lr": 1e-2, "factor": 2.6, "dropouts": CLASSIFIER},
        },
    }


def stage(s, name, data, **more):
    """One of thaw's stages; `more` replaces keys."""
    own = s["stages"][name]
    made = {"data": data, "epochs": own["epochs"], "batch": own["batch"], "optimizer": dict(OPTIMIZER, lr=own["lr"]),
            "schedule": [STLR], "encoder": own["dropouts"]}
    return dict(made, **({"bptt": own["bptt"]} if "bptt" in own else {}), **more)


def config(s, folder):
    """The same for thaw, as nested dictionaries."""
    path = lambda name: os.path.join(folder, f"{name}.csv")
    classify = stage(s, "classify", "target", vocabulary="source", keep="last")
    classify["schedule"] = [STLR, {"plugin": "gradual_unfreeze"},
                            {"plugin": "discriminative", "factor": s["stages"]["classify"]["factor"]}]
    return {
        "name": "bench", "seed": s["seed"], "threads": s["threads"],
        "data": {
            "general": {"format": "csv", "train": path("general"), "valid": path("general_valid"), "text": "text"},
            "target": {"format": "csv", "train": path("train"), "valid": path("valid"), "test": path("test"),
                       "text": "text", "label": "label"},
        },
        "tokenizer": {"plugin": "word", "min_count": s["min_count"], "max_vocab": s["vocabulary"],
                      "repetitions": not s["same_pieces"]},
        "encoder": {"plugin": "awd_lstm", "embedding": s["embedding"], "hidden": s["hidden"], "layers": s["layers"],
                    "alpha": 2, "beta": 1},
        "head": {"plugin": "concat", "parts": ["last", "max", "mean"], "hidden": s["head"]["hidden"],
                 "dropout": s["head"]["dropout"]},
        "stages": {
            "pretrain": stage(s, "pretrain", "general"),
            "finetune": stage(s, "finetune", "target", vocabulary="target"),
            "classify": classify,
        },
    }


def thaw_recipe(options, s, folder):
    done, path = training.thaw_run(options, config(s, folder), folder)
    with h5py.File(path, "r") as run:
        test = run["predictions/test"]
        accuracy = statistics.mean((test["gold"][:] == test["predicted"][:]).tolist())
        last = {name: run["metrics"][name]["epochs"][-1] for name in run["metrics"]}
    stages = {name: float(row["seconds"]) for name, row in last.items()}
    perplexities = (float(last[name]["perplexity"]) for name in ("pretrain", "finetune"))
    return Done(done.seconds, PERCENT * accuracy, done.peak_rss, stages, *perplexities)


def fastai_recipe(options, s, folder):
    with open(os.path.join(folder, "settings.json"), "w", encoding="utf-8") as file:
        json.dump(s, file)
    command = [options.peers, os.path.join(measure.FOLDER, "peer_recipe.py"), folder]
    done = measure.run(command, measure.environment(options.threads))
    result = json.loads(done.stdout)
    return Done(done.seconds, PERCENT * result["accuracy"], done.peak_rss, result["seconds"], *result["perplexities"])


def seeded(side, options, plan, folder):
    """A function without arguments for measure.alternate(): the first call has seed 1, the next one seed 2 …"""
    seeds = iter(range(1, options.repetitions + 1))
    return lambda: side(options, settings(plan, options, next(seeds)), folder)


def say_stages(report, results):
    for name, runs in results.items():
        parts = (f"{stage} {measure.short(statistics.median(run.stages[stage] for run in runs))} s"
                 for stage in runs[0].stages)
        report.note(f"{name}: {', '.join(parts)}")


def say_difference(report, what, unit, values_of):
    """Whether the sides' means differ by more than seeds do."""
    for name, values in values_of.items():
        spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        report.note(f"{name}: {what} {statistics.mean(values):.1f}{spread}{unit}, mean and standard deviation of "
                    f"{len(values)} seeds")
    if len(values_of) < 2 or min(map(len, values_of.values())) < 2:
        return
    thaw, other = values_of.values()
    difference = statistics.mean(thaw) - statistics.mean(other)
    error = 2 * math.sqrt(statistics.variance(thaw) / len(thaw) + statistics.variance(other) / len(other))
    verdict = "equal within" if abs(difference) <= error else "more than"
    report.note(f"thaw's mean {what} is {difference:+.1f} off: {verdict} two standard errors over seeds ({error:.1f})")


def say_perplexities(report, results):
    """They can be compared where both sides have the same pieces."""
    for stage, member in (("pretrain", 4), ("finetune", 5)):
        values_of = measure.of_each(results, member)
        report.figure(f"perplexity of {stage}", "", values_of, better="lower")
        say_difference(report, f"perplexity of {stage}", "", values_of)


def main():
    command_line = measure.parser(__doc__.partition("\n")[0])
    command_line.add_argument("--same-pieces", action="store_true", help="cut the text beforehand; compare perplexities")
    command_line.set_defaults(repetitions=3)
    options = measure.options(command_line)
    plan = TINY if options.tiny else QUICK if options.quick else PLAN
    with measure.Report(options, "recipe", "pretrain, fine-tune, classify") as report, \
            tempfile.TemporaryDirectory() as folder:
        if options.data:
            recipe_data.real(options.data, folder, plan.words, options.same_pieces)
        else:
            recipe_data.made(folder, plan.words, plan.documents)  # lower-case words already
        sides = {"thaw": seeded(thaw_recipe, options, plan, folder)}
        if options.has_peer("fastai"):
            sides["fastai"] = seeded(fastai_recipe, options, plan, folder)
        else:
            report.missing("fastai")
        results = measure.alternate(sides, options.repetitions)
        if isinstance(results.get("fastai"), measure.Failure):
            report.failed("fastai", results.pop("fastai"))
        report.figure("whole recipe", "s", measure.of_each(results, 0), better="lower")
        accuracies = measure.of_each(results, 1)
        report.figure("accuracy on test", "%", accuracies)
        report.figure("peak memory", "MiB", measure.of_each(results, 2), better="lower")
        say_stages(report, results)
        say_difference(report, "accuracy", " %", accuracies)
        if options.same_pieces:
            say_perplexities(report, results)


if __name__ == "__main__":
    main()
