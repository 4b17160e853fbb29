#!/bin/sh
# The command line itself: help, wrong usage, tables in every format, thaw compare.
# `make check` sets THAW_SOURCE and THAW_BUILD, the folders of the sources and of what was built.
set -u

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

# ---- The processor ----
export THAW_PROCESSOR=abacus
refuses "the environment's THAW_PROCESSOR is 'abacus'; this processor can be: " --version
unset THAW_PROCESSOR

# ---- Help and version ----

run 0 --version
prints 'thaw '
says_nothing

run 0 --help
line_is 1 'Usage: thaw COMMAND [OPTION]... [OPERAND]...'
says_nothing
sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\( [a-z][a-z-]*\)\{0,1\}\).*/\1/p' "$work/out" >"$work/commands"
for command in compare 'plugin list' 'plugin show'; do
  check "the command $command was expected in the help" grep -qx "$command" "$work/commands"
done
while read -r command; do
  for help in --help -h; do
    run 0 $command $help
    prints "Usage: thaw $command "
    prints '--plugin-path FOLDERS'
    check 'lines of at most 80 columns were expected' narrow
    says_nothing
  done
  check 'the command was expected in the manual' \
    grep -q "^\.BR \"thaw $command" "$THAW_SOURCE/core/cli/thaw.1"
  run 0 $command --version
  refuses "thaw $command: there is no option --no-such-option" $command --no-such-option
done <"$work/commands"

run 0 plugin --help
prints 'plugin show NAME'
prints_not compare

# ---- Wrong usage ----

refuses "which command? See 'thaw --help'"
refuses "there is no command 'compar'; did you mean 'compare'?" compar
refuses "there is no command 'xyzzy'; see 'thaw --help'" xyzzy
refuses "there is no command 'plugin lst'; did you mean 'plugin list'?" plugin lst
refuses 'thaw plugin needs one more word' plugin
refuses 'there is no option --formt; did you mean --format?' plugin list --formt csv
refuses 'there is no option --quite; did you mean --quiet?' --quite plugin list
refuses "there is no option -x in '-x'" plugin list -x
refuses "--format: there is no 'jsn'; did you mean 'json'?" plugin list --format=jsn
refuses "--format: there is no 'pdf'; expected one of table, csv, json, markdown, latex" plugin list -fpdf
refuses '--format needs a value: --format FORMAT' plugin list --format
refuses "--quiet takes no value, found 'yes'" plugin list --quiet=yes
refuses 'something is missing: thaw plugin show NAME' plugin show
refuses 'too many arguments: thaw plugin show NAME takes 1, found 2' plugin show a b
refuses "there is no plugin 'strl'; did you mean 'stlr'?" plugin show strl
refuses "there is no plugin 'xyzzy'" plugin show xyzzy

# Results that cannot be written are a failure.
if [ -c /dev/full ]; then
  ran='thaw plugin list >/dev/full'
  "$thaw" plugin list >/dev/full 2>"$work/err"
  check 'exit status 1 was expected' [ $? = 1 ]
  says 'writing to standard output failed'
fi

# ---- Plugins ----

run 0 plugin list --kind schedule
prints 'kind      name'
prints 'schedule  stlr'
prints_not '.so'
says_nothing
run 0 plugin list --kind schedule --format csv
line_is 1 'kind,name,version,summary,file'
prints '/stlr.so'
prints_not tokenizer
schedules=$(($(wc -l <"$work/out") - 1))
run 0 plugin list -k schedule -f json
is_json $schedules kind name version summary file
run 0 plugin --quiet list --format=markdown -kschedule
line_is 2 '| --- | --- | --- | --- | --- |'
prints '| schedule | stlr | '
plugins=$THAW_PLUGIN_PATH
THAW_PLUGIN_PATH=/nowhere
run 0 plugin list
says 'no plugin was found: name their folder with --plugin-path or THAW_PLUGIN_PATH'
run 0 plugin list --plugin-path "$plugins"
prints 'schedule'
THAW_PLUGIN_PATH=$plugins

run 0 plugin show stlr
prints 'schedule stlr, version '
prints 'parameter  type'
run 0 plugin show stlr --format csv
line_is 1 'parameter,type,default,range,unit,per stage,doc'
parameters=$(($(wc -l <"$work/out") - 1))
check 'parameters were expected' [ "$parameters" -gt 0 ]
run 0 plugin show --format json stlr
is_json $parameters parameter type default range unit 'per stage' doc
run 0 plugin show --format markdown stlr
line_is 1 '## schedule `stlr`'
prints '| parameter | type | default | range | unit | per stage | doc |'
run 0 plugin show "$THAW_BUILD/.libs/stlr.so" --kind schedule
prints 'schedule stlr'

# ---- Compare: two heads x three seeds, written by a test program ----

