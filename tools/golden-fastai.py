#!/usr/bin/env python3
"""A small AWD-LSTM language model of fastai and what it finds for a text: tests/golden/fastai_lm.*.

    python3 -m venv VENV && VENV/bin/pip install torch==2.13.0 fastai==2.8.12
    VENV/bin/python tools/golden-fastai.py [FOLDER]

The weights pass through learn.save's file and tools/fastai-weights.py. The vocabulary is not in
thaw's order, so that rows have to move. Logits are fastai's, in float32, with dropout off; the
files are committed, and the test needs no PyTorch. fastai_lm.txt is of golden.py's format.
"""
import os
import pickle
import subprocess
import sys
import tempfile

import torch
from fastai.text.models.awdlstm import AWD_LSTM, awd_lstm_lm_config
from fastai.text.models.core import get_language_model

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from golden import File  # noqa: E402

PIECES = ["xxpad", "the", "xxbos", "dog", "xxunk", "runs", "xxmaj", "cat", "eats", "xxfake", "xxfake"]
TEXT = ["xxbos", "xxmaj", "the", "dog", "runs", "the", "xxunk", "cat", "eats"]


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "tests", "golden")
    torch.manual_seed(3)
    config = dict(awd_lstm_lm_config, emb_sz=4, n_hid=6, n_layers=2)
    model = get_language_model(AWD_LSTM, len(PIECES), config=config).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.randn_like(value) * 0.7)
    model.reset()
    ids = torch.tensor([[PIECES.index(piece) for piece in TEXT]])
    with torch.no_grad():
        logits = model(ids)[0][0]  # [T][V]
    losses = torch.nn.functional.cross_entropy(logits[:-1].double(), ids[0, 1:], reduction="none")
    with tempfile.TemporaryDirectory() as work:
        weights, words = os.path.join(work, "lm.pth"), os.path.join(work, "words.pkl")
        torch.save(model.state_dict(), weights)
        with open(words, "wb") as file:
            pickle.dump(PIECES, file)
        subprocess.run([sys.executable, os.path.join(HERE, "fastai-weights.py"), weights, words, "-o",
                        os.path.join(folder, "fastai_lm.safetensors")], check=True)
    golden = File(folder, "fastai_lm", "fastai's AWD-LSTM, dropout off; ids and columns are its own.")
    golden.lines[0] = golden.lines[0].replace("golden.py", "golden-fastai.py")
    golden.put("ids", ids[0])
    golden.put("logits", logits)
    golden.put("perplexity", losses.mean().exp())
    golden.close()


if __name__ == "__main__":
    main()
