#!/bin/bash
# Installs what building and testing need, builds, and runs every test: tools/check.sh [-y]
# Stops at the first failure. Can be repeated; builds in build-check/ and build-sanitize/.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
jobs=$(nproc)
logs=$top/build-check/logs
passed=0 failed=0 skipped=0

stage() { # stage NAME COMMAND…: one line with its seconds; the whole output only on failure
  local name=$1 log=$logs/${1// /-}.log start=$SECONDS
  shift
  if "$@" >"$log" 2>&1; then
    printf '%-42s ok %5d s\n' "$name" $((SECONDS - start))
  else
    printf '%-42s FAILED; the end of %s:\n' "$name" "${log#"$top"/}"
    tail -n 60 "$log"
    exit 1
  fi
}

count() { # adds up Automake's summary in a log
  local log=$logs/${1// /-}.log
  passed=$((passed + $(awk '/^# PASS:/ {n += $3} END {print n + 0}' "$log")))
  skipped=$((skipped + $(awk '/^# SKIP:/ {n += $3} END {print n + 0}' "$log")))
  failed=$((failed + $(awk '/^# (FAIL|ERROR|XPASS):/ {n += $3} END {print n + 0}' "$log")))
}

configure_in() { # configure_in FOLDER OPTIONS…
  mkdir -p "$1" && cd "$1" && shift && "$top/configure" "$@"
}

formatted() {
  git ls-files '*.c' '*.cc' '*.h' | xargs clang-format --dry-run --Werror
}

floors() { # each folder of core/ includes only itself and those before it
  local allowed= floor found
  for floor in base tensor plugin text config train store experiment analysis cli; do
    allowed="$allowed|$floor"
    found=$(grep -rnE '^#include "[a-z]+/' "core/$floor" | grep -vE "#include \"(thaw${allowed})/" || true)
    [ -z "$found" ] || { echo "$found"; return 1; }
  done
}

outside_plugins() { # plugins built against an installed thaw, out of the tree, are found and loaded
  local root=$top/build-check/installed prefix=$top/build-check/installed/usr/local folder=$top/build-check/outside
  local source name
  rm -rf "$root" "$folder" && mkdir -p "$folder"
  make -C build-check install DESTDIR="$root" || return 1
  export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
  for source in plugins/schedule/constant.c plugins/head/mean.c plugins/encoder/gru.c; do
    name=$(basename "$source" .c)
    sed "s/\"$name\"/\"my_$name\"/" "$source" >"$folder/my_$name.c"
    cc -shared -fPIC -o "$folder/my_$name.so" "$folder/my_$name.c" \
      $(pkg-config --define-variable=prefix="$prefix" --cflags thaw) || return 1
    LD_LIBRARY_PATH=$prefix/lib THAW_PLUGIN_PATH=$folder "$prefix/bin/thaw" plugin show "my_$name" || return 1
  done
  tools/check-scaffold.sh "$prefix" "$folder"
}

tools/install-packages.sh "$@" build test
mkdir -p "$logs"
stage 'format' formatted
stage 'floors' floors
stage 'autoreconf' autoreconf -i
(stage 'configure' configure_in build-check --enable-werror) 
stage 'build' make -C build-check -j"$jobs"
stage 'tests' make -C build-check -j"$jobs" check
count 'tests'
(stage 'configure with sanitizers' configure_in build-sanitize --enable-sanitizers --enable-werror CFLAGS='-O1 -g')
stage 'build with sanitizers' make -C build-sanitize -j"$jobs"
stage 'tests with sanitizers' make -C build-sanitize -j"$jobs" check
count 'tests with sanitizers'
stage 'distcheck' make -C build-check -j"$jobs" distcheck
stage 'install and plugins built outside' outside_plugins

echo
echo "$passed passed, $failed failed, $skipped skipped"
