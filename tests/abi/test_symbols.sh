#!/bin/bash
# The symbols that plugins use: the public headers, core/libthaw.map and the built library agree. A symbol
# that is gone, or has another version, would break plugins that are built already.
set -uo pipefail
map=$THAW_SOURCE/core/libthaw.map
library=$THAW_BUILD/.libs/libthaw.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v objdump >/dev/null || { echo "skipped: objdump (binutils) is missing"; exit 77; }
[ -e "$library" ] || { echo "skipped: the library is not a shared one"; exit 77; }
grep -q THAW_PRIVATE "$map" || { echo "$map: the node THAW_PRIVATE is missing"; exit 1; }
failures=0

# Each as lines "NAME VERSION" or "NAME", sorted.
awk '/^THAW_[0-9.]+ *\{/ { node = $1 } /^THAW_PRIVATE/ { exit }
  $1 ~ /^thaw_[a-z0-9_]+;$/ { sub(/;/, "", $1); print $1, node }' "$map" | sort >"$work/listed"
objdump -T "$library" | awk '$4 != "*UND*" && $NF ~ /^thaw_/ { gsub(/[()]/, "", $(NF - 1)); print $NF, $(NF - 1) }' |
  grep -v ' THAW_PRIVATE$' | sort >"$work/built"
cat "$THAW_SOURCE"/core/*/thaw/*.h | grep -v '^#' | tr '\n' ' ' | sed 's,/\*,\n&,g; s,\*/,&\n,g' | grep -v '^/\*' |
  tr '\n' ' ' | grep -oE 'THAW_API [^;(]*' | sed -E 's/\[\]//; s/ *$//; s/.*[ *]//' | sort >"$work/declared"
cut -d' ' -f1 "$work/listed" >"$work/names"
[ "$(wc -l <"$work/declared")" -gt 80 ] || { echo "the declarations of the headers were not found"; failures=1; }

complain() { # complain FILE MESSAGE: the message, with each line of the file in the place of %s
  [ -s "$1" ] || return 0
  failures=1
  while read -r line; do printf "$2\n" "$line"; done <"$1"
}
comm -23 "$work/listed" "$work/built" >"$work/gone"
comm -13 "$work/listed" "$work/built" >"$work/other"
comm -13 "$work/names" "$work/declared" >"$work/new"
comm -23 "$work/names" "$work/declared" >"$work/undeclared"
complain "$work/gone" 'the library lacks %s: plugins that are built already need it'
complain "$work/other" 'the library has %s, which core/libthaw.map does not list under this version'
complain "$work/new" 'a new public symbol: add the line "    %s;" to the newest node of core/libthaw.map, and raise the minor number of THAW_PLUGIN_ABI'
complain "$work/undeclared" '%s is listed in core/libthaw.map but no public header declares it: plugins that are built already need it'
echo "$(wc -l <"$work/listed") symbols listed"
exit $failures
