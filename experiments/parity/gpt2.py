#!/usr/bin/env python3
"""gpt2.py: does a GPT-2 of the transformers library enter thaw and leave it again?

    THAW_PLUGIN_PATH=build/.libs experiments/parity/gpt2.py --thaw build/thaw

A small GPT2LMHeadModel with random weights is saved as safetensors, imported, and measured on one context by both sides;
then it is exported. Exit status 1 where the losses differ by more than 1e-6 or a tensor that comes back differs in a
bit. Needs a Python with torch, transformers and safetensors (pip install "transformers<5")."""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

MOST = 1e-6
WORDS = ["xxunk", "xxpad", "xxbos"] + [f"w{i}" for i in range(100)]
CONTEXT = 64
CONFIG = {
    "name": "gpt2",
    "data": {"one": {"format": "text", "train": "text.txt", "valid": "text.txt"}},
    "tokenizer": {"plugin": "whitespace", "min_count": 1, "max_vocab": len(WORDS)},
    "encoder": {"plugin": "transformer", "embedding": 32, "layers": 3, "heads": 4, "positions": CONTEXT},
    "stages": {"pretrain": {"data": "one", "epochs": 1, "batch": 1, "bptt": CONTEXT - 1}},
}


def make_model():
    """Every tensor away from its initial value, biases and norms too."""
    torch.manual_seed(1)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(WORDS), n_positions=CONTEXT, n_embd=32, n_layer=3, n_head=4)).eval()
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(0.15 * torch.randn_like(tensor))
    return model


def write_text():
    """A document of one context; its tokens' numbers [CONTEXT], the mark of its beginning first."""
    words = random.Random(1).choices(WORDS[3:], k=CONTEXT - 1)
    with open("text.txt", "w", encoding="utf-8") as file:
        file.write(" ".join(words) + "\n")
    return torch.tensor([[WORDS.index("xxbos")] + [WORDS.index(word) for word in words]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--thaw", default="thaw", help="the command (%(default)s)")
    command = parser.parse_args().thaw
    command = os.path.abspath(command) if os.path.exists(command) else command
    plugins = os.environ.get("THAW_PLUGIN_PATH")
    if plugins:
        os.environ["THAW_PLUGIN_PATH"] = ":".join(os.path.abspath(path) for path in plugins.split(":"))

    def thaw(*words):
        return subprocess.run([command, *words], check=True, stdout=subprocess.PIPE).stdout

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        model, ids = make_model(), write_text()
        with torch.no_grad():
            logits = model(ids).logits[0].double()
        expected = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:]).item()
        sent = {name: tensor.clone() for name, tensor in model.state_dict().items() if name != "lm_head.weight"}  # tied
        save_file(sent, "gpt2.safetensors")
        with open("gpt2.vocab.txt", "w", encoding="utf-8") as file:
            file.write("\n".join(WORDS) + "\n")
        with open("gpt2.json", "w", encoding="utf-8") as file:
            json.dump(CONFIG, file)
        thaw("import", "-q", "gpt2.safetensors", "--config", "gpt2.json", "-o", "gpt2.h5")
        found = json.loads(thaw("evaluate", "-q", "gpt2.h5", "text.txt", "--format", "json"))[0]["loss"]
        thaw("export", "-q", "gpt2.h5", "-o", "back.safetensors")
        back = load_file("back.safetensors")
        os.chdir("/")
    same = sum(name in back and torch.equal(tensor, back[name]) for name, tensor in sent.items())
    print(f"loss: transformers {expected:.9f}, thaw {found:.9f}")
    print(f"{same} of {len(sent)} tensors come back without a bit's difference")
    sys.exit(abs(found / expected - 1) > MOST or same < len(sent))


if __name__ == "__main__":
    main()
