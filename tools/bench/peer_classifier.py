"""peer_classifier.py: a PyTorch user's classifier on an AWD-LSTM, for classifier.py and predict.py, run by the peers'
Python.

    peer_classifier.py train SETTINGS FILE MODEL     trains on a file of `LABEL text` lines and saves the model
    peer_classifier.py new SETTINGS FILE MODEL       saves the model as it starts
    peer_classifier.py predict SETTINGS MODEL FILE   prints label and probability for every line; -: standard input

Documents are sorted by length and batched; variants: padded (the states of the padding are masked when pooled) and
packed (pack_padded_sequence). The head is fastai's: last state, maximum and mean, then two blocks of batch norm,
dropout and linear. The last line of train is a JSON object: the seconds of every epoch; predict writes the seconds
from text to labels to standard error."""

import collections
import json
import random
import re
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from peer_model import Encoder, optimizer_for

UNKNOWN, PADDING, START = 0, 1, 2


class Classifier(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.packed = s["variant"] == "packed"
        self.encoder = Encoder(s)
        widths = [3 * s["embedding"], 50, s["classes"]]
        self.blocks = nn.Sequential(
            nn.BatchNorm1d(widths[0]), nn.Dropout(0.4), nn.Linear(widths[0], widths[1]), nn.ReLU(),
            nn.BatchNorm1d(widths[1]), nn.Dropout(0.1), nn.Linear(widths[1], widths[2]))

    def forward(self, ids, lengths):
        """ids [T][B] → logits [B][C], the last layer's states [T][B][E] and where they count [T][B][1]."""
        states, _ = self.encoder(ids, lengths=lengths if self.packed else None)
        counts = (torch.arange(len(ids)).unsqueeze(1) < lengths).unsqueeze(2)
        last = states[lengths - 1, torch.arange(len(lengths))]
        most = states.masked_fill(~counts, float("-inf")).amax(0)
        mean = (states * counts).sum(0) / lengths.unsqueeze(1)
        return self.blocks(torch.cat([last, most, mean], 1)), states, counts


def words(text):
    return re.findall(r"\w+|[^\w\s]", text.lower())


def read_labelled(path):
    with open(path, encoding="utf-8") as file:
        pairs = [line.split(" ", 1) for line in file]
    return [words(text) for _, text in pairs], [label for label, _ in pairs]


def batches(documents, size, vocabulary):
    """Ids [T][B], lengths [B] and the documents' numbers, longest batch first."""
    ids = [[START] + [vocabulary.get(word, UNKNOWN) for word in document] for document in documents]
    order = sorted(range(len(ids)), key=lambda d: -len(ids[d]))
    for begin in range(0, len(order), size):
        chosen = order[begin : begin + size]
        rows = [torch.tensor(ids[d]) for d in chosen]
        padded = nn.utils.rnn.pad_sequence(rows, padding_value=PADDING)
        yield padded, torch.tensor([len(row) for row in rows]), chosen


def loss_of(logits, states, counts, labels):
    """Cross-entropy, AR and TAR."""
    n, width = counts.sum(), states.shape[2]
    steps = (states[1:] - states[:-1]) * counts[1:]
    penalty = 2 * (states * counts).pow(2).sum() / (n * width) + steps.pow(2).sum() / (counts[1:].sum() * width)
    return F.cross_entropy(logits, labels) + penalty


def train(s, model, ready, labels):
    """Trains; the seconds of every epoch."""
    optimizer, seconds = optimizer_for(model, s["optimizer"]), []
    model.train()
    for _ in range(s["epochs"]):
        begin = time.perf_counter()
        random.shuffle(ready)
        for ids, lengths, chosen in ready:
            loss = loss_of(*model(ids, lengths), labels[chosen])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), s["optimizer"]["clip"])
            optimizer.step()
            optimizer.zero_grad()
        seconds.append(time.perf_counter() - begin)
    return seconds


def make(s, path, saved, trains):
    documents, names = read_labelled(path)
    counts = collections.Counter(word for document in documents for word in document)
    vocabulary = {word: 3 + i for i, (word, _) in enumerate(counts.most_common(s["vocabulary"] - 3))}
    classes = sorted(set(names))
    s = dict(s, classes=len(classes))
    model = Classifier(s)
    if trains:
        labels = torch.tensor([classes.index(name) for name in names])
        seconds = train(s, model, list(batches(documents, s["batch"], vocabulary)), labels)
        print(json.dumps({"seconds": seconds}))
    torch.save({"settings": s, "classes": classes, "vocabulary": vocabulary, "weights": model.state_dict()}, saved)


def predict(s, saved, path):
    kept = torch.load(saved, weights_only=True)
    model = Classifier(dict(kept["settings"], variant=s["variant"]))
    model.load_state_dict(kept["weights"])
    model.eval()
    begin = time.perf_counter()
    with sys.stdin if path == "-" else open(path, encoding="utf-8") as file:
        documents = [words(line) for line in file]
    found = [None] * len(documents)
    with torch.inference_mode():
        for ids, lengths, chosen in batches(documents, s["batch"], kept["vocabulary"]):
            probabilities, labels = model(ids, lengths)[0].softmax(1).max(1)
            for d, label, probability in zip(chosen, labels.tolist(), probabilities.tolist()):
                found[d] = f"{kept['classes'][label]}\t{probability:.4f}"
    print("\n".join(found))
    print(f"{time.perf_counter() - begin:.6f}", file=sys.stderr)


def main():
    what, s, first, second = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], sys.argv[4]
    torch.set_num_threads(s["threads"])
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    if what == "predict":
        predict(s, first, second)
    else:
        make(s, first, second, what == "train")


main()
