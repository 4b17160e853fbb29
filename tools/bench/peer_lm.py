"""peer_lm.py: a PyTorch user's AWD-LSTM language model, for tools/bench/lm.py, run by the peers' Python.

    peer_lm.py SETTINGS      a JSON object: a size, dropouts, optimizer, threads, seconds, variant, and how many steps
                             to leave out (warm_up) and to time (least_steps)

The decoder is tied to the embedding; AR and TAR; AdamW and clipping.

Variants: eager; compiled (torch.compile of the whole model); no-weight-drop (another model: what nn.LSTM can reach
when its weights stay as they are). Prints a JSON object: the seconds of every step but the first ones."""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from peer_model import Encoder, locked_dropout, optimizer_for


class LanguageModel(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.encoder = Encoder(s)
        self.output_p = s["dropouts"]["output_p"]
        self.bias = nn.Parameter(torch.zeros(s["vocabulary"]))

    def forward(self, ids, state):
        """ids [T][B] → logits [T·B][V], the last layer's states after and before its dropout, the carried states."""
        x, carried = self.encoder(ids, state)
        output = locked_dropout(x, self.output_p, self.training)
        logits = F.linear(output, self.encoder.embedding.weight, self.bias)
        return logits.flatten(0, 1), output, x, carried


def made_stream(s, steps):
    """Ids [steps · T + 1][B] that are as frequent as words are."""
    frequency = 1 / torch.arange(1, s["vocabulary"] + 1, dtype=torch.float64)
    return torch.multinomial(frequency, (steps * s["bptt"] + 1) * s["batch"], True).view(-1, s["batch"])


class Training:
    def __init__(self, s):
        torch.manual_seed(1)
        self.s, self.state = s, None
        model = LanguageModel(s).train()
        self.parameters = list(model.parameters())
        self.optimizer = optimizer_for(model, s["optimizer"])
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
    if s["variant"] == "no-weight-drop":
        s["dropouts"]["weight_p"] = 0
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
