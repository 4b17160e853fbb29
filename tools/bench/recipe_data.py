"""recipe_data.py: the text of recipe.py, in the same files for both sides: general.csv and general_valid.csv (column
text); train.csv, valid.csv and test.csv (columns text, label).

real() takes it from a folder with general/train.csv.gz and general/valid.csv.gz (a column text) and trec6/ as its
authors publish it; made() makes it up."""

import csv
import gzip
import os
import random
import re

import made_text

CLASSES = 6
VALID_FRACTION = 0.1


def write(folder, name, rows, labelled):
    with open(os.path.join(folder, f"{name}.csv"), "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label"] if labelled else ["text"])
        table.writerows(rows if labelled else ([text] for text in rows))


def write_all(folder, general, general_valid, labelled, test, seed=1):
    """`labelled` and `test` are (text, label); a tenth of `labelled` is held out."""
    labelled = list(labelled)
    random.Random(seed).shuffle(labelled)
    held = max(1, round(VALID_FRACTION * len(labelled)))
    write(folder, "general", general, False)
    write(folder, "general_valid", general_valid, False)
    write(folder, "train", labelled[held:], True)
    write(folder, "valid", labelled[:held], True)
    write(folder, "test", test, True)


# ---- Real text ----


def general_text(path, words):
    """The first documents of a table, until there are `words` words."""
    csv.field_size_limit(1 << 30)
    found, documents = 0, []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if found >= words:
                break
            documents.append(row["text"])
            found += len(row["text"].split())
    return documents


def questions(path, encoding):
    """`COARSE:fine question` a line."""
    with open(path, encoding=encoding) as file:
        for line in file:
            label, _, text = line.rstrip("\n").partition(" ")
            yield text, label.partition(":")[0]


def cut(text):
    """Lower-case words, numbers and marks with a space between them: what every tokenizer leaves as it is."""
    return " ".join(re.findall(r"[a-z]+|[0-9]+|[.,;:!?]", text.lower()))


def real(source, folder, words, same_pieces=False):
    path = lambda *parts: os.path.join(source, *parts)
    cut_if = cut if same_pieces else lambda text: text
    labelled = lambda name, encoding: [(cut_if(text), label) for text, label in questions(path("trec6", name), encoding)]
    general = lambda name, count: map(cut_if, general_text(path("general", name), count))
    write_all(folder, general("train.csv.gz", words), general("valid.csv.gz", words // 10),
              labelled("train_5500.label", "latin-1"), labelled("TREC_10.label", "ascii"))


# ---- Text that is made up ----


class Language:
    """Sentences about one of six subjects: every third word or so belongs to the subject, the others to none.

    There are more words of a subject than the labelled sentences show; which belong together, a language model can
    learn from the general text."""

    COMMON, OWN = 500, 100

    def __init__(self, seed):
        self.rng = random.Random(seed)
        words = [made_text.word(rank) for rank in range(self.COMMON + CLASSES * self.OWN)]
        self.common, own = words[: self.COMMON], words[self.COMMON :]
        self.own = [own[subject :: CLASSES] for subject in range(CLASSES)]
        self.weights = made_text.zipf(self.COMMON)

    def sentence(self, subject):
        length = self.rng.randint(6, 14)
        words = self.rng.choices(self.common, cum_weights=self.weights, k=length)
        for place in range(length):
            if self.rng.random() < 0.3:
                words[place] = self.rng.choice(self.own[subject])
            elif self.rng.random() < 0.1:
                words[place] = self.rng.choice(self.own[self.rng.randrange(CLASSES)])
        return " ".join(words) + " ?"

    def document(self):
        """Ten sentences on one subject."""
        subject = self.rng.randrange(CLASSES)
        return " ".join(self.sentence(subject) for _ in range(10))

    def labelled(self, count):
        subjects = (self.rng.randrange(CLASSES) for _ in range(count))
        return [(self.sentence(subject), f"class{subject}") for subject in subjects]


def made(folder, words, documents):
    language = Language(7)
    general = [language.document() for _ in range(max(20, words // 110))]
    held = len(general) // 20
    write_all(folder, general[held:], general[:held], language.labelled(documents), language.labelled(500))
