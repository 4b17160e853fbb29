#!/usr/bin/env python3
"""A fastai AWD-LSTM as a safetensors file and a vocabulary, which `thaw import` reads.

    tools/fastai-weights.py models/lm.pth vocab.pkl -o lm.safetensors
    tools/fastai-weights.py export.pkl -o lm.safetensors
    thaw import lm.safetensors --config lm.yaml -o lm.h5

MODEL is what learn.save, learn.save_encoder (a .pth) or learn.export (a .pkl) wrote, of a language
model or of a classifier, of which the encoder is taken. VOCABULARY is a pickled list, as
itos_wt103.pkl is one or pickle.dump(list(dls.vocab), file) makes one, or a text file with a piece a
line; an exported learner has its own. Written are OUTPUT and, beside it, OUTPUT.vocab.txt with the
pieces in the order of the rows; thaw moves xxunk, xxpad and xxbos to the front. Pieces that stand
there twice (fastai fills up with xxfake) get a number.

A model that reads backwards (backwards=True) needs --backwards: a config with another direction is
then refused. Tensors are written as float32.

Needs torch. Of a .pth the tensors are read and no code is run. An exported learner needs fastai
too, and runs code that the file brings: take such files only from people whom you trust.
"""
import argparse
import ctypes
import json
import os
import pickle
import re
import sys

OLD_NAMES = {"_unk_": "xxunk", "_pad_": "xxpad", "xbos": "xxbos"}  # of fastai 0.7


def fail(text):
    sys.exit("fastai-weights.py: error: " + text)


def import_torch():
    try:
        import torch
    except ImportError:
        fail(f"{sys.executable} has no torch: pip install torch, and run this with that Python")
    return torch


# ---- Reading --------------------------------------------------------------------------------------


class PlainUnpickler(pickle.Unpickler):
    """Reads lists and texts and runs no code."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"it holds a {module}.{name}")


def load_vocabulary(path):
    try:
        with open(path, "rb") as file:
            if not path.endswith(".pkl"):
                return file.read().decode("utf-8").splitlines()
            pieces = PlainUnpickler(file).load()
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except (pickle.UnpicklingError, EOFError, UnicodeDecodeError, ValueError) as error:
        fail(f"{path} is no list of pieces: {error}; pickle.dump(list(dls.vocab), file) makes one")
    if isinstance(pieces, (tuple, list)) and len(pieces) == 2 and isinstance(pieces[0], list):
        pieces = pieces[0]  # a classifier's vocabulary stands before its classes
    if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
        fail(f"{path} is no list of pieces; pickle.dump(list(dls.vocab), file) makes one")
    return pieces


def load_learner(torch, path):
    """State and vocabulary of what learn.export wrote."""
    try:
        learner = torch.load(path, map_location="cpu", weights_only=False)
    except ModuleNotFoundError as error:
        fail(f"{path} is an exported learner, which needs fastai to be read: {error}")
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, AttributeError) as error:
        fail(f"{path} cannot be read as an exported learner: {error}")
    vocabulary = learner.dls.vocab
    if len(vocabulary) == 2 and not isinstance(vocabulary[0], str):
        vocabulary = vocabulary[0]
    return learner.model.state_dict(), list(vocabulary)


class Anything:
    """Stands for whatever an optimizer's state holds beside tensors."""

    def __init__(self, *values, **named):
        pass

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def append(self, value):
        pass

    def extend(self, values):
        pass


class TensorUnpickler(pickle.Unpickler):
    """Finds what tensors are made of and nothing else."""

    def find_class(self, module, name):
        storage = module in ("torch", "torch.storage", "torch.cuda") and name.endswith("Storage")
        if storage or (module == "torch._utils" and name.startswith("_rebuild_")):
            return super().find_class(module, name)
        if (module, name) in (("collections", "OrderedDict"), ("torch.nn.parameter", "Parameter")):
            return super().find_class(module, name)
        return Anything


class TensorPickle:
    """What torch.load takes for the module pickle."""

    Unpickler = TensorUnpickler
    load = staticmethod(lambda file, **named: TensorUnpickler(file, **named).load())


def load_state(torch, path):
    try:
        state = torch.load(path, map_location="cpu", pickle_module=TensorPickle, weights_only=False)
    except OSError as error:
        fail(f"{path}: {error.strerror or error}")
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError, ValueError) as error:
        fail(f"{path} is no file of weights: {str(error).splitlines()[0]}")
    if isinstance(state, dict) and isinstance(state.get("model"), dict):
        state = state["model"]
    if not isinstance(state, dict) or not all(torch.is_tensor(value) for value in state.values()):
        fail(f"{path} holds no state dict")
    return state