"$THAW_BUILD/tests/analysis/test_comparison" "$work"
run 0 compare --group-by run --sort given "$work/sweep"
line_is 1 'run     head.plugin  seed  documents  accuracy              macro F1  seconds'
line_is 2 'last-1  last            1        100  0.600 [0.502, 0.691]     0.600     10.0'
lines_are 7
says_nothing
run 0 compare --group-by run "$work/sweep"
line_is 2 'mean-2  mean            2        100  0.760 [0.668, 0.833]     0.760     20.0'
line_is 3 'mean-3  mean            3        100  0.720 [0.625, 0.799]     0.720     30.0'
line_is 7 'last-1  last            1        100  0.600 [0.502, 0.691]     0.600     10.0'
run 0 compare --baseline none "$work/sweep"
line_is 1 'head.plugin  seeds  documents  accuracy                 sd  macro F1  seconds'
line_is 2 'mean             3        100  0.727 [0.651, 0.803]  0.031     0.727     20.0'
lines_are 3
run 0 compare "$work/sweep"
line_is 1 "accuracy on 100 test documents: mean over seeds [Student's 95 % interval]; sd: standard deviation"
prints 'against row 1, the best (--baseline names another)'
prints '(Holm 1979)'
prints 'row  head.plugin  seeds  accuracy                 sd  macro F1  seconds  difference'
prints '  1  mean             3  0.727 [0.651, 0.803]  0.031     0.727     20.0'
run 0 compare -b head.plugin=last --margin 0.05 --sort head.plugin "$work/sweep"
prints 'difference: points, against row 1 [95 % interval'
prints '  1  last             3  0.620'
run 0 compare --format csv "$work/sweep"
line_is 1 "row,head.plugin,seeds,documents,accuracy,accuracy_low,accuracy_high,sd,macro_f1,\
macro_f1_low,macro_f1_high,seconds,difference,difference_low,difference_high,p,p_holm,p_same,\
p_same_holm,p_documents,p_seeds,bootstrap_low,bootstrap_high,seeds_needed,documents_needed,verdict"
lines_are 3
run 0 compare -w seed=1 -w head.plugin=last,mean -g run -b 2 --sort given --format markdown "$work/sweep"
line_is 1 '- accuracy on 100 test documents'
prints "- p: McNemar's exact test over documents (1947), corrected for 1 test (Holm 1979)"
prints '| 2 | mean-1 | mean | 1 | 0.700 [0.604, 0.781] | 0.700 | 10.0 | – | – | baseline |'
run 0 compare --format latex "$work/sweep"
prints '% p: seeds crossed with documents'
prints '\begin{tabular}{rlrlrrrlll}'
prints '\toprule'
prints '1 & mean & 3 & 0.727 [0.651, 0.803] & 0.031 & 0.727 & 20.0 & – & – & baseline \\'
run 0 compare -m seconds "$work/sweep"
prints 'p: t test over seeds (Student 1908; Welch 1947)'
run 0 compare -g run --format json "$work/sweep/mean-1.h5" "$work/sweep/last-1.h5"
is_json 2 run head.plugin seed documents accuracy accuracy_low accuracy_high macro_f1 seconds
prints '"accuracy":0.7,'
run 0 compare -g run --format markdown "$work/sweep/last-2.h5"
line_is 1 '| run | seed | documents | accuracy | macro F1 | seconds |'
line_is 3 '| last-2 | 2 | 100 | 0.640 [0.542, 0.727] | 0.640 | 20.0 |'
run 0 compare "$work/sweep/last-2.h5"
line_is 1 'seeds  documents  accuracy  sd  macro F1  seconds'
lines_are 2

mkdir "$work/empty"
echo 'no run' >"$work/note.h5"
refuses 'something is missing: thaw compare RUNS…' compare
refuses "no run file (*.h5) was found in $work/empty" compare "$work/empty"
refuses "$work/missing: cannot be read: No such file" compare "$work/sweep" "$work/missing"
refuses "$work/note.h5" compare "$work"
refuses '--sort: there is no column' compare --sort accurate "$work/sweep"
refuses "--baseline: there is no row 3" compare -b 3 "$work/sweep"
refuses "--baseline: 'last' is none of the runs" compare -b last "$work/sweep"
refuses "--group-by: no run has a key 'hed'" compare -g hed "$work/sweep"
refuses "'head.plugin' is no condition" compare -w head.plugin "$work/sweep"
refuses "none of 6 runs fulfils 'seed>3'" compare -w 'seed>3' "$work/sweep"
refuses "there is no finished language model" compare -q -m perplexity "$work/sweep"
refuses "--metric: there is no 'acuracy'; did you mean 'accuracy'?" compare -m acuracy "$work/sweep"
refuses 'there is no option --group' compare --group "$work/sweep"
refuses './--sweep: cannot be read' compare -- ./--sweep

echo "$checks checks, $failures failures"
[ $failures = 0 ]
