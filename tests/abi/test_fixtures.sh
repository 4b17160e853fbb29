#!/bin/bash
# Plugins that were built for older releases, kept as they are (record.sh): every later build loads and runs them.
set -u
machine=$(uname -m)
ls "$THAW_SOURCE"/tests/abi/*-"$machine".so >/dev/null 2>&1 ||
  { echo "skipped: no plugins built for $machine are kept"; exit 77; }
. "$THAW_SOURCE/tests/cli/checks.sh"

for file in "$THAW_SOURCE"/tests/abi/*-"$machine".so; do
  kind=$(basename "$file" | cut -d- -f1)
  run 0 plugin show "$file"
  prints "abi_$kind"
done

words=(red green blue grey pink gold)
for i in $(seq 48); do echo "$((i % 2)),${words[i % 6]} ${words[i * 5 % 6]} ${words[i * i % 6]}"; done >"$work/rows"
{ echo label,text; cat "$work/rows"; } >"$work/train.csv"
for release in 0.1.0; do
  plugin() { echo "$THAW_SOURCE/tests/abi/$1-$release-$machine.so"; }
  cat >"$work/old-$release.yaml" <<END
name: old-$release
data:
  target: {format: csv, train: train.csv, valid: train.csv, test: train.csv, text: text, label: label}
tokenizer: {plugin: $(plugin tokenizer), between: bar, marks: [dot, comma], min_count: 1}
encoder: {plugin: $(plugin encoder), embedding: 6, hidden: 8, layers: 2, direction: bidirectional}
head: {plugin: $(plugin head), hidden: [5], dropout: [0.1, 0.1]}
stages:
  finetune: {data: target, epochs: 1, batch: 4, bptt: 5,
             schedule: [{plugin: $(plugin schedule), high: 0.8}, {plugin: $(plugin symbols)}]}
  classify: {data: target, epochs: 2, batch: 8, transfer: all, schedule: [{plugin: $(plugin schedule)}]}
END
  run 0 run "$work/old-$release.yaml" --cache "$work/cache" -o "$work/old-$release.h5"
  run 0 inspect "$work/old-$release.h5"
  prints abi_head
done
end_checks
