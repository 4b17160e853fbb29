"""peer_model.py: an AWD-LSTM as a PyTorch user writes it, for peer_lm.py and peer_classifier.py.

One nn.LSTM a layer, as in fastai: weight drop is functional dropout on weight_hh, set before every pass; locked
dropouts between; dropout of embedding rows."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


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


class Encoder(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.drop = s["dropouts"]
        widths = [s["embedding"]] + [s["hidden"]] * (s["layers"] - 1) + [s["embedding"]]
        self.embedding = nn.Embedding(s["vocabulary"], s["embedding"])
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.rnns = nn.ModuleList(WeightDropLSTM(i, o, self.drop["weight_p"]) for i, o in zip(widths, widths[1:]))

    def embed(self, ids):
        weight, p = self.embedding.weight, self.drop["embed_p"]
        if self.training and p:
            weight = weight * weight.new_empty(len(weight), 1).bernoulli_(1 - p).div_(1 - p)
        return F.embedding(ids, weight)

    def forward(self, ids, state=None, lengths=None):
        """ids [T][B] → the last layer's states [T][B][E] and every layer's last state. With `lengths` each layer
        reads packed sequences."""
        x = locked_dropout(self.embed(ids), self.drop["input_p"], self.training)
        carried = []
        for i, rnn in enumerate(self.rnns):
            if lengths is None:
                x, last = rnn(x, state[i] if state else None)
            else:
                packed, last = rnn(pack_padded_sequence(x, lengths), None)
                x = pad_packed_sequence(packed)[0]
            carried.append(tuple(part.detach() for part in last))
            if i + 1 < len(self.rnns):
                x = locked_dropout(x, self.drop["hidden_p"], self.training)
        return x, carried


def optimizer_for(model, o):
    return torch.optim.AdamW(model.parameters(), lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=1e-8,
                             weight_decay=o["weight_decay"], fused=True)
