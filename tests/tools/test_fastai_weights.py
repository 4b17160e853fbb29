#!/usr/bin/env python3
"""tools/fastai-weights.py: without torch it says so; with torch, what it makes of state dicts.

`make check` sets THAW_SOURCE; $PYTHON with torch tests the rest too.
"""
import json
import os
import pickle
import subprocess
import sys
import tempfile

SCRIPT = os.path.join(os.environ["THAW_SOURCE"], "tools", "fastai-weights.py")
PYTHON = os.environ.get("PYTHON", sys.executable)
WORDS = ["xxunk", "xxpad", "xxbos", "a\\nb", "a\nb", "xxfake", "xxfake"]


def run(status, *arguments, without_torch=False):
    command = [PYTHON, SCRIPT, *arguments]
    if without_torch:  # a module of that name which cannot be imported
        code = ("import runpy, sys; sys.modules['torch'] = None; sys.argv = sys.argv[1:]; "
                "runpy.run_path(sys.argv[0], run_name='__main__')")
        command = [PYTHON, "-c", code, SCRIPT, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == status, f"{arguments}: {result.returncode}\n{result.stderr}"
    return result.stderr


def expect(text, found):
    assert text in found, f"expected {text!r}, found:\n{found}"


def read(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        return header, file.read()


def test_conversions(folder):
    import torch

    def path(name):
        return os.path.join(folder, name)

    state = {"encoder.weight": torch.arange(14.0).reshape(7, 2),
             "rnns.0.weight_hh_l0_raw": torch.ones(8, 2), "rnns.0.module.weight_ih_l0": torch.ones(8, 2),
             "rnns.0.module.bias_ih_l0": torch.ones(8), "rnns.0.module.bias_hh_l0": torch.ones(8)}
    torch.save(state, path("encoder.pth"))
    torch.save({"model": {"0.module." + name: value for name, value in state.items()}
                | {"1.layers.0.weight": torch.ones(1)}, "opt": {"x": subprocess.Popen}}, path("classifier.pth"))
    with open(path("words.pkl"), "wb") as file:
        pickle.dump(WORDS, file)
    with open(path("code.pkl"), "wb") as file:
        pickle.dump(subprocess.Popen, file)
    out = path("lm.safetensors")
    for source in "encoder.pth", "classifier.pth":
        said = run(0, path(source), path("words.pkl"), "-o", out, "--backwards")
        assert ("1.layers.0.weight" in said) == (source == "classifier.pth"), said
        header, data = read(out)
        assert header["0.encoder.weight"] == {"dtype": "F32", "shape": [7, 2], "data_offsets": [0, 56]}, header
        assert header["__metadata__"]["thaw.encoder.direction"] == "backward"
        assert header["__metadata__"]["thaw.encoder.layers"] == "1"
        assert set(header) == {"__metadata__", *("0." + name for name in state)}
        assert data[:8] == bytes([0, 0, 0, 0, 0, 0, 0x80, 0x3f])
        with open(path("lm.vocab.txt"), encoding="utf-8") as file:
            assert file.read().split("\n") == ["xxunk", "xxpad", "xxbos", "a\\\\nb", "a\\nb", "xxfake",
                                               "xxfake.2", ""]
    expect("which words?", run(1, path("encoder.pth"), "-o", out))
    expect("rows for 7 words", run(1, path("encoder.pth"), SCRIPT, "-o", out))
    expect("no list of pieces: it holds a subprocess.Popen", run(1, path("encoder.pth"), path("code.pkl"), "-o", out))
    expect("is no file of weights", run(1, SCRIPT, path("words.pkl"), "-o", out))
    torch.save({"weight": torch.ones(2)}, path("other.pth"))
    expect("no AWD-LSTM of fastai", run(1, path("other.pth"), path("words.pkl"), "-o", out))


def main():
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "x.safetensors")
        expect("has no torch: pip install torch", run(1, "lm.pth", "-o", out, without_torch=True))
        expect("--output", run(2, "lm.pth"))
        assert not os.listdir(folder)
        try:
            import torch  # noqa: F401
        except ImportError:
            print("without torch only its message was tested")
            return
        test_conversions(folder)


if __name__ == "__main__":
    main()
