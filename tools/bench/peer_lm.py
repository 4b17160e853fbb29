"""peer_lm.py: a PyTorch user's AWD-LSTM language model, for tools/bench/lm.py, run by the peers' Python.

    peer_lm.py SETTINGS      a JSON object: embedding, hidden, layers, vocabulary, batch, bptt, dropouts, optimizer,
                             threads, seconds, least_steps, variant

One nn.LSTM a layer, as in fastai: its weight drop is functional dropout on weight_hh, set before every pass; locked
dropouts; dropout of embedding rows; the decoder tied to the embedding; AR and TAR; AdamW and clipping.

Variants: eager; compiled (torch.compile of the whole model); no-weight-drop (another model: what nn.LSTM can reach
when its weights stay as they are). Prints a JSON object: the seconds of every step but the first ones."""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def locked_dropout(x, p, training):
    """One mask [1][B][D] for all time steps."""
    if not training or p == 0:
        return x
    mask = x.new_empty(1, *x.shape[1:]).bernoulli_(1 - p).div_(1 - p)
    return x * mask


class WeightDropLSTM(nn.Module):
    def __init__(self, inputs, states, p):
        super().__init__()
        self.p = p
        self.lstm = nn.LSTM(inputs, states)
        if p:
            weight = self.lstm.weight_hh_l0
            del self.lstm.weight_hh_l0
            self.weight_hh_raw = nn.Parameter(weight.data)
            self.lstm.flatten_parameters = lambda: None

    def forward(self, x, state):
        if self.p:
            self.lstm.weight_hh_l0 = F.dropout(self.weight_hh_raw, self.p, self.training)
        return self.lstm(x, state)


class AwdLstm(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.drop = s["dropouts"]
        weight_p = 0 if s["variant"] == "no-weight-drop" else self.drop["weight_p"]
        widths = [s["embedding"]] + [s["hidden"]] * (s["layers"] - 1) + [s["embedding"]]
        self.embedding = nn.Embedding(s["vocabulary"], s["embedding"])
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.rnns = nn.ModuleList(WeightDropLSTM(i, o, weight_p) for i, o in zip(widths, widths[1:]))
        self.bias = nn.Parameter(torch.zeros(s["vocabulary"]))

    def embed(self, ids):
        weight, p = self.embedding.weight, self.drop["embed_p"]
        if self.training and p:
            weight = weight * weight.new_empty(len(weight), 1).bernoulli_(1 - p).div_(1 - p)
        return F.embedding(ids, weight)

    def forward(self, ids, state):
        """ids [T][B] → logits [T·B][V], the last layer's states after and before its dropout, the carried states."""
        x = locked_dropout(self.embed(ids), self.drop["input_p"], self.training)
        carried = []
        for i, rnn in enumerate(self.rnns):
            x, last = rnn(x, state[i] if state else None)
            carried.append(tuple(part.detach() for part in last))
            if i + 1 < len(self.rnns):
                x = locked_dropout(x, self.drop["hidden_p"], self.training)
        output = locked_dropout(x, self.drop["output_p"], self.training)
        logits = F.linear(output, self.embedding.weight, self.bias)
        return logits.flatten(0, 1), output, x, carried


def made_stream(s, steps):
    """Ids [steps · T + 1][B] that are as frequent as words are."""
    frequency = 1 / torch.arange(1, s["vocabulary"] + 1, dtype=torch.float64)
    return torch.multinomial(frequency, (steps * s["bptt"] + 1) * s["batch"], True).view(-1, s["batch"])


class Training:
    def __init__(self, s):
        torch.manual_seed(1)
        self.s, self.state = s, None
        self.parameters = list((model := AwdLstm(s).train()).parameters())
        o = s["optimizer"]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=1e-8,
                                           weight_decay=o["weight_decay"], fused=True)
        self.model = torch.compile(model) if s["variant"] == "compiled" else model

    def step(self, ids, targets):
        logits, output, raw, self.state = self.model(ids, self.state)
        loss = F.cross_entropy(logits, targets.flatten())
        loss = loss + 2 * output.pow(2).mean() + (raw[1:] - raw[:-1]).pow(2).mean()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, self.s["optimizer"]["clip"])
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item(), norm


def main():
    s = json.loads(sys.argv[1])
    torch.set_num_threads(s["threads"])
    torch.set_flush_denormal(True)
    training, bptt, steps = Training(s), s["bptt"], 16
    stream = made_stream(s, steps)
    taken, losses, began = [], [], None
    while began is None or time.perf_counter() - began < s["seconds"] or len(taken) < s["least_steps"]:
        at = len(losses) % steps * bptt
        begin = time.perf_counter()
        losses.append(training.step(stream[at : at + bptt], stream[at + 1 : at + bptt + 1])[0])
        end = time.perf_counter()
        if began is not None:
            taken.append(end - begin)
        elif len(losses) == s["warm_up"]:
            began = end
    print(json.dumps({"seconds": taken, "losses": losses[:3] + losses[-3:], "version": torch.__version__}))


main()
