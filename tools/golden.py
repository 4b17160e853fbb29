#!/usr/bin/env python3
"""Golden numbers: what PyTorch finds for the same layers, written to tests/golden/*.txt.

    python3 -m venv VENV && VENV/bin/pip install torch==2.13.0 fastai==2.8.12
    VENV/bin/python tools/golden.py [FOLDER]

The files are committed; the tests need no PyTorch. Inputs are float32 numbers, the results are
computed in float64, so that what differs by more than rounding is thaw's mistake.

Format: plain text, one tensor after the other. A line

    NAME RANK DIMENSION...

then its values in row-major order, at most eight a line, separated by spaces (a scalar has rank 0
and one value). Integers are written as numbers too. Lines that begin with # are comments. A name
has no spaces; a dot separates its parts, such as grad.x for the gradient of x.
"""
import math
import os
import sys

import torch
import torch.nn.functional as F


class File:
    """One golden file being written."""

    def __init__(self, folder, name, comment):
        self.path = os.path.join(folder, name + ".txt")
        self.lines = ["# Written by tools/golden.py. " + comment]

    def put(self, name, value):
        tensor = torch.as_tensor(value, dtype=torch.float64).detach()
        self.lines.append(" ".join([name, str(tensor.dim()), *map(str, tensor.shape)]))
        values = ["%.9g" % v for v in tensor.flatten().tolist()]
        for begin in range(0, len(values), 8):
            self.lines.append(" ".join(values[begin:begin + 8]))

    def put_all(self, prefix, tensors):
        for name, tensor in tensors.items():
            self.put(prefix + name, tensor)

    def close(self):
        with open(self.path, "w") as out:
            out.write("\n".join(self.lines) + "\n")


def draw(*shape, low=-1.0, high=1.0):
    """Random float32 numbers, as float64."""
    return (torch.rand(*shape, dtype=torch.float32) * (high - low) + low).double()


def leaves(tensors):
    for tensor in tensors.values():
        tensor.requires_grad_(True)
        tensor.grad = None
    return tensors


def gradients(tensors):
    return {name: torch.zeros_like(t) if t.grad is None else t.grad for name, t in tensors.items()}


# ---- LSTM -------------------------------------------------------------------------------------


def lstm(x, weights, state):
    """One layer of torch.nn.LSTM; the second bias vector, which thaw lacks, is zero."""
    w_ih, w_hh, bias = weights
    layer = torch.nn.LSTM(w_ih.shape[1], w_hh.shape[1]).double()
    values = {"weight_ih_l0": w_ih, "weight_hh_l0": w_hh, "bias_ih_l0": bias,
              "bias_hh_l0": torch.zeros_like(bias)}
    out, (h, c) = torch.func.functional_call(layer, values, (x, state))
    return out, (h, c)


def draw_lstm(inputs, hidden):
    return {"w_ih": draw(4 * hidden, inputs), "w_hh": draw(4 * hidden, hidden),
            "bias": draw(4 * hidden)}


def two_layers(x, layers, states):
    out = []
    for index, layer in enumerate(layers):
        x, states[index] = lstm(x, (layer["w_ih"], layer["w_hh"], layer["bias"]), states[index])
        out.append(x)
    return out, states


def write_lstm(folder):
    """Two layers over two batches: the second goes on where the first ended, without gradient."""
    torch.manual_seed(1)
    file = File(folder, "lstm", "Two LSTM layers, two batches, the state carried from the first to "
                "the second; gradients of sum(out.1 * upstream) in the second.")
    time, batch, widths = 5, 3, [4, 6, 5]
    layers = [leaves(draw_lstm(widths[i], widths[i + 1])) for i in range(2)]
    states = [(torch.zeros(1, batch, w).double(), torch.zeros(1, batch, w).double())
              for w in widths[1:]]
    for i, layer in enumerate(layers):
        file.put_all("layer%d." % i, layer)
    for number in (1, 2):
        x = leaves({"x": 2 * draw(time, batch, widths[0])})["x"]
        outs, states = two_layers(x, layers, states)
        file.put("batch%d.x" % number, x)
        for i in range(2):
            file.put("batch%d.out.%d" % (number, i), outs[i])
            file.put("batch%d.h.%d" % (number, i), states[i][0][0])
            file.put("batch%d.c.%d" % (number, i), states[i][1][0])
        states = [(h.detach(), c.detach()) for h, c in states]
    upstream = draw(time, batch, widths[2])
    (outs[1] * upstream).sum().backward()
    file.put("upstream", upstream)
    file.put("grad.x", x.grad)
    for i, layer in enumerate(layers):
        file.put_all("grad.layer%d." % i, gradients(layer))
    file.close()


# ---- Cross entropy ----------------------------------------------------------------------------


def write_cross_entropy(folder):
    torch.manual_seed(2)
    file = File(folder, "cross_entropy", "Rows with target -1 do not count; two rows have large "
                "logits. The second case computes its logits by a linear layer.")
    rows, classes, width = 7, 5, 4
    targets = torch.tensor([3, 0, -1, 4, 2, -1, 1])
    logits = 3 * draw(rows, classes)
    logits[1] += 500
    logits[3, 0] = 90
    logits = leaves({"logits": logits.float().double()})["logits"]
    loss = F.cross_entropy(logits, targets, ignore_index=-1)
    loss.backward()
    file.put("targets", targets)
    file.put("logits", logits)
    file.put("loss", loss)
    file.put("grad.logits", logits.grad)
    linear = leaves({"x": draw(rows, width), "weight": draw(classes, width), "bias": draw(classes)})
    logits = F.linear(linear["x"], linear["weight"], linear["bias"])
    loss = F.cross_entropy(logits, targets, ignore_index=-1)
    loss.backward()
    file.put_all("linear.", linear)
    file.put("linear.loss", loss)
    file.put("linear.loss_sum", F.cross_entropy(logits, targets, ignore_index=-1, reduction="sum"))
    file.put_all("linear.grad.", gradients(linear))
    weights = draw(classes, low=0.2, high=3.0)
    file.put("weights", weights)
    for case, weight, smoothing in [("smooth", None, 0.1), ("weighted", weights, 0.0),
                                    ("both", weights, 0.3), ("uniform", None, 1.0)]:
        logits = leaves({"logits": 3 * draw(rows, classes)})["logits"]
        loss = torch.nn.CrossEntropyLoss(weight, ignore_index=-1,
                                         label_smoothing=smoothing)(logits, targets)
        loss.backward()
        file.put(case + ".smoothing", smoothing)
        file.put(case + ".logits", logits)
        file.put(case + ".loss", loss)
        file.put(case + ".grad.logits", logits.grad)
    file.close()


