#!/bin/sh
# Sweeps: what is trained once, what is trained again after it was killed, and what is refused. See checks.sh.
set -u
. "$THAW_SOURCE/tests/cli/checks.sh"
cd "$work" || exit 1

# ---- An experiment ----

# Sentences of two classes, made from a few words.
sentences() { # sentences COUNT FIRST: "text,label" lines
  awk -v count="$1" -v first="$2" 'BEGIN {
    split("the cat,a dog,the old man,my sister", who, ",")
    split("eats,drinks,tastes,runs,walks,jumps", what, ",")
    split("at home,in the park,every day,again,slowly", how, ",")
    for (i = first; i < first + count; i++) {
      class = i % 2
      printf "%s %s %s,%s\n", who[int(i / 2) % 4 + 1], what[class * 3 + int(i / 6) % 3 + 1], how[int(i / 7) % 5 + 1],
        class ? "move" : "food"
    }
  }'
}
sentences 120 0 | sed 's/,.*//' >general.txt
{ echo text,label; sentences 40 0; } >train.csv
{ echo text,label; sentences 30 300; } >test.csv
cat >base.yaml <<'END'
threads: 1
data:
  general: {format: text, train: general.txt}
  target: {format: csv, train: train.csv, test: test.csv, label: label}
tokenizer: {plugin: word, min_count: 1}
encoder: {plugin: awd_lstm, embedding: 6, hidden: 8, layers: 1}
head: {plugin: concat, hidden: [], dropout: [0.1]}
stages:
  pretrain: {data: general, seed: 1, epochs: 1, batch: 4, bptt: 10}
  finetune: {data: target, seed: 1, epochs: 1, batch: 4, bptt: 10}
  classify: {data: target, epochs: 2, batch: 8, transfer: all}
END

experiment() { # experiment NAME: the base with the sweep on standard input
  { echo "name: $1"; echo 'extends: base.yaml'; echo 'sweep:'; cat; } >"$1.yaml"
}

# Heads and schedules: one pretraining, one fine-tuning.
experiment forty <<'END'
  head.plugin: [last, mean, max, concat]
  stages.classify.schedule:
    - []
    - [{plugin: stlr}]
    - [{plugin: gradual_unfreeze}]
    - [{plugin: stlr}, {plugin: discriminative, factor: 2.6}]
    - [{plugin: stlr}, {plugin: freeze, groups: [embedding]}]
  seed: [1, 2]
END
experiment eight <<'END'
  head.plugin: [mean, max]
  stages.classify.transfer: [none, all]
  seed: [1, 2]
END
# The same, long enough to be killed in it.
{ sed 's/^name.*/name: killed/' eight.yaml; echo 'stages: {pretrain: {epochs: 3}, classify: {epochs: 8}}'; } >killed.yaml

