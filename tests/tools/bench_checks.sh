# bench_checks.sh: what the tests of tools/bench.sh share; they source it. A test is skipped (status 77) where h5py is
# missing, and with sanitizers. See also tests/cli/checks.sh.

python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import h5py' 2>/dev/null || {
  echo "skipped: $python has no h5py (Debian: python3-h5py)"
  exit 77
}
if grep -q '^SANITIZE_CFLAGS = -' "$THAW_BUILD/Makefile"; then
  echo "skipped: with sanitizers no step is done in the time that a measurement has"
  exit 77
fi
. "$THAW_SOURCE/tests/cli/checks.sh"

bench() { # bench STATUS ARGUMENT…: what it prints is kept for the checks that follow
  expected=$1
  shift
  ran="bench.sh $*"
  "$THAW_SOURCE/tools/bench.sh" "$@" >"$work/out" 2>"$work/err"
  status=$?
  check "exit status $expected was expected, found $status" [ "$status" = "$expected" ]
}
