#!/bin/bash
# The demo, from a bare Debian 12 to a table: tools/demo.sh [-y]
#
# Installs what is needed from Debian's packages (asks first; -y answers yes), builds thaw, makes the data from
# WordNet's definitions, trains a language model on them and nine classifiers, and compares them. Everything it
# makes lies in build-demo/. Can be repeated: what is finished is not done again. Stops at the first failure.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
demo=$top/build-demo
prefix=$demo/installed
thaw=$prefix/bin/thaw

say() { printf '\n== %s\n' "$*"; }

quietly() { # quietly LOG COMMAND…: the output matters only when it fails
  local log=$demo/$1.log
  shift
  "$@" >"$log" 2>&1 || { tail -n 40 "$log"; echo "demo.sh: failed; the whole output is in ${log#"$top"/}" >&2; exit 1; }
}

configure_it() { cd "$demo" && "$top/configure" --prefix="$prefix"; }

say "1 of 5: packages"
tools/install-packages.sh "$@" build demo

say "2 of 5: building thaw in build-demo/"
mkdir -p "$demo"
[ -x configure ] || quietly autoreconf autoreconf -i
[ -f "$demo/Makefile" ] || (quietly configure configure_it)
quietly make make -C "$demo" -j"$(nproc)" install
"$thaw" --version

say "3 of 5: data: WordNet's definitions"
[ -f "$demo/wordnet/general.csv" ] || tools/wordnet-data.sh "$demo/wordnet"
echo "$(($(wc -l <"$demo/wordnet/train.csv") - 1)) labelled definitions to learn from, such as"
sed -n '2,4p' "$demo/wordnet/train.csv"

say "4 of 5: one language model, then nine classifiers (configs/demo.yaml)"
"$thaw" sweep configs/demo.yaml --runs "$demo/runs" --cache "$demo/cache"

say "5 of 5: what was the transfer worth?"
"$thaw" compare "$demo/runs/demo"
newest=$(ls -t "$demo"/runs/demo/*.h5 | head -n 1)
short() { printf '%s' "${1#"$top"/}"; }
cat <<END

Every run on its own:    $(short "$thaw") compare --group-by run build-demo/runs/demo
A classifier at work:    echo "a small wooden house for keeping tools" | $(short "$thaw") predict $(short "$newest")
END