# ---- Cross entropy over a sample of the words --------------------------------------------------

MASK = (1 << 64) - 1


def random_numbers(seed, stream):
    """xoshiro256** as core/base/random.c seeds it: numbers uniform in [0, 1), 53 bits."""
    def mixed(z):
        while True:
            z = (z + 0x9e3779b97f4a7c15) & MASK
            y = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & MASK
            y = ((y ^ (y >> 27)) * 0x94d049bb133111eb) & MASK
            yield y ^ (y >> 31)

    def rotated(x, bits):
        return ((x << bits) | (x >> (64 - bits))) & MASK

    source = mixed(next(mixed(seed)) ^ stream)
    s = [next(source) for _ in range(4)]
    while True:
        yield ((rotated((s[1] * 5) & MASK, 7) * 9 & MASK) >> 11) * 2.0 ** -53
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)


def candidates(targets, words, samples, uniform):
    """Each candidate's probability: 1 of a target; the others share `samples` by 1/(id + 1), at most
    1 each, and are drawn by the pivotal method."""
    chosen = {t: 1.0 for t in targets if t >= 0}
    others = [w for w in range(words) if w not in chosen]
    while samples and samples / (others[0] + 1) >= sum(1 / (w + 1) for w in others):
        chosen[others.pop(0)] = 1.0
        samples -= 1
    shares = sum(1 / (w + 1) for w in others)
    probability = {w: samples / (w + 1) / shares for w in others}
    waiting, chance = None, 0.0
    for word in others:
        own, u = probability[word], next(uniform)
        both = chance + own
        if both < 1:
            waiting, chance = (word if u * both < own else waiting), both
            continue
        winner, loser = (waiting, word) if u * (2 - both) < 1 - own else (word, waiting)
        chosen[winner] = probability[winner]
        waiting, chance = loser, both - 1
    if chance > 0.5:
        chosen[waiting] = probability[waiting]
    return dict(sorted(chosen.items()))


def write_sampled(folder):
    torch.manual_seed(6)
    file = File(folder, "sampled", "The softmax of a row is over the candidates, which the generator "
                "of seed 3 and stream 9 draws; -log of its probability is added to a candidate's logit.")
    rows, words, width, samples = 9, 80, 5, 15
    targets = [7, 33, -1, 0, 33, 79, 12, -1, 5]
    linear = leaves({"x": draw(rows, width), "weight": draw(words, width), "bias": draw(words)})
    found = candidates(targets, words, samples, random_numbers(3, 9))
    ids = torch.tensor(list(found))
    shift = -torch.tensor(list(found.values()), dtype=torch.float64).log()
    logits = F.linear(linear["x"], linear["weight"][ids], linear["bias"][ids] + shift)
    places = torch.tensor([list(found).index(t) if t >= 0 else -1 for t in targets])
    loss = F.cross_entropy(logits, places, ignore_index=-1)
    loss.backward()
    file.put("targets", targets)
    file.put("samples", samples)
    file.put_all("", linear)
    file.put("loss", loss)
    file.put_all("grad.", gradients(linear))
    file.close()


# ---- Heads ------------------------------------------------------------------------------------


def pooled(part, states, embedded, lengths):
    """[T][B][D] -> [B][D], each document up to its length."""
    rows = []
    for b, length in enumerate(lengths):
        own = states[:length, b]
        rows.append({"last": lambda: own[-1], "max": lambda: own.max(0).values,
                     "mean": lambda: own.mean(0), "input": lambda: embedded[length - 1, b]}[part]())
    return torch.stack(rows)


def blocks(x, tensors, count, training, statistics):
    """batch norm -> linear, ReLU between; the running statistics are changed when training."""
    for i in range(count):
        x = F.batch_norm(x, statistics["norm.%d.running_mean" % i],
                         statistics["norm.%d.running_var" % i], tensors["norm.%d.weight" % i],
                         tensors["norm.%d.bias" % i], training, 0.1, 1e-5)
        x = F.linear(x, tensors["linear.%d.weight" % i], tensors["linear.%d.bias" % i])
        if i < count - 1:
            x = F.relu(x)
    return x


HEADS = [  # case, parts, layers, hidden
    ("last", ["last"], [2], [5]),
    ("last_all", ["last"], [0, 1, 2], [5]),
    ("last_single", ["last"], [2], []),
    ("mean", ["mean"], [2], [5]),
    ("mean_all", ["mean"], [0, 1, 2], [5]),
    ("max", ["max"], [2], [5]),
    ("max_all", ["max"], [0, 1, 2], [6, 4]),
    ("concat", ["last", "max", "mean"], [2], [5]),
    ("concat_all", ["last", "max", "mean"], [0, 1, 2], [5]),
    ("concat_input", ["input", "last"], [2, 0], [5]),
]


