"""peer_text.py: what cuts text into pieces elsewhere, for text.py; each prints MB (10⁶ bytes) per second and pieces.

    peer_text.py python FILE                a regular expression, and the same with a Counter
    peer_text.py sentencepiece FILE MODEL   encodes with a model, which is trained first where it is missing

The text is read into memory first; every line is a document. One thread."""

import collections
import os
import re
import sys
import time

SAMPLE = 20000  # lines that a sentencepiece model is trained on
PIECES = 8000


def say(what, lines, begin, pieces):
    seconds = time.perf_counter() - begin
    print(f"{what}\t{sum(len(line.encode()) for line in lines) * 1e-6 / seconds:.3f}\t{pieces}")


def python(lines):
    cut = re.compile(r"\w+|[^\w\s]").findall
    begin, pieces = time.perf_counter(), 0
    for line in lines:
        pieces += len(cut(line.lower()))
    say("pieces", lines, begin, pieces)
    begin, counts = time.perf_counter(), collections.Counter()
    for line in lines:
        counts.update(cut(line.lower()))
    counts.most_common(30000)
    say("pieces and vocabulary", lines, begin, counts.total())


def sentencepiece(lines, model):
    import sentencepiece as sp  # only this peer needs it

    if not os.path.exists(model):
        sp.SentencePieceTrainer.train(sentence_iterator=iter(lines[:SAMPLE]), model_prefix=model.removesuffix(".model"),
                                      vocab_size=PIECES, hard_vocab_limit=False, num_threads=1, minloglevel=2)
    processor = sp.SentencePieceProcessor(model_file=model)
    begin = time.perf_counter()
    encoded = processor.encode(lines, num_threads=1)
    say("pieces", lines, begin, sum(map(len, encoded)))


def main():
    what, path = sys.argv[1:3]
    with open(path, encoding="utf-8", newline="\n") as file:
        lines = file.read().splitlines()
    if what == "python":
        python(lines)
    else:
        sentencepiece(lines, sys.argv[3])


main()
