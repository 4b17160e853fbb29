"""peer_recipe.py: the whole recipe as a user of fastai writes it, for recipe.py, run by the peers' Python.

    peer_recipe.py FOLDER    with the text, as recipe_data.py writes it, and settings.json, as recipe.py does

A language model of general text, fine-tuned on the target's text, then a classifier on its encoder with gradual
unfreezing. The rate rises and falls in straight lines, as thaw's stlr does (fastai's own fit_one_cycle has cosines and
also moves the momentum), groups are thawed at the same epochs, and Adam's state is kept when they are. Prints a JSON
object: the accuracy on the test documents, and seconds by stage."""

import collections
import json
import math
import os
import re
import sys
import time
import warnings
from functools import partial
from pathlib import Path

warnings.filterwarnings("ignore")
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from fastai.text.all import (AWD_LSTM, Adam, BaseTokenizer, Callback, CategoryBlock, ColReader, ColSplitter, DataBlock,
                             ParamScheduler, SchedLin, TextBlock, combine_scheds, language_model_learner, lowercase,
                             make_vocab, save_pickle, set_seed, text_classifier_learner)


class Words:
    """Words and marks, contractions cut, in the place of spaCy, which would be slower; fastai's own rules (xxmaj,
    xxrep …) run before and after it."""

    cut = re.compile(r"\w+(?=n't\b)|n't\b|'\w+|\w+(?:[.,]\d+)*|[^\w\s]", re.UNICODE).findall

    def __call__(self, items):
        return (self.cut(text) for text in items)


def table(folder, *parts):
    """CSV files one behind the other; the second one is for validation."""
    frames = [pd.read_csv(os.path.join(folder, f"{part}.csv"), keep_default_na=False) for part in parts]
    return pd.concat([frame.assign(is_valid=i == 1) for i, frame in enumerate(frames)], ignore_index=True)


def stlr(rate):
    """Slanted triangular: a tenth of all steps up from 1/32 of the rate, the others down again."""
    legs = [SchedLin(rate / 32, rate), SchedLin(rate, rate / 32)]
    return ParamScheduler({"lr": combine_scheds([0.1, 0.9], legs)})


class GradualUnfreeze(Callback):
    """Trains the last group first; every epoch thaws one more."""

    def before_epoch(self):
        self.opt.freeze_to(max(0, len(self.opt.param_lists) - 1 - self.epoch))