WEIGHTED_HEADS = [  # case, kind, layers, hidden, setting
    ("attention", "attention", [2], [5], 4),  # the width of the layer under the score
    ("attention_all", "attention", [0, 1, 2], [5], 6),
    ("attention_query", "attention", [1], [], 0),  # 0: a query alone
    ("scalar_mix", "scalar_mix", [0, 2], [5], (True, ["last", "max", "mean"])),  # input, pool
    ("scalar_mix_input", "scalar_mix", [0, 2], [5], (True, ["mean", "input"])),
    ("scalar_mix_layers", "scalar_mix", [2, 0], [], (False, ["mean"])),
]


def draw_blocks(sizes):
    tensors, statistics = {}, {}
    for i in range(len(sizes) - 1):
        tensors["norm.%d.weight" % i] = draw(sizes[i], low=0.5, high=1.5)
        tensors["norm.%d.bias" % i] = draw(sizes[i])
        tensors["linear.%d.weight" % i] = draw(sizes[i + 1], sizes[i])
        tensors["linear.%d.bias" % i] = draw(sizes[i + 1])
        statistics["norm.%d.running_mean" % i] = 0.5 * draw(sizes[i])
        statistics["norm.%d.running_var" % i] = draw(sizes[i], low=0.2, high=1.5)
    return tensors, statistics


def attended(states, tensors, lengths):
    """[T][B][D] -> [B][D]: the positions weighted by the softmax of their scores."""
    rows = []
    for b, length in enumerate(lengths):
        own = states[:length, b]
        scored = own
        if "attention.weight" in tensors:
            scored = torch.tanh(F.linear(own, tensors["attention.weight"],
                                         tensors["attention.bias"]))
        scores = scored @ tensors["attention.query"][0]
        rows.append(F.softmax(scores, 0) @ own)
    return torch.stack(rows)


class Head:
    """Parameters of a case, and how they make logits of the states."""

    def __init__(self, kind, layers, hidden, setting, widths, embedding, classes):
        self.kind, self.layers, self.setting = kind, layers, setting
        width = sum(widths[layer] for layer in layers)
        own = {}
        if kind == "pooling":
            width = sum(embedding if p == "input" else width for p in setting)
        elif kind == "attention":
            if setting:
                own["attention.weight"] = draw(setting, width)
                own["attention.bias"] = draw(setting)
            own["attention.query"] = 2 * draw(1, setting or width)
        else:
            own["mix.weights"] = draw(len(layers) + setting[0])
            own["mix.scale"] = draw(1, low=0.5, high=1.5)
            width = widths[layers[0]] * len(setting[1])
        self.blocks = len(hidden) + 1
        tensors, self.statistics = draw_blocks([width, *hidden, classes])
        self.tensors = {**own, **tensors}

    def __call__(self, states, lengths, training):
        chosen = [states["layer%d" % layer] for layer in self.layers]
        embedded = states["embedded"]
        if self.kind == "attention":
            x = attended(torch.cat(chosen, 2), self.tensors, lengths)
        else:
            parts = self.setting
            if self.kind == "scalar_mix":
                parts = self.setting[1]
                weights = F.softmax(self.tensors["mix.weights"], 0)
                mixed = [embedded] * self.setting[0] + chosen
                chosen = [self.tensors["mix.scale"] * sum(w * m for w, m in zip(weights, mixed))]
            side = torch.cat(chosen, 2)
            x = torch.cat([pooled(p, side, embedded, lengths) for p in parts], 1)
        return blocks(x, self.tensors, self.blocks, training, self.statistics)


def train_head(head, states, lengths, targets):
    """Twenty steps of SGD on what a head's training step has left."""
    constants = {name: state.detach() for name, state in states.items()}
    optimizer = torch.optim.SGD(head.tensors.values(), lr=0.05, momentum=0.9)
    for _ in range(20):
        optimizer.zero_grad()
        F.cross_entropy(head(constants, lengths, True), targets).backward()
        optimizer.step()


def write_heads(folder):
    torch.manual_seed(3)
    file = File(folder, "heads", "Heads on the states of three layers. eval: running statistics; "
                "train: one step with the batch's own, dropout 0. The loss is the cross entropy. "
                "steps: after 20 more steps of SGD, rate 0.05, momentum 0.9, states constant.")
    time, batch, widths, embedding, classes = 5, 4, [3, 4, 3], 3, 3
    lengths, targets = [5, 2, 3, 1], torch.tensor([2, 0, 1, 2])
    states = {"layer%d" % i: draw(time, batch, w) for i, w in enumerate(widths)}
    states["embedded"] = draw(time, batch, embedding)
    file.put("lengths", lengths)
    file.put("targets", targets)
    file.put_all("", states)
    cases = [(case, "pooling", layers, hidden, parts) for case, parts, layers, hidden in HEADS]
    for case, kind, layers, hidden, setting in cases + WEIGHTED_HEADS:
        head = Head(kind, layers, hidden, setting, widths, embedding, classes)
        tensors, statistics = head.tensors, head.statistics
        file.put_all(case + ".", tensors)
        file.put_all(case + ".", statistics)
        for mode in ("eval", "train"):
            leaves(tensors)
            leaves(states)
            logits = head(states, lengths, mode == "train")
            loss = F.cross_entropy(logits, targets)
            loss.backward()
            file.put("%s.%s.logits" % (case, mode), logits)
            file.put("%s.%s.loss" % (case, mode), loss)
            file.put_all("%s.%s.grad." % (case, mode), gradients(tensors))
            file.put_all("%s.%s.grad." % (case, mode), gradients(
                {n: s for n, s in states.items() if s.grad is not None}))
        file.put_all(case + ".train.", statistics)
        train_head(head, states, lengths, targets)
        file.put_all(case + ".steps.", {**tensors, **statistics})
    file.close()


# ---- Optimizers -------------------------------------------------------------------------------

