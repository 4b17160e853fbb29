#!/bin/sh
# Installs from PyPI what thaw is measured against: tools/install-peers.sh [-y] [torch] [fasttext]
# [sentencepiece] [fastai]   (without a name: all of them)
#
# They go into a virtual environment, build-peers/ (or $PEERS), and nothing outside it changes. Asks
# first unless -y. Can be repeated.
set -eu

peers=${PEERS:-$(dirname "$0")/../build-peers}
# The versions that figures are given for. PyTorch's own index has the build without CUDA; where it
# cannot be reached, PyPI's is installed.
cpu_builds=https://download.pytorch.org/whl/cpu
torch="torch==2.13.0"
fasttext="fasttext-wheel==0.9.2"
sentencepiece="sentencepiece==0.2.3"

yes=no
names=
for word in "$@"; do
  case $word in
    -y) yes=yes ;;
    torch | fasttext | sentencepiece | fastai) names="$names $word" ;;
    *) echo "install-peers.sh: unknown argument '$word'; usage: $0 [-y] [torch] [fasttext] [sentencepiece] [fastai]" >&2
       exit 2 ;;
  esac
done
names=${names:-torch fasttext sentencepiece fastai}

echo "peers: to be installed from PyPI into $peers:$names"
if [ $yes = no ]; then
  printf 'Install them now? [y/N] '
  read -r answer || answer=n
  case $answer in y | Y | yes) ;; *) echo "Nothing was installed."; exit 1 ;; esac
fi

[ -x "$peers/bin/python3" ] || python3 -m venv "$peers" ||
  { echo "install-peers.sh: python3 cannot make a virtual environment (Debian: python3-venv)" >&2; exit 1; }
install() { "$peers/bin/python3" -m pip install -qq --disable-pip-version-check "$@"; }

for name in $names; do
  case $name in
    torch) install --extra-index-url "$cpu_builds" "$torch" ;;
    fasttext) install "$fasttext" ;;
    sentencepiece) install "$sentencepiece" ;;
    fastai) install --no-deps fastai ;;
  esac
done
echo "peers: installed"
