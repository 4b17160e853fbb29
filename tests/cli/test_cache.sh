#!/bin/sh
# The stage cache with several processes at once: two that want the same stage, one that is killed,
# one that prunes beside them. What the commands print is tested in tests/experiment/test_cache.c.
# `make check` sets THAW_BUILD, the folder of what was built.
set -u

thaw=$THAW_BUILD/thaw
work=$(mktemp -d)
running=
trap 'for id in $running; do kill -9 "$id" 2>/dev/null; done; rm -rf "$work"' EXIT
checks=0 failures=0

check() { # check MESSAGE COMMAND…: the message is printed when the command fails
  message=$1
  shift
  checks=$((checks + 1))
  "$@" && return
  failures=$((failures + 1))
  echo "$message"
  for log in "$work"/*.log; do sed "s|^|  ${log##*/}: |" "$log"; done
}

has() { grep -qF -e "$1" "$2"; }
lacks() { ! has "$@"; }

wait_for() { # wait_for SECONDS COMMAND…: until it succeeds
  left=$(($1 * 10))
  shift
  until "$@"; do
    left=$((left - 1))
    [ $left -gt 0 ] || return 1
    sleep 0.1
  done
}

cache() { "$thaw" cache "$@" >"$work/cache.log" 2>&1; }
prints() { cache "$1" && has "$2" "$work/cache.log"; }

cd "$work" || exit 1
export THAW_CACHE=$work/cache
awk 'BEGIN { for (i = 0; i < 400; i++) print "the", i % 7, "dogs", i % 11, "run", i % 5, "miles" }' >general.txt
cat >lm.yaml <<'END'
threads: 1
data: {general: {format: text, train: general.txt, valid_fraction: 0.1}}
tokenizer: {plugin: word, min_count: 1}
encoder: {plugin: lstm, embedding: 16, hidden: 16, layers: 1}
stages: {pretrain: {data: general, epochs: 200, batch: 8, bptt: 10}}
END

# ---- Two runs of one stage at once: one trains, the other waits and is told for whom ----

"$thaw" run lm.yaml -o one.h5 >one.log 2>&1 &
first=$!
running=$first
check 'a stage without a file was expected to be counted' wait_for 60 prints list '1 more stage or classifier is being trained'
kill -STOP $first # so that it cannot be done before the second one has seen it
"$thaw" run lm.yaml -o two.h5 >two.log 2>&1 &
second=$!
running="$first $second"
check 'the second run was expected to wait' wait_for 60 has "process $first on " two.log
kill -CONT $first
wait $first
check 'the first run was expected to end well' [ $? = 0 ]
wait $second
check 'the second run was expected to end well' [ $? = 0 ]
running=
check 'the first run was expected to train' has 'pretrain: takes over nothing' one.log
check 'the second run was not expected to train' lacks 'takes over nothing' two.log
check 'the second run was expected to say why' has 'pretrain: another process has finished it' two.log
check 'the same file was expected twice' cmp one.h5 two.h5
rm one.* two.*

# ---- A run is killed while it trains: the one that waits goes on ----

"$thaw" run lm.yaml -o one.h5 --set stages.pretrain.epochs=4000 --checkpoint 0 >one.log 2>&1 &
first=$!
running=$first
check 'the stage was expected to be listed as being trained' wait_for 60 prints list ' of 4000 epochs'
check 'the process that trains was expected to be named' has "by process $first on " cache.log

check 'prune was expected to run' cache prune --keep-size 0
check 'the stage that is trained was expected to stay' has "process $first on " cache.log
check 'the other one was expected to go' has 'of 1 stage; left: 1 stage,' cache.log
check 'verify was expected to find no damage' cache verify

"$thaw" run lm.yaml -o two.h5 --set stages.pretrain.epochs=4000 --checkpoint 1 >two.log 2>&1 &
second=$!
running="$first $second"
check 'the second run was expected to wait' wait_for 60 has "process $first on " two.log
kill -9 $first
wait $first 2>/dev/null
running=$second
check 'the second run was expected to go on' wait_for 60 has 'pretrain: goes on from the checkpoint' two.log
kill -9 $second
wait $second 2>/dev/null
running=
check 'a stage that was begun was expected' prints list 'begun, '
check 'nobody was expected to train it' lacks 'is being trained' cache.log

# ---- A stage that is used stays ----

# The classifier holds its language model as long as it trains.
awk 'BEGIN { print "text,label"; for (i = 0; i < 200; i++) print "dogs run", i % 9, "miles," i % 2 }' >target.csv
cat >classifier.yaml <<'END'
extends: lm.yaml
data: {target: {format: csv, train: target.csv, label: label, valid_fraction: 0.2}}
head: {plugin: last}
stages:
  pretrain: {epochs: 1}
  classify: {data: target, epochs: 4000, batch: 8}
END
"$thaw" run classifier.yaml -o three.h5 --checkpoint 0 >three.log 2>&1 &
third=$!
running=$third
check 'the classifier was expected to begin' wait_for 60 [ -e three.h5 ]
check 'prune was expected to run' cache prune --keep-size 0
check 'the stage that is used was expected to stay' has 'a run uses it' cache.log
check 'the one that was only begun was expected to go' has 'of 1 stage; left: 1 stage,' cache.log
kill -9 $third
wait $third 2>/dev/null
running=
check 'prune was expected to run' cache prune --keep-size 0
check 'the stage was expected to go once nobody uses it' has 'left: 0 stages, 0 B' cache.log
check 'an empty folder was expected' [ -z "$(ls "$THAW_CACHE")" ]

echo "$checks checks, $failures failures"
[ $failures = 0 ]
