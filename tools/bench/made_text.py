"""made_text.py: text that is made up: any number of distinct words, as often as in natural language (Zipf's law).

What a benchmark measures depends on how many words there are, how they repeat and how long documents are, not on what
they mean; so it needs no download. The same arguments always make the same text."""

import itertools
import math
import random

CONSONANTS = "bdfgklmnprstvz"
VOWELS = "aeiou"
SYLLABLES = [c + v for c in CONSONANTS for v in VOWELS]


def word(rank):
    """A pronounceable word for each number; the most frequent ones are the shortest."""
    length, first = 1, 0
    while rank - first >= len(SYLLABLES) ** length:
        first += len(SYLLABLES) ** length
        length += 1
    rank -= first
    parts = []
    for _ in range(length):
        rank, part = divmod(rank, len(SYLLABLES))
        parts.append(SYLLABLES[part])
    return "".join(reversed(parts))


def zipf(distinct):
    """Cumulative weights of `distinct` ranks, for random.choices."""
    return list(itertools.accumulate(1 / (rank + 1) for rank in range(distinct)))


def write_corpus(path, distinct, tokens, line=25, seed=1):
    """A file of `tokens` words, drawn from `distinct` ones, in lines of `line` words."""
    rng, weights = random.Random(seed), zipf(distinct)
    words = [word(rank) for rank in range(distinct)]
    with open(path, "w", encoding="utf-8") as file:
        while tokens > 0:
            file.write(" ".join(rng.choices(words, cum_weights=weights, k=min(line, tokens))) + "\n")
            tokens -= line


def lengths(count, median, longest, spread=0.6, seed=2):
    """Log-normal lengths of documents."""
    rng = random.Random(seed)
    return [max(1, min(longest, round(rng.lognormvariate(math.log(median), spread)))) for _ in range(count)]


def write_labelled(path, distinct, document_lengths, classes, seed=3):
    """`LABEL text` a line; every document has one word in ten of a set that its class prefers."""
    rng, weights = random.Random(seed), zipf(distinct)
    words = [word(rank) for rank in range(distinct)]
    with open(path, "w", encoding="utf-8") as file:
        for length in document_lengths:
            label = rng.randrange(classes)
            chosen = rng.choices(words, cum_weights=weights, k=length)
            for place in range(rng.randrange(10), length, 10):
                chosen[place] = words[20 + label]
            file.write(f"c{label} {' '.join(chosen)}\n")


def write_prose(path, megabytes, distinct=50000, seed=4):
    """Something that looks like English to a tokenizer: sentences with capitals, marks, numbers and contractions."""
    rng, weights = random.Random(seed), zipf(distinct)
    words = [word(rank) for rank in range(distinct)]
    written = 0
    with open(path, "w", encoding="utf-8") as file:
        while written < megabytes * 1e6:
            sentences = [sentence(rng, words, weights) for _ in range(rng.randrange(4, 16))]
            written += file.write(" ".join(sentences) + "\n")


def sentence(rng, words, weights):
    chosen = rng.choices(words, cum_weights=weights, k=rng.randrange(6, 30))
    chosen[0] = chosen[0].capitalize()
    for i, chance in enumerate(rng.random() for _ in chosen):
        if chance < 0.06:
            chosen[i] += ","
        elif chance < 0.08:
            chosen[i] = chosen[i].capitalize()
        elif chance < 0.09:
            chosen[i] += rng.choice(("n't", "'s", "'ve", "'ll"))
        elif chance < 0.10:
            chosen[i] = rng.choice(("1994", "10", "3.5", "1,000"))
        elif chance < 0.105:
            chosen[i] = f'"{chosen[i]}"'
        elif chance < 0.108:
            chosen[i] = f"({chosen[i]})"
    return " ".join(chosen) + rng.choice((".", ".", ".", ".", "!", "?", "...", ". <br /><br />"))
