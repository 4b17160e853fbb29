"""peer_steps.py: a language model's training steps as a user of PyTorch writes them, for steps.py.

    peer_steps.py FOLDER    with settings.json, ids.npy and weights.npz, as steps.py writes them

Prints a JSON list: the loss of every step, without the penalties."""

import json
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class AWDLSTM(nn.Module):
    """Without its dropouts: an embedding, LSTM layers of their own widths, a tied decoder, AR and TAR."""

    def __init__(self, settings, weights):
        super().__init__()
        self.alpha, self.beta = settings["encoder"]["alpha"], settings["encoder"]["beta"]
        self.embedding = nn.Parameter(weights["embedding/weight"])
        self.bias = nn.Parameter(weights["decoder/bias"])
        self.layers = nn.ModuleList()
        for i in range(settings["encoder"]["layers"]):
            w_ih, w_hh = weights[f"rnn.{i}/weight_ih"], weights[f"rnn.{i}/weight_hh"]
            layer = nn.LSTM(w_ih.shape[1], w_hh.shape[1])
            with torch.no_grad():
                layer.weight_ih_l0.copy_(w_ih)
                layer.weight_hh_l0.copy_(w_hh)
                layer.bias_ih_l0.copy_(weights[f"rnn.{i}/bias"])
                layer.bias_hh_l0.zero_()
            layer.bias_hh_l0.requires_grad_(False)  # thaw has one bias vector
            self.layers.append(layer)
        self.carried = [None] * len(self.layers)

    def forward(self, ids):
        x = F.embedding(ids, self.embedding)
        for i, layer in enumerate(self.layers):
            x, state = layer(x, self.carried[i])
            self.carried[i] = tuple(part.detach() for part in state)
        penalty = self.alpha * x.pow(2).mean() + self.beta * (x[1:] - x[:-1]).pow(2).mean()
        return x, penalty

    def logits(self, x):
        return F.linear(x, self.embedding, self.bias)


class GPT(nn.Module):
    """Without dropout: learned positions, causal attention, pre-norm blocks, a tied decoder (GPT-2)."""

    def __init__(self, settings, weights):
        super().__init__()
        self.heads, self.count = settings["encoder"]["heads"], settings["encoder"]["layers"]
        self.weights = nn.ParameterDict({name.replace(".", "_"): nn.Parameter(w) for name, w in weights.items()})

    def of(self, name):
        return self.weights[name.replace(".", "_")]

    def linear(self, x, name):
        return F.linear(x, self.of(f"{name}.weight"), self.of(f"{name}.bias"))

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.of(f"{name}.weight"), self.of(f"{name}.bias"))

    def attention(self, x, block):
        time, batch, width = x.shape
        parts = self.linear(x, f"{block}/attn.qkv").view(time, batch, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 1, 3, 0, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.linear(y.permute(2, 0, 1, 3).reshape(time, batch, width), f"{block}/attn.proj")

    def forward(self, ids):
        positions = self.of("embedding/positions")[: ids.shape[0]]
        x = F.embedding(ids, self.of("embedding/weight")) + positions[:, None]
        for i in range(self.count):
            block = f"block.{i}"
            x = x + self.attention(self.norm(x, f"{block}/ln_1"), block)
            inner = F.gelu(self.linear(self.norm(x, f"{block}/ln_2"), f"{block}/mlp.fc"), approximate="tanh")
            x = x + self.linear(inner, f"{block}/mlp.proj")
        return self.norm(x, f"block.{self.count - 1}/ln_f"), 0

    def logits(self, x):
        return F.linear(x, self.of("embedding/weight"), self.of("decoder/bias"))


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "settings.json"), encoding="utf-8") as file:
        settings = json.load(file)
    torch.set_num_threads(settings["threads"])
    ids = torch.from_numpy(np.load(os.path.join(folder, "ids.npy")).astype(np.int64))
    weights = {name: torch.from_numpy(w) for name, w in np.load(os.path.join(folder, "weights.npz")).items()}
    model = {"awd_lstm": AWDLSTM, "transformer": GPT}[settings["encoder"]["plugin"]](settings, weights)
    o, batch, bptt = settings["optimizer"], settings["batch"], settings["bptt"]
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["epsilon"],
                                  weight_decay=o["weight_decay"])
    length = (len(ids) - 1) // batch
    streams = torch.stack([ids[s * length: (s + 1) * length + 1] for s in range(batch)], dim=1)
    losses = []
    for start in range(0, settings["steps"] * bptt, bptt):
        x, penalty = model(streams[start: start + bptt])
        loss = F.cross_entropy(model.logits(x).flatten(0, 1), streams[start + 1: start + bptt + 1].flatten())
        optimizer.zero_grad()
        (loss + penalty).backward()
        nn.utils.clip_grad_norm_(trained, o["clip"])
        optimizer.step()
        losses.append(loss.item())
    print(json.dumps(losses))


if __name__ == "__main__":
    main()
