#!/bin/sh
# numeric.sh INSTRUCTION_SET OPENBLAS_CORE: every test of values and gradients with the loops and the
# matrix products for one instruction set. A machine that lacks it skips them.
set -u

if ! said=$(THAW_PROCESSOR=$1 "$THAW_BUILD/thaw" --version 2>&1); then
  echo "skipped: $said"
  exit 77
fi
# What the machine chooses by itself has been tested once; slow as sanitizers are, once is enough there.
if grep -q '^SANITIZE_CFLAGS = -' "$THAW_BUILD/Makefile"; then
  case $("$THAW_BUILD/thaw" --version) in
    *" $1)"*)
      echo "skipped: with sanitizers, $1 is what all other tests ran with"
      exit 77 ;;
  esac
fi
export THAW_PROCESSOR="$1" OPENBLAS_CORETYPE="$2"
count=0 failures=0
for program in "$THAW_BUILD"/tests/tensor/test_* "$THAW_BUILD"/tests/golden/test_* \
  "$THAW_BUILD"/tests/plugins/test_awd_lstm "$THAW_BUILD"/tests/plugins/test_heads \
  "$THAW_BUILD"/tests/plugins/test_recurrent "$THAW_BUILD"/tests/plugins/test_transformer \
  "$THAW_BUILD"/tests/train/test_distance; do
  case ${program##*/} in *.*) continue ;; esac
  count=$((count + 1))
  "$program" || failures=$((failures + 1))
done
echo "$1, $2: $count programs, $failures failures"
[ $count -ge 12 ] && [ $failures = 0 ]