OPTIMIZERS = {
    "adamw": dict(make=lambda p, lr: torch.optim.AdamW(p, lr=lr, betas=(0.7, 0.99), eps=1e-8,
                                                       weight_decay=0.1), clip=0),
    "adamw_clip": dict(make=lambda p, lr: torch.optim.AdamW(p, lr=lr, betas=(0.9, 0.999), eps=1e-6,
                                                            weight_decay=0.01), clip=0.5),
    "sgd": dict(make=lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, weight_decay=0.1),
                clip=0.5),
    "sgd_plain": dict(make=lambda p, lr: torch.optim.SGD(p, lr=lr), clip=0),
    "nesterov": dict(make=lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True),
                     clip=0),
    "nesterov_clip": dict(make=lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.7, nesterov=True,
                                                             weight_decay=0.1), clip=0.5),
    "nt_asgd": dict(make=lambda p, lr: torch.optim.SGD(p, lr=lr, weight_decay=0.1), clip=0.5,
                    average_from=8),
}


def write_optimizers(folder):
    torch.manual_seed(4)
    file = File(folder, "optimizers", "Two tensors, 20 steps; the same gradients for every optimizer, "
                "of which some are cut to a norm; the rate changes at every step. Weights after the "
                "first steps and the last. average: the mean of the weights after 8 steps and after "
                "each since.")
    start = {"a": draw(3, 4), "b": draw(5)}
    rates = [0.1, 0.05, 0.2, 0.01, 0.1, 0.03] + [round(0.1 / (n + 1), 3) for n in range(14)]
    steps = [{"a": draw(3, 4), "b": draw(5)} for _ in rates]
    steps[2]["b"] *= 0.01
    steps[4]["a"] *= 0
    for step in steps:
        step["b"] = step["b"].float().double()
    file.put("rates", rates)
    file.put_all("start.", start)
    for number, step in enumerate(steps):
        file.put_all("step%d.grad." % number, step)
    for name, setting in OPTIMIZERS.items():
        tensors = {n: t.clone().requires_grad_(True) for n, t in start.items()}
        optimizer = setting["make"](list(tensors.values()), rates[0])
        kept = []
        for number, step in enumerate(steps):
            for n, tensor in tensors.items():
                tensor.grad = step[n].clone()
            norm = torch.sqrt(sum((t.grad ** 2).sum() for t in tensors.values()))
            if setting["clip"]:
                torch.nn.utils.clip_grad_norm_(tensors.values(), setting["clip"])
            optimizer.param_groups[0]["lr"] = rates[number]
            optimizer.step()
            if number + 1 >= setting.get("average_from", len(rates) + 1):
                kept.append({n: t.detach().clone() for n, t in tensors.items()})
            file.put("%s.step%d.norm" % (name, number), norm)
            if number < 6 or number == len(rates) - 1:
                file.put_all("%s.step%d." % (name, number), tensors)
        if kept:
            file.put_all(name + ".average.", {n: torch.stack([k[n] for k in kept]).mean(0)
                                              for n in tensors})
    file.close()


# ---- Slanted triangular learning rates --------------------------------------------------------


def stlr(step, steps, cut_frac, ratio):
    """Howard and Ruder 2018, section 3.2, divided by the largest rate."""
    cut = math.floor(steps * cut_frac)
    if step < cut:
        p = step / cut
    else:
        p = 1 - (step - cut) / (cut * (1 / cut_frac - 1))
    return (1 + p * (ratio - 1)) / ratio


def write_stlr(folder):
    file = File(folder, "stlr", "The multiplier at every step, for cut_frac and ratio.")
    for case, (steps, cut_frac, ratio) in enumerate([(40, 0.1, 32), (50, 0.3, 20), (8, 0.5, 2)]):
        file.put("case%d.cut_frac" % case, cut_frac)
        file.put("case%d.ratio" % case, ratio)
        file.put("case%d" % case, [stlr(t, steps, cut_frac, ratio) for t in range(steps)])
    file.close()


# ---- Other schedules ----------------------------------------------------------------------------

EPOCHS, EPOCH_STEPS = 6, 20


def rates_of(make, in_epochs=False):
    """What a PyTorch scheduler makes of the rate 1; in_epochs: it counts epochs and their parts."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    scheduler, rates = make(optimizer), []
    for step in range(EPOCHS * EPOCH_STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([(step + 1) / EPOCH_STEPS] if in_epochs else []))
    return rates


def warmup_linear(warmup, end):
    """The factor of Hugging Face's get_linear_schedule_with_warmup, for any end."""
    steps = EPOCHS * EPOCH_STEPS

    def factor(step):
        if step < warmup:
            return step / max(1, warmup)
        return end + (1 - end) * max(0, steps - step) / max(1, steps - warmup)
    return factor


def write_schedules(folder):
    from fastai.callback.schedule import combined_cos
    file = File(folder, "schedules", "Multipliers of the rate, and momenta, over 6 epochs of 20 "
                "steps: warmup_linear by torch.optim.lr_scheduler.LambdaLR, cosine by its "
                "CosineAnnealingWarmRestarts, one_cycle by fastai's combined_cos.")
    for name, warmup, end in (("short", 12, 0), ("long", 50, 0.25), ("none", 0, 0)):
        file.put("warmup_linear.%s.rate" % name, rates_of(
            lambda o: torch.optim.lr_scheduler.LambdaLR(o, warmup_linear(warmup, end))))
    for name, first, mult, minimum in (("once", 6, 1, 0), ("equal", 2, 1, 0.1), ("growing", 1, 2, 0)):
        file.put("cosine.%s.rate" % name, rates_of(
            lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, first, mult, minimum),
            in_epochs=True))
    for name, pct_start, div, div_final, momenta in (
            ("default", 0.25, 25, 1e5, (0.8, 0.7, 0.8)),
            ("other", 0.4, 10, 100, (0.95, 0.85, 0.9))):
        rate = combined_cos(pct_start, 1 / div, 1, 1 / div_final)
        momentum = combined_cos(pct_start, *momenta)
        parts = [step / (EPOCHS * EPOCH_STEPS) for step in range(EPOCHS * EPOCH_STEPS)]
        file.put("one_cycle.%s.rate" % name, [rate(p) for p in parts])
        file.put("one_cycle.%s.momentum" % name, [momentum(p) for p in parts])
    file.close()


