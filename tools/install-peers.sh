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
fastai="fastai==2.8.12"
# fastai also asks for torchvision and spaCy, which its text part does without; so it is installed without what it asks
# for, after what it imports. Newer versions of fastprogress import a web server.
fastai_imports="fastcore==2.2.39 fasttransform==0.0.5 fastprogress==1.0.3 fastdownload cloudpickle matplotlib packaging
  pandas pillow pyyaml requests scikit-learn scipy"

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
install_torch() { install --retries 1 --extra-index-url "$cpu_builds" "$torch"; }

for name in $names; do
  case $name in
    torch) install_torch ;;
    fasttext) install "$fasttext" ;;
    sentencepiece) install "$sentencepiece" ;;
    fastai) # shellcheck disable=SC2086  # a list of packages
      install_torch
      install $fastai_imports
      install --no-deps "$fastai" ;;
  esac
done
echo "peers: installed"
