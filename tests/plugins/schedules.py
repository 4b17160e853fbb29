#!/usr/bin/python3
"""Writes schedules.csv: multipliers by the papers' formulas, in exact fractions, without thaw's code.

    ./schedules.py > schedules.csv

Sources: Howard and Ruder 2018 (arXiv 1801.06146), equations 2 and 3 (discriminative fine-tuning, STLR) and section 3.3
(gradual unfreezing). STLR is listed where the paper's formula holds (cut at least 1, p not negative), and, marked by
hand below, at the edges that plugins/schedule/stlr.c documents.
"""
from fractions import Fraction as F
from math import floor

print("plugin,settings,step,steps,epoch,epochs,group,groups,multiplier")


def row(plugin, settings, multiplier, step=0, steps=100, epoch=0, epochs=4, group=0, groups=5):
    print(plugin, settings, step, steps, epoch, epochs, group, groups, "%.17g" % float(multiplier), sep=",")


def stlr(t, steps, cut_frac, ratio):
    cut = floor(steps * cut_frac)
    p = F(t, cut) if t < cut else 1 - F(t - cut) / (cut * (1 / cut_frac - 1))
    assert p >= 0
    return (1 + p * (ratio - 1)) / ratio


for t in (0, 1, 9, 10, 11, 55, 98, 99, 100):
    row("stlr", "", stlr(t, 100, F(1, 10), F(32)), t, 100)
for t in (0, 124, 125, 126, 300, 499, 500):
    row("stlr", "cut_frac=0.25;ratio=10", stlr(t, 500, F(1, 4), F(10)), t, 500)
for t in (0, 2, 3, 4, 29):
    row("stlr", "", stlr(t, 37, F(1, 10), F(32)), t, 37)  # cut = floor(3.7)
for t in (0, 1, 2):
    row("stlr", "ratio=1", stlr(t, 20, F(1, 10), F(1)), t, 20)
# Edges. The floor lets p fall to 0 before the end: the rate stays at the lowest, 1/32.
for t in (31, 35, 36):
    row("stlr", "", F(1, 32), t, 37)
# No step of rise (cut = 0): a fall from the base rate over steps * (1 - cut_frac).
row("stlr", "", 1, 0, 1)
for t in range(5):
    p = 1 - F(t) / (5 * F(9, 10))
    row("stlr", "", (1 + p * 31) / 32, t, 5)
row("stlr", "cut_frac=0", 1, 0, 10)
row("stlr", "cut_frac=0;ratio=2", (1 + F(1, 2)) / 2, 5, 10)
# Nothing but rise.
row("stlr", "cut_frac=1;ratio=2", F(1, 2), 0, 10)
row("stlr", "cut_frac=1;ratio=2", (1 + F(9, 10)) / 2, 9, 10)
row("stlr", "cut_frac=1;ratio=2", 1, 10, 10)

rate = F(1)
for group in reversed(range(5)):
    row("discriminative", "", rate, group=group)
    rate /= F(26, 10)
row("discriminative", "factor=2", F(1, 4), group=0, groups=3)
row("discriminative", "factor=1", 1, group=0, groups=3)
row("discriminative", "", 1, group=0, groups=1)

for epoch in range(6):
    unfrozen = set(list(range(5))[-(epoch + 1):])
    for group in range(5):
        row("gradual_unfreeze", "", int(group in unfrozen), epoch=epoch, epochs=6, group=group)
for epoch, last in ((0, 2), (2, 2), (3, 3), (5, 3), (6, 4), (9, 5), (12, 5)):
    for group in range(5):
        row("gradual_unfreeze", "first=2;epochs_per_group=3", int(group >= 5 - last), epoch=epoch, epochs=13, group=group)
row("gradual_unfreeze", "first=1000", 1, group=0)

for step in (0, 99):
    row("constant", "", 1, step)
    row("constant", "factor=0.1", F(1, 10), step)
    row("constant", "factor=0", 0, step)