def write_lr_find(folder):
    """Losses made up, in the shape that a rising rate gives them; what fastai makes of them."""
    from types import SimpleNamespace
    from fastai.callback.schedule import steep, valley
    from fastai.learner import AvgSmoothLoss
    file = File(folder, "lr_find", "Losses of up to 100 steps at rising rates, fastai's smoothed ones "
                "until it would stop, and the rates that its valley and steep suggest.")
    rates = [1e-7 * 10 ** (8 * step / 99) for step in range(100)]
    file.put("rates", rates)
    for name, noise, blow_up in (("diverges", 0.05, 0.3), ("noisy", 0.4, 0.5), ("ends", 0.02, 1e9)):
        torch.manual_seed(11)
        smooth, best, values = AvgSmoothLoss(), math.inf, []
        losses = [6 - 3 / (1 + (1e-3 / rate) ** 0.8) + 8 * (rate / blow_up) ** 2 +
                  noise * torch.randn(1).item() for rate in rates]
        losses = torch.tensor(losses, dtype=torch.float32)
        for loss in losses:
            smooth.accumulate(SimpleNamespace(loss=loss))
            values.append(smooth.value.item())
            best = min(best, values[-1])
            if values[-1] > 4 * best:
                break
        kept = slice(len(rates) // 10, -5)
        tensors = torch.tensor(rates[:len(values)])[kept], torch.tensor(values)[kept]
        file.put(name + ".losses", losses)
        file.put(name + ".smooth", values)
        file.put(name + ".valley", valley(*tensors, len(rates))[0])
        file.put(name + ".steepest", steep(*tensors, len(rates))[0])
    file.close()


# ---- AWD-LSTM ---------------------------------------------------------------------------------


def encode(ids, embedding, layers, states):
    outs, states = two_layers(F.embedding(ids, embedding), layers, states)
    return outs, states


def penalty(out, lengths, alpha, beta):
    """alpha * mean(h^2) + beta * mean((h[t+1] - h[t])^2) over what counts."""
    squares = torch.cat([out[:n, b].flatten() for b, n in enumerate(lengths)]) ** 2
    steps = torch.cat([(out[1:n, b] - out[:n - 1, b]).flatten()
                       for b, n in enumerate(lengths)]) ** 2
    return alpha * squares.mean() + beta * steps.mean()


def write_awd_lstm(folder):
    torch.manual_seed(5)
    file = File(folder, "awd_lstm", "An AWD-LSTM of three layers without dropout, its decoder tied. "
                "lm: two batches of a stream, gradients of the second's loss with AR and TAR (alpha 2, "
                "beta 1). padded: documents with lengths, gradients of sum(out.2 * upstream) over what "
                "counts, with AR and TAR.")
    vocabulary, embedding, hidden, time, batch = 11, 4, 6, 5, 3
    widths = [embedding, hidden, hidden, embedding]
    table = {"embedding.weight": draw(vocabulary, embedding), "decoder.bias": draw(vocabulary)}
    layers = [draw_lstm(widths[i], widths[i + 1]) for i in range(3)]
    everything = dict(table)
    for i, layer in enumerate(layers):
        everything.update({"rnn.%d.%s" % (i, n.replace("w_", "weight_")): t
                           for n, t in layer.items()})
    file.put_all("", everything)

    def zeros():
        return [(torch.zeros(1, batch, w).double(), torch.zeros(1, batch, w).double())
                for w in widths[1:]]

    leaves(everything)
    states = zeros()
    for number in (1, 2):
        ids = torch.randint(vocabulary, (time, batch))
        targets = torch.randint(vocabulary, (time, batch))
        outs, states = encode(ids, table["embedding.weight"], layers, states)
        logits = F.linear(outs[2], table["embedding.weight"], table["decoder.bias"])
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        file.put("lm%d.ids" % number, ids)
        file.put("lm%d.targets" % number, targets)
        for i in range(3):
            file.put("lm%d.out.%d" % (number, i), outs[i])
        file.put("lm%d.loss" % number, loss)
        for i in range(3):
            file.put("lm%d.h.%d" % (number, i), states[i][0][0])
            file.put("lm%d.c.%d" % (number, i), states[i][1][0])
        states = [(h.detach(), c.detach()) for h, c in states]
    extra = penalty(outs[2], [time] * batch, 2, 1)
    (loss + extra).backward()
    file.put("lm2.penalty", extra)
    file.put_all("lm2.grad.", gradients(everything))

    leaves(everything)
    lengths = [3, 5, 1]
    ids = torch.randint(vocabulary, (time, batch))
    for b, length in enumerate(lengths):
        ids[length:, b] = 1
    outs, _ = encode(ids, table["embedding.weight"], layers, zeros())
    upstream = draw(time, batch, embedding)
    for b, length in enumerate(lengths):
        upstream[length:, b] = 0
    extra = penalty(outs[2], lengths, 2, 1)
    ((outs[2] * upstream).sum() + extra).backward()
    file.put("padded.lengths", lengths)
    file.put("padded.ids", ids)
    file.put("padded.upstream", upstream)
    file.put("padded.out.2", outs[2])
    file.put("padded.penalty", extra)
    file.put_all("padded.grad.", gradients({n: t for n, t in everything.items()
                                            if n != "decoder.bias"}))
    file.close()


# ---- Attention and the transformer -------------------------------------------------------------


def attention(qkv, heads, causal):
    """[T][B][3E] -> [T][B][E] by PyTorch's own function."""
    time, batch, width = qkv.shape
    q, k, v = qkv.reshape(time, batch, 3, heads, width // 3 // heads).permute(2, 1, 3, 0, 4)
    out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return out.permute(2, 0, 1, 3).reshape(time, batch, width // 3)


def write_attention(folder):
    torch.manual_seed(7)
    file = File(folder, "attention", "Two heads, causal and not; layer norm and GELU: gradients of "
                "sum(out * upstream).")
    cases = {"causal": lambda x: attention(x["qkv"], 2, True),
             "full": lambda x: attention(x["qkv"], 2, False),
             "layer_norm": lambda x: F.layer_norm(x["x"], [6], x["gain"], x["bias"], 1e-5),
             "gelu": lambda x: F.gelu(x["x"], approximate="tanh")}
    for case, function in cases.items():
        inputs = {"qkv": 2 * draw(5, 3, 18)} if case in ("causal", "full") else {"x": 3 * draw(5, 3, 6)}
        if case == "layer_norm":
            inputs.update(gain=draw(6), bias=draw(6))
        out = function(leaves(inputs))
        upstream = draw(5, 3, 6)
        (out * upstream).sum().backward()
        file.put_all(case + ".", inputs)
        file.put(case + ".out", out)
        file.put(case + ".upstream", upstream)
        file.put_all(case + ".grad.", gradients(inputs))
    file.close()


class Decoder(torch.nn.Module):
    """A decoder like GPT-2's (pre) or GPT's (post) of modules of torch.nn; [T][B] -> every block's
    states [T][B][E], the last of them after the final norm."""

    def __init__(self, vocabulary, width, hidden, layers, heads, positions, pre):
        super().__init__()
        nn = torch.nn
        self.heads, self.pre = heads, pre
        self.weight = nn.Parameter(draw(vocabulary, width))
        self.positions = nn.Parameter(draw(positions, width))
        self.decoder_bias = nn.Parameter(draw(vocabulary))
        self.block = nn.ModuleList()
        for index in range(layers):
            block = nn.ModuleDict({
                "ln_1": nn.LayerNorm(width), "ln_2": nn.LayerNorm(width),
                "attn": nn.ModuleDict({"qkv": nn.Linear(width, 3 * width),
                                       "proj": nn.Linear(width, width)}),
                "mlp": nn.ModuleDict({"fc": nn.Linear(width, hidden),
                                      "proj": nn.Linear(hidden, width)})})
            if pre and index == layers - 1:
                block["ln_f"] = nn.LayerNorm(width)
            self.block.append(block)
        for tensor in self.block.parameters():
            tensor.data = draw(*tensor.shape).to(torch.float64)

    def forward(self, ids):
        x = F.embedding(ids, self.weight) + self.positions[:len(ids), None]
        outs = []
        for block in self.block:
            def attend(y):
                y = attention(block["attn"]["qkv"](y), self.heads, True)
                return block["attn"]["proj"](y)

            def feed(y):
                y = F.gelu(block["mlp"]["fc"](y), approximate="tanh")
                return block["mlp"]["proj"](y)

            if self.pre:
                x = x + attend(block["ln_1"](x))
                x = x + feed(block["ln_2"](x))
            else:
                x = block["ln_1"](x + attend(x))
                x = block["ln_2"](x + feed(x))
            if "ln_f" in block:
                x = block["ln_f"](x)
            outs.append(x)
        return outs

    def named(self):
        """Tensors by thaw's names: group.tensor."""
        top = {"weight": "embedding.weight", "positions": "embedding.positions",
               "decoder_bias": "decoder.bias"}
        return {top.get(name, name): tensor for name, tensor in self.named_parameters()}

    def loss(self, ids, targets):
        """As a language model whose decoder is the embedding."""
        logits = F.linear(self.forward(ids)[-1], self.weight, self.decoder_bias)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def write_transformer(folder):
    torch.manual_seed(8)
    file = File(folder, "transformer", "Decoders with pre- and post-norm, dropout off. lm: one batch of a "
                "tied language model, its gradients, and the weights after 20 steps of AdamW. padded: "
                "documents with lengths, gradients of sum(out.1 * upstream) over what counts.")
    vocabulary, width, hidden, layers, heads, positions, time, batch = 9, 6, 10, 2, 2, 7, 5, 3
    ids, targets = torch.randint(vocabulary, (time, batch)), torch.randint(vocabulary, (time, batch))
    lengths = [3, 5, 1]
    padded, upstream = torch.randint(vocabulary, (time, batch)), draw(time, batch, width)
    for b, length in enumerate(lengths):
        padded[length:, b] = 1
        upstream[length:, b] = 0
    file.put("ids", ids)
    file.put("targets", targets)
    file.put("padded.lengths", lengths)
    file.put("padded.ids", padded)
    file.put("padded.upstream", upstream)
    for case in ("pre", "post"):
        model = Decoder(vocabulary, width, hidden, layers, heads, positions, case == "pre")
        file.put_all(case + ".", model.named())
        outs = model(padded)
        (outs[-1] * upstream).sum().backward()
        file.put(case + ".padded.out.1", outs[-1])
        file.put_all(case + ".padded.grad.", gradients(model.named()))
        model.zero_grad()
        for index, out in enumerate(model(ids)):
            file.put("%s.lm.out.%d" % (case, index), out)
        loss = model.loss(ids, targets)
        loss.backward()
        file.put(case + ".lm.loss", loss)
        file.put_all(case + ".lm.grad.", gradients(model.named()))
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, betas=(0.9, 0.99), eps=1e-4,
                                      weight_decay=0.1)
        for _ in range(20):
            optimizer.zero_grad()
            loss = model.loss(ids, targets)
            loss.backward()
            optimizer.step()
        file.put(case + ".lm.last_loss", loss)
        file.put_all(case + ".lm.after.", model.named())
    file.close()


# ---- Recurrent encoders -----------------------------------------------------------------------


def draw_cell(kind, inputs, hidden, window):
    """The tensors of a layer, named as thaw names them."""
    if kind == "qrnn":
        return {"weight": draw(3 * hidden, window * inputs), "bias": draw(3 * hidden)}
    gates = 3 if kind == "gru" else 4
    cell = {"weight_ih": draw(gates * hidden, inputs), "weight_hh": draw(gates * hidden, hidden),
            "bias": draw(gates * hidden)}
    if kind == "gru":
        cell["bias_hn"] = draw(hidden)
    return cell


def gru(x, w, state):
    """One layer of torch.nn.GRU; of its second bias vector thaw has n's part alone."""
    hidden = w["weight_hh"].shape[1]
    layer = torch.nn.GRU(w["weight_ih"].shape[1], hidden).double()
    second = torch.cat([torch.zeros(2 * hidden).double(), w["bias_hn"]])
    return torch.func.functional_call(
        layer, {"weight_ih_l0": w["weight_ih"], "weight_hh_l0": w["weight_hh"],
                "bias_ih_l0": w["bias"], "bias_hh_l0": second}, (x, state))


def qrnn(x, w, state):
    """Bradbury et al. 2016, fo-pooling; the window is 2 where the weight is twice as wide as x."""
    before, c = state or (torch.zeros_like(x[0]), torch.zeros(x.shape[1], len(w["bias"]) // 3).double())
    window = w["weight"].shape[1] // x.shape[2]
    source = torch.cat([x, torch.cat([before[None], x[:-1]])], 2) if window == 2 else x
    z, f, o = F.linear(source, w["weight"], w["bias"]).chunk(3, 2)
    z, f, o = z.tanh(), f.sigmoid(), o.sigmoid()
    out = []
    for t in range(len(x)):
        c = f[t] * c + (1 - f[t]) * z[t]
        out.append(o[t] * c)
    return torch.stack(out), (x[-1], c)


def run_cell(kind, x, w, state):
    if kind == "gru":
        return gru(x, w, state)
    if kind == "qrnn":
        return qrnn(x, w, state)
    return lstm(x, (w["weight_ih"], w["weight_hh"], w["bias"]), state)


def stack(kind, x, layers, states):
    outs = []
    for i, layer in enumerate(layers):
        x, states[i] = run_cell(kind, x, layer, states[i])
        outs.append(x)
    return outs


def detached(state):
    return state.detach() if torch.is_tensor(state) else tuple(s.detach() for s in state)


def named(layers, suffix=""):
    return {"rnn.%d.%s%s" % (i, n, suffix): t
            for i, layer in enumerate(layers) for n, t in layer.items()}


def write_encoders(folder):
    torch.manual_seed(7)
    file = File(folder, "encoders", "Encoders of two layers without dropout as language models with a "
                "tied decoder: 20 steps of AdamW (rate 0.01, betas 0.7 and 0.99, epsilon 1e-8, decay "
                "0.01), the state carried. awd_lstm and qrnn with AR and TAR (alpha 2, beta 1), which "
                "the losses leave out. second: states, and gradients of the loss with these.")
    vocabulary, embedding, hidden, time, batch, steps = 11, 4, 6, 5, 3, 20
    ids = torch.randint(vocabulary, (steps, time, batch))
    targets = torch.randint(vocabulary, (steps, time, batch))
    file.put("ids", ids)
    file.put("targets", targets)
    for kind in ("awd_lstm", "lstm", "gru", "qrnn"):
        table = {"embedding.weight": draw(vocabulary, embedding), "decoder.bias": draw(vocabulary)}
        layers = [draw_cell(kind, embedding, hidden, 2), draw_cell(kind, hidden, embedding, 1)]
        everything = leaves({**table, **named(layers)})
        file.put_all(kind + ".start.", everything)
        optimizer = torch.optim.AdamW(list(everything.values()), lr=0.01, betas=(0.7, 0.99), eps=1e-8,
                                      weight_decay=0.01)
        states, losses = [None, None], []
        for step in range(steps):
            optimizer.zero_grad(set_to_none=True)
            outs = stack(kind, F.embedding(ids[step], table["embedding.weight"]), layers, states)
            logits = F.linear(outs[1], table["embedding.weight"], table["decoder.bias"])
            loss = F.cross_entropy(logits.flatten(0, 1), targets[step].flatten())
            losses.append(loss.item())
            if kind in ("awd_lstm", "qrnn"):
                loss = loss + penalty(outs[1], [time] * batch, 2, 1)
            loss.backward()
            if step == 1:
                for i in range(2):
                    file.put("%s.second.out.%d" % (kind, i), outs[i])
                file.put_all(kind + ".second.grad.", gradients(everything))
            optimizer.step()
            states = [detached(s) for s in states]
        file.put(kind + ".losses", losses)
        file.put_all(kind + ".end.", everything)
    file.close()


def both_ways(kind, x, lengths, forward, backward):
    """torch.nn.LSTM or GRU with bidirectional=True on packed documents."""
    hidden, width = forward["weight_hh"].shape[1], x.shape[2]
    layer = (torch.nn.GRU if kind == "gru" else torch.nn.LSTM)(width, hidden, bidirectional=True)
    values = {}
    for cell, ending in ((forward, "_l0"), (backward, "_l0_reverse")):
        second = torch.zeros_like(cell["bias"])
        if kind == "gru":
            second = torch.cat([second[:2 * hidden], cell["bias_hn"]])
        values.update({"weight_ih" + ending: cell["weight_ih"], "weight_hh" + ending: cell["weight_hh"],
                       "bias_ih" + ending: cell["bias"], "bias_hh" + ending: second})
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    out, _ = torch.func.functional_call(layer.double(), values, (packed,))
    return torch.nn.utils.rnn.pad_packed_sequence(out, total_length=len(x))[0]


def write_bidirectional(folder):
    torch.manual_seed(8)
    file = File(folder, "bidirectional", "documents: one layer of torch.nn.LSTM or GRU with "
                "bidirectional=True on padded documents, gradients of sum(out * upstream) over what "
                "counts. lm: two language models of two layers that share embedding and decoder, two "
                "batches with the state carried, gradients of the second's mean loss.")
    vocabulary, embedding, hidden, time, batch, lengths = 11, 4, 6, 5, 3, [3, 5, 1]
    for kind in ("lstm", "gru"):
        table = {"embedding.weight": draw(vocabulary, embedding)}
        halves = [draw_cell(kind, embedding, embedding, 1) for _ in range(2)]
        everything = leaves({**table, **named(halves[:1]), **named(halves[1:], "_backward")})
        ids = torch.randint(vocabulary, (time, batch))
        upstream = draw(time, batch, 2 * embedding)
        for b, length in enumerate(lengths):
            ids[length:, b] = 1
            upstream[length:, b] = 0
        out = both_ways(kind, F.embedding(ids, table["embedding.weight"]), lengths, *halves)
        (out * upstream).sum().backward()
        case = "documents." + kind
        file.put_all(case + ".", everything)
        file.put(case + ".ids", ids)
        file.put(case + ".lengths", lengths)
        file.put(case + ".upstream", upstream)
        file.put(case + ".out", out)
        file.put_all(case + ".grad.", gradients(everything))
    for kind in ("lstm", "gru", "qrnn"):
        table = {"embedding.weight": draw(vocabulary, embedding), "decoder.bias": draw(vocabulary)}
        halves = [[draw_cell(kind, embedding, hidden, 2), draw_cell(kind, hidden, embedding, 1)]
                  for _ in range(2)]
        everything = leaves({**table, **named(halves[0]), **named(halves[1], "_backward")})
        file.put_all("lm.%s." % kind, everything)
        states = [[None, None], [None, None]]
        for number in (1, 2):
            losses = []
            for way, half in enumerate(halves):
                ids = torch.randint(vocabulary, (time, batch))
                targets = torch.randint(vocabulary, (time, batch))
                outs = stack(kind, F.embedding(ids, table["embedding.weight"]), half, states[way])
                states[way] = [detached(s) for s in states[way]]
                logits = F.linear(outs[1], table["embedding.weight"], table["decoder.bias"])
                losses.append(F.cross_entropy(logits.flatten(0, 1), targets.flatten()))
                name = "lm.%s.%d.%s" % (kind, number, "backward" if way else "forward")
                file.put(name + ".ids", ids)
                file.put(name + ".targets", targets)
                file.put(name + ".out", outs[1])
            loss = (losses[0] + losses[1]) / 2
        loss.backward()
        file.put("lm.%s.loss" % kind, loss)
        file.put_all("lm.%s.grad." % kind, gradients(everything))
    file.close()


# ---- A classifier's loss with a language model's ------------------------------------------------


def write_auxiliary(folder):
    torch.manual_seed(7)
    file = File(folder, "auxiliary", "A classifier of one LSTM layer, the mean of its states and one "
                "linear block: weighted and smoothed cross entropy, plus 0.5 times the mean loss of a "
                "language model of the documents' own next tokens, its decoder tied.")
    vocabulary, width, classes, time, lengths = 11, 4, 3, 5, [3, 5, 1, 4]
    batch = len(lengths)
    layer = draw_lstm(width, width)
    everything = {"embedding.weight": draw(vocabulary, width), "decoder.bias": draw(vocabulary)}
    everything.update({"rnn.0." + n.replace("w_", "weight_"): t for n, t in layer.items()})
    everything.update({"head.norm.0.weight": draw(width, low=0.5, high=1.5),
                       "head.norm.0.bias": draw(width),
                       "head.linear.0.weight": draw(classes, width),
                       "head.linear.0.bias": draw(classes)})
    head = {n[len("head."):]: t for n, t in everything.items() if n.startswith("head.")}
    ids, targets = torch.randint(vocabulary, (time, batch)), torch.tensor([2, 0, 1, 2])
    for b, length in enumerate(lengths):
        ids[length:, b] = 1
    weights = draw(classes, low=0.2, high=3.0)
    file.put_all("", leaves(everything))
    file.put("ids", ids)
    file.put("lengths", lengths)
    file.put("targets", targets)
    file.put("weights", weights)
    zeros = [(torch.zeros(1, batch, width).double(), torch.zeros(1, batch, width).double())]
    outs, _ = encode(ids, everything["embedding.weight"], [layer], zeros)
    statistics = {"norm.0.running_mean": torch.zeros(width).double(),
                  "norm.0.running_var": torch.ones(width).double()}
    logits = blocks(pooled("mean", outs[0], None, lengths), head, 1, True, statistics)
    loss = torch.nn.CrossEntropyLoss(weights, label_smoothing=0.1)(logits, targets)
    words = F.linear(outs[0], everything["embedding.weight"], everything["decoder.bias"])
    seen = torch.cat([words[:n - 1, b] for b, n in enumerate(lengths)])
    following = torch.cat([ids[1:n, b] for b, n in enumerate(lengths)])
    whole = loss + 0.5 * F.cross_entropy(seen, following)
    whole.backward()
    file.put("class_loss", loss)
    file.put("loss", whole)
    file.put_all("grad.", gradients(everything))
    file.close()


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..",
                                                                "tests", "golden")
    os.makedirs(folder, exist_ok=True)
    for write in (
            write_lstm,
            write_cross_entropy,
            write_sampled,
            write_heads,
            write_optimizers,
            write_stlr,
            write_schedules,
            write_lr_find,
            write_awd_lstm,
            write_attention,
            write_transformer,
            write_encoders,
            write_bidirectional,
            write_auxiliary,
    ):
        write(folder)


if __name__ == "__main__":
    main()