trained() { # trained FOLDER STAGE COUNT: so many trainings of the stage came to an end, by the logs in the folder
  found=$(cat "$1"/*/logs/*.log | grep -c "^$2 100%")
  check "$3 trainings of $2 were expected, found $found" [ "$found" = "$3" ]
}
files_are() { # files_are COUNT FOLDER
  found=$(find "$2" -name '*.h5' 2>/dev/null | wc -l)
  check "$1 files were expected in $2, found $found" [ "$found" = "$1" ]
}
state_of() { find "$@" -name '*.h5' -printf '%p %i %T@\n' | sort; }
nothing_new() { check 'the files were expected to stay as they are' cmp -s "$1" "$2"; }

# ---- Dry run, then forty runs that pretrain once ----

run 0 sweep --dry-run --cache cache forty.yaml
line_is 1 'stage         state     runs  settings'
line_is 2 'pretrain      to train    40'
line_is 3 '  finetune    to train    40'
line_is 4 '    classify  to train     1  head.plugin=last stages.classify.schedule=[] seed=1'
prints '40 runs, 0 of them finished; 42 of 42 stages to train (without sharing: 120)'
check 'nothing was to be trained' [ ! -e cache ]
run 0 sweep -n --format json --cache cache forty.yaml
is_json 42 stage state runs settings key 'takes over from'

run 0 sweep --jobs 2 --cache cache forty.yaml
says '40 runs, 0 of them finished before; 2 shared stages and 40 runs to train'
says 'pretrain begins, for 40 runs'
says 'run 40 of 40 begins: head.plugin=concat'
says 'all 40 runs are finished, 40 of them now'
prints 'test: accuracy '
lines_are 80
files_are 2 cache
files_are 40 runs/forty
trained runs pretrain 1
trained runs finetune 1
trained runs classify 40

state_of cache runs >before
run 0 sweep --cache cache forty.yaml
says 'all 40 runs are finished, 0 of them now'
lines_are 0
state_of cache runs >after
nothing_new before after
run 0 sweep --dry-run --cache cache forty.yaml
line_is 2 'pretrain      cached      40'
line_is 4 '    classify  finished     1  head.plugin=last stages.classify.schedule=[] seed=1'
prints '40 runs, 40 of them finished; 0 of 42 stages to train (without sharing: 120)'

# One more seed takes the language models over.
run 0 sweep --cache cache forty.yaml --set sweep.seed=[3] --set 'sweep.head.plugin=[max]'
says '5 runs, 0 of them finished before; 0 shared stages and 5 runs to train'
files_are 2 cache

# ---- Two sweeps at once ----

"$thaw" sweep --jobs 2 --cache both --runs both-runs eight.yaml >out.1 2>err.1 &
first=$!
run 0 sweep --jobs 2 --cache both --runs both-runs eight.yaml
wait "$first"
check 'the other sweep was expected to end well' [ $? = 0 ]
files_are 8 both-runs
trained both-runs pretrain 1
trained both-runs finetune 1
trained both-runs classify 8
table both-runs >eight

# ---- A failing run, a failing stage ----

experiment failing <<'END'
  stages.classify.schedule: [[{plugin: stlr}], [{plugin: gradual_unfreeze}, {plugin: chain_thaw}]]
  seed: [1, 2]
END
run 1 sweep --cache cache failing.yaml
says 'run 3 of 4 (stages.classify.schedule=[{plugin: gradual_unfreeze}, {plugin: chain_thaw}] seed=1) failed: '
says '(log: runs/failing/logs/s1-'
says 'thaw: error: 2 of 4 runs failed and 0 were not run, because a stage that they need failed; 2 are finished'
files_are 2 runs/failing

experiment broken <<'END'
  stages.pretrain.schedule: [[], [{plugin: gradual_unfreeze}, {plugin: chain_thaw}]]
  head.plugin: [mean, max]
END
run 1 sweep --cache cache --jobs 2 broken.yaml
says 'pretrain (stages.pretrain.schedule=[{plugin: gradual_unfreeze}, {plugin: chain_thaw}]) failed: '
says 'thaw: error: 0 of 4 runs failed and 2 were not run, because a stage that they need failed; 2 are finished'
files_are 2 runs/broken

# ---- Killed, and gone on ----

# Waits until a file's text matches, at most half a minute.
wait_for() { # wait_for FILE TEXT
  for _ in $(seq 300); do
    grep -q "$2" "$1" 2>/dev/null && return
    sleep 0.1
  done
  check "'$2' was expected in $1" false
}
is_over() { # is_over PROCESS: within ten seconds
  for _ in $(seq 100); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  return 1
}
begin() { # begin ARGUMENT…: a sweep in the background, $sweep is its process
  ran="thaw sweep $*, in the background"
  "$thaw" sweep --checkpoint 0 --cache killed --runs killed-runs "$@" >out 2>err &
  sweep=$!
}

run 0 sweep --jobs 2 --cache undisturbed --runs undisturbed-runs killed.yaml
table undisturbed-runs >expected
for delay in 0.2 0.6 1 0.4 0.8; do # at moments that fall into different stages
  begin --jobs 2 killed.yaml
  wait_for err 'begins\|all 8 runs'
  sleep $delay
  children=$(pgrep -P $sweep)
  kill -9 $sweep
  wait $sweep 2>/dev/null
  for child in $children; do
    check 'a child was expected to end with the sweep' is_over $child
  done
done
for _ in 1 2 3; do # its children instead
  begin --jobs 2 killed.yaml
  wait_for err 'begins\|all 8 runs'
  sleep 0.3
  children=$(pgrep -P $sweep)
  for child in $children; do kill -9 $child 2>/dev/null; done
  wait $sweep
done
run 0 sweep --jobs 2 --cache killed --runs killed-runs killed.yaml
files_are 8 killed-runs/killed
table killed-runs >resumed
check 'the table of an undisturbed sweep was expected' cmp expected resumed

# A child that is killed is reported, and the others go on.
experiment long <<'END'
  stages.classify.epochs: [100000, 1]
END
begin --jobs 1 --set stages.classify.transfer=none long.yaml
wait_for err 'run 1 of 2 begins'
sleep 0.3
kill -9 "$(pgrep -P $sweep)"
wait $sweep
check "exit status 1 was expected" [ $? = 1 ]
check 'the signal was expected' grep -q 'run 1 of 2 (stages.classify.epochs=100000) failed: killed by signal 9' err
check 'the other run was expected to go on' grep -q 'run 2 of 2 is finished' err

# An interruption leaves checkpoints, and says how to go on.
begin --jobs 2 --set stages.classify.transfer=none --set seed=2 long.yaml
wait_for err 'run 2 of 2 is finished'
kill -INT $sweep
wait $sweep
check 'exit status 130 was expected' [ $? = 130 ]
check 'how to go on was expected' \
  grep -q 'thaw: interrupted: 1 of 2 runs are finished; the same command goes on where it stopped' err
begin --jobs 2 --set stages.classify.transfer=none --set seed=2 long.yaml
wait_for "$(grep -l 100000 killed-runs/long/logs/s2-*.log)" 'goes on from the checkpoint'
kill -TERM $sweep
wait $sweep
check 'exit status 130 was expected' [ $? = 130 ]

# ---- Parts ----

rm -rf part
for part in 1 2 3; do
  run 0 sweep --dry-run --shard $part/3 --format csv --cache cache --runs part forty.yaml
  grep '^classify' out >>parts
  check '13 or 14 runs were expected' [ $(($(grep -c '^classify' out) / 2 * 2)) = $((part < 3 ? 12 : 14)) ]
done
run 0 sweep --dry-run --format csv --cache cache --runs part forty.yaml
grep '^classify' out | sort >whole
sort parts >together
check 'the parts together were expected to be the whole' cmp whole together
for part in 1 2; do run 0 sweep --shard $part/2 --cache part-cache --runs part eight.yaml; done
files_are 8 part
table part >together
check 'the table of the whole was expected' cmp eight together
run 0 sweep --shard 1/9 --dry-run eight.yaml
prints '0 runs, '
for shard in 3/2 0/2 x 1 1/ /2 1/2/3 -1/2 1/0; do
  refuses "thaw sweep: --shard: expected I/N with I from 1 to N, such as 2/3, found '$shard'" sweep --shard=$shard eight.yaml
done

# ---- Up to a stage ----

run 0 run --until finetune --set seed=1 --set head.plugin=max --set stages.classify.transfer=all --cache until --runs until-runs eight.yaml
files_are 2 until
files_are 0 until-runs
run 0 run --until finetune --set seed=1 --set head.plugin=max --set stages.classify.transfer=all --cache until --runs until-runs eight.yaml
prints '(finished before)'
run 0 run --until classify --set seed=1 --set head.plugin=max --set stages.classify.transfer=all --cache until --runs until-runs eight.yaml
files_are 1 until-runs
refuses "base.yaml has no stage 'pretain' (did you mean 'pretrain'?); its stages: pretrain, finetune, classify" \
  run --until pretain base.yaml

# ---- Points that are one run, a language model as the last stage, no sweep at all ----

experiment twins <<'END'
  stages.classify.epochs: [2, 2.0]
END
run 2 sweep --dry-run twins.yaml
experiment twins <<'END'
  threads: [1, 2]
END
run 0 sweep --cache cache twins.yaml
says 'points that are the same runs as earlier ones: 1'
files_are 1 runs/twins
experiment models <<'END'
  stages.finetune.epochs: [1, 2]
END
run 0 sweep --cache cache --set stages.classify=null --set name=models models.yaml
says '2 runs, 0 of them finished before; 1 shared stages and 2 runs to train'
files_are 2 runs/models
run 0 sweep --cache cache --set name=alone base.yaml
files_are 1 runs/alone

# ---- What is refused, before anything is trained ----

bad() { # bad REASON: the sweep on standard input
  experiment bad
  refuses "$1" sweep --cache cache bad.yaml
  check 'nothing was to be trained' [ ! -e runs/bad ]
}
bad "unknown key 'epoch' in stages.classify (did you mean 'epochs'?)" <<'END'
  stages.classify.epoch: [1, 2]
END
bad 'run 2 of 2 (stages.classify.epochs=-1): ' <<'END'
  stages.classify.epochs: [1, -1]
END
bad 'run 2 of 2 (head.plugin=men): ' <<'END'
  head.plugin: [mean, men]
END
bad 'found an empty one' <<'END'
  head.plugin: []
END
refuses 'nowhere.yaml: ' sweep nowhere.yaml
refuses '--jobs: 0 is not between 1 and 1024' sweep --jobs 0 eight.yaml

# More than a thousand runs: asked on a terminal, refused elsewhere.
{ echo '  seed:'; seq 1001 | sed 's/^/    - /'; } >seeds
bad '1,001 runs come of this sweep: --yes says that they should' <seeds
for key in seed stages.classify.epochs stages.pretrain.epochs stages.finetune.epochs encoder.embedding encoder.hidden; do
  echo "  $key: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
done >million
bad '1,000,000 runs come of this sweep: --yes says that they should' <million
experiment bad <seeds
cat >on_terminal.py <<'END'
"""Runs a command on a terminal of 24 x 100; what it is told, and what is printed, as given: on_terminal.py ANSWER COMMAND…"""
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "xterm"
    os.execv(sys.argv[2], sys.argv[2:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
if sys.argv[1]:
    os.write(terminal, (sys.argv[1] + "\n").encode())
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    sys.stdout.buffer.write(part)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
END
on_terminal() { # on_terminal STATUS ANSWER ARGUMENT…
  expected=$1 answer=$2
  shift 2
  ran="thaw $*, on a terminal"
  python3 on_terminal.py "$answer" "$thaw" "$@" >"$work/out" 2>"$work/err"
  status=$?
  check "exit status $expected was expected, found $status" [ "$status" = "$expected" ]
}
on_terminal 1 n sweep --cache cache bad.yaml
prints '1,001 runs come of it. Go on? [y/N]'
prints 'error: 1,001 runs were not begun'
on_terminal 0 y sweep --dry-run --cache cache bad.yaml
prints '1001 runs, 0 of them finished'
check 'nothing was to be trained' [ ! -e runs/bad ]

# ---- The table on a terminal ----

on_terminal 0 '' sweep --jobs 2 --cache cache --runs seen eight.yaml
prints '8 runs, 8 finished'
prints 'test: accuracy '
tall() { ! tr '\r' '\n' <"$work/out" | grep -q "$(printf '\033')\[\(2[4-9]\|[3-9][0-9]\)A"; }
check 'no more lines than the screen has were expected' tall
on_terminal 0 '' sweep --jobs 2 --cache cache --runs seen forty.yaml
prints '40 runs, 40 finished'
check 'no more lines than the screen has were expected' tall
prints 'head=concat schedule=[stlr, freeze {'
on_terminal 1 '' sweep --cache cache --runs seen failing.yaml
prints 'failed: '
prints '2 of 4 runs failed'

end_checks