# ---- Names ----------------------------------------------------------------------------------------


def rename(state):
    """The names that a language model of today's fastai has; a classifier's head is left out."""
    renamed, left_out = {}, []
    for name, value in state.items():
        new = re.sub(r"^0\.module\.", "0.", name)  # inside a classifier's SentenceEncoder
        new = re.sub(r"^(encoder|encoder_dp|rnns)\.", r"0.\1.", new)  # learn.save_encoder
        new = new.replace("encoder_with_dropout.embed", "encoder_dp.emb")  # fastai 0.7
        new = re.sub(r"module\.(weight_hh_l0_raw)$", r"\1", new)
        if re.match(r"0\.(encoder|encoder_dp|rnns)\.|1\.decoder\.", new):
            renamed[new] = value.float().contiguous()
        else:
            left_out.append(name)
    return renamed, left_out


def describe(path, state, direction):
    """The settings of thaw's awd_lstm, from the shapes."""
    layers = len({name.split(".")[2] for name in state if name.startswith("0.rnns.")})
    if "0.encoder.weight" not in state or not layers:
        fail(f"{path} is no AWD-LSTM of fastai: its tensors are {', '.join(list(state)[:5]) or 'none'}")
    first = next((state[name] for name in ("0.rnns.0.weight_hh_l0_raw", "0.rnns.0.module.weight_hh_l0")
                  if name in state), None)
    if first is None:
        fail(f"{path} is no AWD-LSTM of fastai: its first layer has no weight_hh_l0 (a QRNN?)")
    embedding = state["0.encoder.weight"].shape[1]
    hidden = first.shape[1]
    described = {"format": "pt", "thaw.encoder": "awd_lstm", "thaw.encoder.embedding": str(embedding),
                 "thaw.encoder.layers": str(layers), "thaw.encoder.direction": direction}
    if layers > 1:  # the only layer is as wide as the embedding
        described["thaw.encoder.hidden"] = str(hidden)
    return described


def tell_apart(pieces):
    seen, result = set(), []
    for piece in pieces:
        piece = OLD_NAMES.get(piece, piece)
        name, number = piece, 1
        while name in seen:
            number += 1
            name = f"{piece}.{number}"
        seen.add(name)
        result.append(name)
    return result


# ---- Writing --------------------------------------------------------------------------------------


def write_safetensors(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, value in tensors.items():
        size = 4 * value.numel()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".part", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            file.write(ctypes.string_at(value.data_ptr(), 4 * value.numel()))
    os.replace(path + ".part", path)


def write_vocabulary(path, pieces):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for piece in pieces:
            piece = re.sub(r"\\(?=[nr\\\n\r])", r"\\\\", piece)
            file.write(piece.replace("\n", "\\n").replace("\r", "\\r") + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a .pth of learn.save or learn.save_encoder, a .pkl of learn.export")
    parser.add_argument("vocabulary", nargs="?", help="a pickled list, or a text file with a piece a line")
    parser.add_argument("-o", "--output", required=True, metavar="FILE.safetensors")
    parser.add_argument("--backwards", action="store_true", help="the model reads from the end")
    options = parser.parse_args()
    torch = import_torch()
    pieces = load_vocabulary(options.vocabulary) if options.vocabulary else None
    if options.model.endswith(".pkl"):
        state, own = load_learner(torch, options.model)
        pieces = pieces or own
    else:
        state = load_state(torch, options.model)
    if not pieces:
        fail("which words? A .pth has none: give its vocabulary as the second argument")
    state, left_out = rename(state)
    metadata = describe(options.model, state, "backward" if options.backwards else "forward")
    rows = state["0.encoder.weight"].shape[0]
    if rows != len(pieces):
        fail(f"{options.model} has rows for {rows} words, the vocabulary has {len(pieces)} pieces")
    base = re.sub(r"\.safetensors$", "", options.output)
    write_vocabulary(base + ".vocab.txt", tell_apart(pieces))
    write_safetensors(options.output, state, metadata)
    if left_out:
        print(f"left out: {', '.join(left_out)}", file=sys.stderr)
    print(options.output)


if __name__ == "__main__":
    main()
