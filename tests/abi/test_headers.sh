#!/bin/bash
# Every public header stands alone, in every order, twice, and in the standards that plugins are written in.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
core=$THAW_SOURCE/core
checks=0 failures=0

compiles() { # compiles COMPILER STANDARD FILE
  checks=$((checks + 1))
  "$1" -std="$2" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$core/base" -I"$core/tensor" -I"$core/plugin" \
    "$3" >"$work/said" 2>&1 && return
  failures=$((failures + 1))
  echo "$1 -std=$2 does not compile this:"
  sed 's/^/  /' "$3" "$work/said"
}

headers=$(cd "$core" && ls -d */thaw/*.h | sed 's,^[a-z]*/,,')
for header in $headers; do
  printf '#include <%s>\n#include <%s>\nint nothing(void);\n' "$header" "$header" >"$work/$(basename "$header").c"
done
printf '#include <%s>\n' $headers >"$work/all.c"
printf '#include <%s>\n' $headers | tac >"$work/reversed.c"
for file in "$work"/*.c; do cp "$file" "${file%.c}.cc"; done
found=no
for compiler in gcc clang; do
  command -v $compiler >/dev/null || continue
  found=yes
  for standard in c11 c17 c2x; do
    for file in "$work"/*.c; do compiles $compiler $standard "$file"; done
  done
  for file in "$THAW_SOURCE"/tests/abi/{tokenizer,encoder,head,schedule}.c; do compiles $compiler c11 "$file"; done
done
for compiler in g++ clang++; do
  command -v $compiler >/dev/null || continue
  for file in "$work"/*.cc; do compiles $compiler c++17 "$file"; done
done
[ $found = yes ] || { echo "skipped: neither gcc nor clang is there"; exit 77; }
echo "$checks checks, $failures failures"
[ $failures = 0 ]