class Recipe:
    def __init__(self, settings, folder):
        self.s, self.folder = settings, folder
        self.perplexities = []  # of the language models, after their last epochs
        self.learner = None  # of the language model that was trained last
        o = settings["optimizer"]
        adam = partial(Adam, mom=o["beta1"], sqr_mom=o["beta2"], eps=o["epsilon"], wd=o["weight_decay"])
        self.common = {"opt_func": adam, "wd_bn_bias": True, "path": Path(folder)}

    def config(self, stage, **more):
        size = {"emb_sz": self.s["embedding"], "n_hid": self.s["hidden"], "n_layers": self.s["layers"]}
        return dict(size, pad_token=1, bidir=False, **self.s["stages"][stage]["dropouts"], **more)

    def text(self, **more):
        # Text that is cut already only wants fastai's mark of its beginning.
        cutting = {"tok": BaseTokenizer(), "rules": [lowercase]} if self.s["same_pieces"] else {"tok": Words()}
        return TextBlock.from_df("text", min_freq=self.s["min_count"], max_vocab=self.s["vocabulary"], **cutting, **more)

    def words(self, frame):
        """The vocabulary of the training text; fastai's own choice would count the validation text as well."""
        texts = frame.text[~frame.is_valid]
        counts = collections.Counter(word for text in texts for word in ("xxbos", *text.split()))
        return make_vocab(counts, min_freq=self.s["min_count"], max_vocab=self.s["vocabulary"])

    def language_model(self, stage, frame, **more):
        settings = self.s["stages"][stage]
        vocabulary = self.words(frame) if self.s["same_pieces"] else None
        block = DataBlock(blocks=self.text(is_lm=True, vocab=vocabulary), get_x=ColReader("text"),
                          splitter=ColSplitter())
        loaders = block.dataloaders(frame, bs=settings["batch"], seq_len=settings["bptt"])
        config = self.config(stage, tie_weights=True, out_bias=True)
        learner = language_model_learner(loaders, AWD_LSTM, config=config, **more, **self.common)
        learner.unfreeze()
        with learner.no_bar(), learner.no_logging():
            learner.fit(settings["epochs"], cbs=stlr(settings["lr"]))
        self.learner = learner
        return learner, loaders.vocab

    def measure(self):
        """The last language model's perplexity over all tokens: fastai's own counts a short last batch like a whole one."""
        model, total, count = self.learner.model.eval(), 0.0, 0
        model.reset()
        with torch.no_grad():
            for text, targets in self.learner.dls.valid:
                total += F.cross_entropy(model(text)[0].flatten(0, 1), targets.flatten(), reduction="sum").item()
                count += targets.numel()
        self.perplexities.append(math.exp(total / count))
        self.learner = None  # its memory is free for the next one

    def pretrain(self):
        learner, vocabulary = self.language_model("pretrain", table(self.folder, "general", "general_valid"),
                                                  pretrained=False)
        learner.save("general", with_opt=False)
        save_pickle(self.common["path"] / "models" / "general_vocabulary.pkl", vocabulary)

    def finetune(self):
        learner, vocabulary = self.language_model("finetune", table(self.folder, "train", "valid"),
                                                  pretrained_fnames=["general", "general_vocabulary"])
        learner.save_encoder("finetuned")
        return vocabulary

    def classify(self, vocabulary):
        """Returns the accuracy on the test documents."""
        settings = self.s["stages"]["classify"]
        block = DataBlock(blocks=(self.text(vocab=vocabulary), CategoryBlock), get_x=ColReader("text"),
                          get_y=ColReader("label"), splitter=ColSplitter())
        # Without processes of its own: for short documents, fastai's default of one a core is slower.
        loaders = block.dataloaders(table(self.folder, "train", "valid"), bs=settings["batch"], num_workers=0)
        output_p, hidden_p = self.s["head"]["dropout"]
        learner = text_classifier_learner(loaders, AWD_LSTM, config=self.config("classify", output_p=output_p),
                                          drop_mult=1, lin_ftrs=self.s["head"]["hidden"], ps=[hidden_p],
                                          pretrained=False, **self.common)
        learner.load_encoder("finetuned")
        rates = settings["lr"] / settings["factor"] ** np.arange(self.s["layers"] + 1, -1, -1)
        test = loaders.test_dl(table(self.folder, "test"), with_labels=True)
        with learner.no_bar(), learner.no_logging():
            learner.fit(settings["epochs"], cbs=[stlr(rates), GradualUnfreeze()])
            probabilities, gold = learner.get_preds(dl=test)
        return (probabilities.argmax(1) == gold).float().mean().item()


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "settings.json"), encoding="utf-8") as file:
        settings = json.load(file)
    torch.set_num_threads(settings["threads"])
    torch.set_flush_denormal(True)
    set_seed(settings["seed"])
    recipe, seconds = Recipe(settings, folder), {}

    def timed(stage, function, *arguments):
        begin = time.perf_counter()
        result = function(*arguments)
        seconds[stage] = time.perf_counter() - begin
        return result

    timed("pretrain", recipe.pretrain)
    recipe.measure()
    vocabulary = timed("finetune", recipe.finetune)
    recipe.measure()
    accuracy = timed("classify", recipe.classify, vocabulary)
    print(json.dumps({"accuracy": accuracy, "seconds": seconds, "perplexities": recipe.perplexities,
                      "vocabulary": len(vocabulary)}))


if __name__ == "__main__":
    main()
