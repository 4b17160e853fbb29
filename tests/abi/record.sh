#!/bin/sh
# Keeps what a release promises to plugins: tests/abi/record.sh BUILD RELEASE, once for each release.
# Writes beside itself
#   KIND-RELEASE-MACHINE.so  plugins built with the headers and the library of this release, which every
#                            later build must load (test_fixtures.sh); those that exist are left alone
#   layout-RELEASE-lp64.inc  layouts of structs, types of functions, values of enumerators (test_layout.sh)
# tokenizer and schedule are built as the README says, without the library; the others with it, so
# that they ask for versions of symbols.
set -eu
build=$(cd "$1" && pwd)
release=$2
cd "$(dirname "$0")"
machine=$(uname -m)
includes="-I../../core/base -I../../core/tensor -I../../core/plugin"
symbols=$(awk '/^THAW_PRIVATE/ { exit } $1 ~ /^thaw_.*;$/ { sub(/;/, "", $1); printf "SYMBOL(%s) ", $1 }' \
  ../../core/libthaw.map)
for kind in tokenizer encoder head schedule symbols; do
  fixture=$kind-$release-$machine.so
  [ ! -e "$fixture" ] || continue
  library="-L$build/.libs -lthaw"
  case $kind in tokenizer | schedule) library= ;; esac
  ${CC:-cc} -std=c11 -Os -fPIC -shared -s -fvisibility=hidden -fno-asynchronous-unwind-tables \
    -Wl,-z,noseparate-code -Wl,--build-id=none -DPUBLIC_SYMBOLS="$symbols" $includes \
    -o "$fixture" $kind.c $library
done
layout=layout-$release-lp64.inc
[ -e "$layout" ] || python3 layout.py ../../core/base/thaw/base.h ../../core/tensor/thaw/tensor.h \
  ../../core/plugin/thaw/plugin.h ../../core/plugin/thaw/head.h ../../core/plugin/thaw/recurrent.h >"$layout"
