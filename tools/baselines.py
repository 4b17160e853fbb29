#!/usr/bin/env python3
"""Two baselines without a language model, on the files that thaw is tested on.

    tools/baselines.py FOLDER     reads train.csv, valid.csv, test.csv (columns text, label)

n-grams:  words and pairs of words, tf-idf, logistic regression (scikit-learn)
fastText: supervised classifier (Joulin et al. 2016), mean of three seeds

The options of both are chosen by accuracy on valid.csv; test.csv is looked at once, with the best. Needs
scikit-learn and fasttext from PyPI.
"""

import csv
import itertools
import os
import re
import statistics
import sys
import tempfile

import fasttext
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

SEEDS = (1, 2, 3)


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def scores(gold, predicted):
    accuracy = sum(g == p for g, p in zip(gold, predicted)) / len(gold)
    return accuracy, f1_score(gold, predicted, average="macro", zero_division=0)


def ngrams(train, valid, test):
    best = (-1, None, None)
    for sublinear, stop in itertools.product((False, True), (None, "english")):
        vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=sublinear, stop_words=stop,
                                  token_pattern=r"(?u)\b\w+\b")
        features = vectors.fit_transform(train[0])
        held = vectors.transform(valid[0])
        for c in (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000):
            model = LogisticRegression(C=c, max_iter=5000).fit(features, train[1])
            accuracy = scores(valid[1], model.predict(held))[0]
            if accuracy > best[0]:
                best = (accuracy, f"C {c}, sublinear {sublinear}, stop words {stop}",
                        (vectors, model))
    vectors, model = best[2]
    return best[0], best[1], *scores(test[1], model.predict(vectors.transform(test[0])))


def words(text):
    return " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))


def fasttext_train(path, options, seed):
    return fasttext.train_supervised(path, thread=1, verbose=0, seed=seed, minCount=1, **options)


def fasttext_scores(model, data):
    # model.predict of fasttext 0.9 does not work with numpy 2; the function below it does.
    predicted = [model.f.predict(words(text) + "\n", 1, 0.0, "strict")[0][1] for text in data[0]]
    return scores(["__label__" + label for label in data[1]], predicted)


def fasttext_baseline(train, valid, test):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "train.txt")
        with open(path, "w", encoding="utf-8") as file:
            for text, label in zip(*train):
                file.write(f"__label__{label} {words(text)}\n")
        grid = itertools.product((0.1, 0.25, 0.5, 1.0), (25, 50, 100, 200), (1, 2), (50, 100))
        best = (-1, None)
        for lr, epoch, ngram, dim in grid:
            options = {"lr": lr, "epoch": epoch, "wordNgrams": ngram, "dim": dim,
                       "bucket": 100000}
            accuracy = statistics.mean(
                fasttext_scores(fasttext_train(path, options, seed), valid)[0] for seed in SEEDS)
            if accuracy > best[0]:
                best = (accuracy, options)
        tested = [fasttext_scores(fasttext_train(path, best[1], seed), test) for seed in SEEDS]
    chosen = ", ".join(f"{key} {value}" for key, value in best[1].items())
    return (best[0], chosen, statistics.mean(a for a, _ in tested),
            statistics.mean(f for _, f in tested))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: tools/baselines.py FOLDER")
    data = [read(os.path.join(sys.argv[1], f"{part}.csv")) for part in ("train", "valid", "test")]
    for name, run in (("n-grams", ngrams), ("fastText", fasttext_baseline)):
        valid, chosen, accuracy, macro_f1 = run(*data)
        print(f"{name}: accuracy {accuracy:.4f}, macro F1 {macro_f1:.4f} on test; "
              f"{valid:.4f} on validation with {chosen}", flush=True)


if __name__ == "__main__":
    main()
