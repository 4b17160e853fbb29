#!/bin/bash
# The structs, enumerators and types of functions that plugins were built with (layout-RELEASE-lp64.inc) are those
# of the headers still. What moved, and what to do, stands in the compiler's message. It notices a change as well.
set -u
compiler=$(command -v gcc || command -v clang) || { echo "skipped: neither gcc nor clang is there"; exit 77; }
core=$THAW_SOURCE/core
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compiles() { # compiles FILE: with the headers in $work
  "$compiler" -std=c11 -fsyntax-only -I"$work/base" -I"$work/tensor" -I"$work/plugin" -x c "$1" >"$work/said" 2>&1
}
for floor in base tensor plugin; do
  mkdir -p "$work/$floor/thaw" && cp "$core/$floor"/thaw/*.h "$work/$floor/thaw/"
done
chmod -R u+w "$work"
echo 'int lp64[sizeof(void *) == 8 && sizeof(long) == 8 ? 1 : -1];' >"$work/machine.c"
compiles "$work/machine.c" || { echo "skipped: the layouts that are kept are those of machines with 64 bits"; exit 77; }

failures=0
for kept in "$THAW_SOURCE"/tests/abi/layout-*-lp64.inc; do
  compiles "$kept" && continue
  failures=$((failures + 1))
  echo "plugins built for an older release would break ($(basename "$kept")):"
  grep error: "$work/said" | sed 's/^[^ ]*/ /'
done

change() { # change FILE SED-SCRIPT EXPECTED: a header that is changed in this way must be noticed, with this message
  cp "$work/$1" "$work/kept.h"
  sed -i "$2" "$work/$1"
  cmp -s "$work/$1" "$work/kept.h" && { echo "$1: nothing to change for '$2'"; failures=$((failures + 1)); }
  if compiles "$kept" || ! grep -q "$3" "$work/said"; then
    failures=$((failures + 1))
    echo "$1 changed by '$2': expected a message with '$3', found:"
    cat "$work/said"
  fi
  cp "$work/kept.h" "$work/$1"
}
change plugin/thaw/plugin.h 's/^  const char \*name; .*/  int added; &/' 'raise THAW_PLUGIN_ABI'
change plugin/thaw/plugin.h 's/^  float a, b;/  float b, a;/' 'thaw_init.a has moved'
change plugin/thaw/plugin.h 's/^  bool per_stage;/&  long added;/' 'thaw_param_spec has another size'
change plugin/thaw/plugin.h 's/THAW_HEAD = 3/THAW_HEAD = 5/' 'THAW_HEAD has another value'
change tensor/thaw/tensor.h 's/float factor, float offset/double factor, float offset/' 'thaw_affine'
change tensor/thaw/tensor.h 's/^  float \*data;/  double *data;/' 'thaw_tensor.data has another type'
exit $failures
