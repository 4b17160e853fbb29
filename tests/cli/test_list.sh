#!/bin/sh
# thaw list, thaw list --check and thaw tag, on runs that a test program writes.
set -u
. "$THAW_SOURCE/tests/cli/checks.sh"
cd "$work" || exit 1

refuses "there is no folder 'runs' here: name run files or folders" list
"$THAW_BUILD/tests/analysis/test_comparison" "$work"

# ---- List ----

run 0 list sweep
line_is 1 'run     name    seed  state     accuracy  seconds   MiB'
line_is 2 'last-1  sketch     1  finished     0.600     10.0  0.01'
lines_are 7
says_nothing
mv sweep runs
run 0 list
lines_are 7
run 0 list --sort accuracy
line_is 2 'mean-2  sketch     2  finished     0.760     20.0  0.01'
run 0 list --sort seconds --where head.plugin=last --where 'accuracy>0.61'
line_is 2 'last-2  sketch     2  finished     0.640     20.0  0.01'
line_is 3 'last-3  sketch     3  finished     0.620     30.0  0.01'
lines_are 3
run 0 list --where seed=17
lines_are 1
run 0 list --format json runs/mean-1.h5
is_json 1 run name seed state accuracy perplexity started seconds bytes tags path
prints '"path":"runs/mean-1.h5"'
prints '"tags":null'
run 0 list --format csv -w seed=3 -w head.plugin=mean
line_is 1 'run,name,seed,state,accuracy,perplexity,started,seconds,bytes,tags,path'
check 'one run was expected' grep -q '^mean-3,sketch,3,finished,0.72,,,30,[0-9]*,,runs/mean-3.h5$' out
run 0 list --format markdown runs/mean-1.h5
line_is 1 '| run | name | seed | state | accuracy | seconds | MiB |'

refuses "no run has a key 'head.plugn'; did you mean 'head.plugin'?" list --where head.plugn=last
refuses "'seed' is no condition" list --where seed
refuses "'a b' is no tag" list --tag 'a b'
refuses '--sort: there is no' list --sort best
refuses 'missing: cannot be read: No such file' list missing
mkdir empty
refuses 'no run file (*.h5) was found in empty' list empty

# ---- Tags ----

cp runs/last-1.h5 untouched.h5
run 0 tag runs/last-1.h5 runs/mean-1.h5 --add paper --add base
line_is 2 'runs/last-1.h5  base,paper'
lines_are 3
says_nothing
run 0 tag runs/last-1.h5 --remove base --add v1.0
line_is 2 'runs/last-1.h5  paper,v1.0'
run 0 tag runs --format csv
line_is 2 'runs/last-1.h5,"paper,v1.0"'
line_is 3 'runs/last-2.h5,'
run 0 list --tag paper
lines_are 3
run 0 list --tag paper --tag base
lines_are 2
line_is 1 'run     name    seed  state     accuracy  seconds   MiB  tags'
line_is 2 'mean-1  sketch     1  finished     0.700     10.0  0.01  base,paper'
run 0 list --where tag~v1
lines_are 2
run 0 list --where tag=
lines_are 5
check 'the run was expected to be as it was' cmp -s -n "$(wc -c <untouched.h5)" untouched.h5 runs/last-1.h5
check 'the tags were expected in the last line' [ "$(tail -n 1 runs/last-1.h5 | cut -d' ' -f3)" = paper,v1.0 ]
run 0 compare runs
lines_are 7
run 0 diff untouched.h5 runs/last-1.h5
prints 'Nothing differs'
run 0 list --check
if /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
  check 'h5py was expected to open a tagged run' \
    /usr/bin/python3 -c 'import h5py; assert len(h5py.File("runs/last-1.h5")["predictions/test/gold"]) == 100'
fi
# They go where the file goes.
mkdir elsewhere
mv runs elsewhere/moved
run 0 list --tag v1.0 elsewhere
lines_are 2
mv elsewhere/moved runs

refuses "'a,b' is no tag: a tag has letters, digits and -_.:+@/, and no ',' as byte 2" tag runs --add a,b
refuses "'' is no tag" tag runs --add ''
refuses "both --add and --remove name 'x'" tag runs --add x --remove x
refuses 'something is missing: thaw tag RUNS' tag --add x
refuses 'missing.h5: cannot be read' tag missing.h5 --add x
echo 'no run' >note.h5
refuses 'note.h5 is not an HDF5 file' tag runs note.h5 --add never
run 0 list --tag never
lines_are 1

# ---- What is broken ----

run 0 list --check
line_is 1 '6 run files are as they were written'
says_nothing
run 0 list --check runs/last-1.h5
line_is 1 '1 run file is as it was written'
head -c 3000 runs/last-2.h5 >runs/short.h5
: >runs/empty.h5
cp note.h5 runs/note.h5
cp runs/last-3.h5 runs/flipped.h5
printf x | dd of=runs/flipped.h5 bs=1 seek=2000 conv=notrunc 2>/dev/null
run 1 list --check
prints 'runs/short.h5    is truncated: it has 3000 bytes and was written with'
prints 'runs/empty.h5    is empty: not a run file'
prints 'runs/note.h5     is not an HDF5 file, let alone a run file of thaw'
prints 'runs/flipped.h5  is damaged, or was changed after thaw wrote it'
lines_are 5
says 'thaw: error: 4 of 10 files are not whole run files'
run 1 list --check --format json
is_json 4 file 'what is wrong'
refuses '--check looks at every file' list --check --tag paper
run 1 list
prints 'short    –          –  unreadable'
says 'thaw: warning: runs/short.h5: is truncated'
says 'thaw: error: 4 of 10 files cannot be read'
lines_are 11
run 1 list --where 'accuracy>0'
lines_are 7
if [ "$(id -u)" != 0 ]; then
  chmod 0 runs/last-1.h5
  run 1 list --check
  prints 'cannot open runs/last-1.h5: Permission denied'
fi

end_checks
