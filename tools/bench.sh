#!/bin/sh
# Measures thaw against its peers and against the machine: tools/bench.sh --help
set -eu

usage() {
  cat <<'END'
Usage: tools/bench.sh [OPTION]... [SECTION]...
Measure how fast thaw is and how much memory it needs, beside its peers on the same machine.

Both sides of a comparison run in turn, several times, with the same number of threads and without
OPENBLAS_CORETYPE. Every figure is printed as median, minimum and maximum, with the ratio of thaw's
median to the other side's. Nothing is downloaded. A peer that is not installed is named and left
out; tools/install-peers.sh installs peers where PyPI can be reached.

Sections (without one: lm, classifier, predict, text):
  lm          training a language model at three sizes: tokens per second and memory against
              PyTorch, and the share of what the matrix products alone would allow on this machine
  classifier  training and using a classifier on short and long documents, against PyTorch
  predict     the label of one sentence, and the start of the command: milliseconds
  text        cutting text and making a vocabulary: MB per second on one core
  recipe      pretrain, fine-tune and classify, against fastai: seconds and accuracy
  growth      how cost grows with sizes, vocabulary, lengths and corpus; plots
  compare     the table of 10,000 runs: processor seconds and memory

Options:
  --json FILE        write the figures, with every single value, to FILE too
  --quick            small sizes and few repetitions: some minutes
  --tiny             sizes at which only the benchmark itself is tested
  --repetitions N    of each side (default: 5, with --quick 3)
  --threads N        of both sides (default: every core)
  --thaw FOLDER      where thaw was built (default: build/, else the sources)
  --peers VENV       the peers' virtual environment (default: build-peers/);
                     none: without peers
  --data FOLDER      real data for the sections that can use them (default: text is made up)
  --out FOLDER       for the plots of growth and their numbers (default: build-bench/)
  -h, --help         print this help

Needs Python 3 with h5py (Debian: python3-h5py). The machine should have nothing else to do.
END
}

wrong() {
  echo "bench.sh: $1; tools/bench.sh --help says what there is" >&2
  exit 2
}

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1
all="lm classifier predict text recipe growth compare"
sections= json=
quoted= # the options for the sections, one word each for `eval`

keep() {
  quoted="$quoted '$(printf '%s' "$1" | sed "s/'/'\\\\''/g")'"
}

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --quick | --tiny) keep "$1" ;;
    --json | --repetitions | --threads | --thaw | --peers | --data | --out)
      [ $# -ge 2 ] || wrong "$1 needs a value"
      [ "$1" = --json ] && json=$2
      keep "$1"
      keep "$2"
      shift ;;
    -*) wrong "unknown option '$1'" ;;
    *) case " $all " in
         *" $1 "*) sections="$sections $1" ;;
         *) wrong "unknown section '$1'" ;;
       esac ;;
  esac
  shift
done

"$python" -c 'import h5py' 2>/dev/null || {
  echo "bench.sh: $python has no h5py (Debian: python3-h5py)" >&2
  exit 1
}
[ -z "$json" ] || : >"$json"
for section in ${sections:-lm classifier predict text}; do
  [ -f "$here/bench/$section.py" ] || { echo "bench.sh: there is no bench/$section.py" >&2; exit 1; }
  eval "\"\$python\" \"\$here/bench/\$section.py\" $quoted"
done
