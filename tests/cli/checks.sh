# checks.sh: what the tests of the command line share; they source it. `make check` sets THAW_SOURCE and THAW_BUILD,
# the folders of the sources and of what was built. A test ends with `end_checks`.

thaw=$THAW_BUILD/thaw
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checks=0 failures=0
ran=

check() { # check MESSAGE COMMAND…: the message is printed when the command fails
  message=$1
  shift
  checks=$((checks + 1))
  "$@" && return
  failures=$((failures + 1))
  printf '%s: %s\n' "$ran" "$message"
  sed 's/^/  out: /' "$work/out"
  sed 's/^/  err: /' "$work/err"
}

run() { # run STATUS ARGUMENT…: what it prints is kept for the checks that follow
  expected=$1
  shift
  ran="thaw $*"
  "$thaw" "$@" >"$work/out" 2>"$work/err"
  status=$?
  check "exit status $expected was expected, found $status" [ "$status" = "$expected" ]
}

prints() { check "'$1' was expected in the output" grep -qF -e "$1" "$work/out"; }
prints_not() { check "'$1' was not expected in the output" lacks "$1" "$work/out"; }
says() { check "'$1' was expected among the messages" grep -qF -e "$1" "$work/err"; }
says_nothing() { check 'no message was expected' [ ! -s "$work/err" ]; }
lacks() { ! grep -qF -e "$1" "$2"; }
narrow() { ! LC_ALL=C.UTF-8 grep -q '.\{81\}' "$work/out"; }
line_is() { # line_is NUMBER TEXT
  found=$(sed -n "$1p" "$work/out")
  check "expected as line $1: '$2', found: '$found'" [ "$found" = "$2" ]
}
lines_are() { check "$1 lines were expected" [ "$(wc -l <"$work/out")" = "$1" ]; }

refuses() { # refuses REASON ARGUMENT…: wrong usage, said in one line, and no results
  reason=$1
  shift
  run 2 "$@"
  says "thaw: error: "
  says "$reason"
  check 'one line was expected' [ "$(wc -l <"$work/err")" = 1 ]
  check 'no output was expected' [ ! -s "$work/out" ]
}

is_json() { # is_json ROWS KEY…: a list of objects with these keys
  checks=$((checks + 1))
  python3 - "$work/out" "$@" <<'END' && return
import json, sys
rows = json.load(open(sys.argv[1]))
keys = sys.argv[3:]
if len(rows) != int(sys.argv[2]) or any(list(row) != keys for row in rows):
    sys.exit(f"expected {sys.argv[2]} objects with {keys}, found {rows}")
END
  failures=$((failures + 1))
  printf '%s: other JSON was expected\n' "$ran"
}

end_checks() {
  echo "$checks checks, $failures failures"
  [ $failures = 0 ]
}

# The table of the runs in a folder, without what is measured in seconds.
table() {
  "$thaw" compare --format csv "$1" | python3 -c '
import csv, sys
rows = list(csv.reader(sys.stdin))
keep = [i for i, name in enumerate(rows[0]) if "seconds" not in name]
for row in rows:
    print(",".join(row[i] for i in keep))
'
}
