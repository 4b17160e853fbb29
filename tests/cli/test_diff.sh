#!/bin/sh
# thaw diff on runs that are trained here: why is this number not last week's?
set -u
. "$THAW_SOURCE/tests/cli/checks.sh"
cd "$work" || exit 1
export THAW_CACHE="$work/cache"

i=0
echo 'text,label' >train.csv
while [ $i -lt 30 ]; do
  printf 'the cat number %s eats at home,food\na dog runs in park %s,move\n' $((i % 7)) $((i % 5)) >>train.csv
  i=$((i + 1))
done
cat >small.yaml <<'END'
name: small
threads: 1
data:
  target: {format: csv, train: train.csv, test: train.csv, label: label, valid_fraction: 0.2}
tokenizer: {plugin: word, min_count: 1}
encoder: {plugin: lstm, embedding: 8, hidden: 12, layers: 1}
head: {plugin: mean}
stages:
  pretrain: {data: target, epochs: 1, batch: 4, bptt: 10, keep_weights: true}
  classify: {data: target, epochs: 2, batch: 8, optimizer: {lr: 2e-2}}
END

run 0 run small.yaml -o a.h5
rm -r cache
run 0 run small.yaml -o b.h5

# ---- The same again ----

run 0 diff a.h5 b.h5
line_is 3 ''
line_is 4 'config: the same'
line_is 5 'data: the same'
line_is 6 'environment: the same'
prints 'A  a.h5: finished, started 20'
prints 'weights: the same bits in '
prints 'Nothing differs: '
says_nothing
run 0 diff --exit-code a.h5 b.h5
run 0 diff --format csv a.h5 b.h5
line_is 1 'section,what,A,B,difference'
lines_are 1
run 0 diff a.h5 a.h5
prints 'A and B are one file.'

# ---- One thing changed ----

run 0 run small.yaml -o seed.h5 --set seed=2
run 0 diff a.h5 seed.h5
prints 'config: 1 setting differs'
prints 'data: the same'
prints 'The likely cause is the config (seed). The losses part at step 0 (epoch 0) of pretrain'
check 'a distance was expected' grep -qE '^‖rnn.0‖ +[0-9.]+ +[0-9.]+ +[0-9.]+$' out
run 1 diff --exit-code a.h5 seed.h5
says_nothing
run 0 diff --format json a.h5 seed.h5
check 'rows were expected' python3 - <<'END'
import json
rows = json.load(open("out"))
assert all(list(row) == ["section", "what", "A", "B", "difference"] for row in rows)
assert {"section": "config", "what": "seed", "A": "1", "B": "2", "difference": None} in rows
rnn = [row for row in rows if row["what"] == "‖rnn.0‖"][0]
assert rnn["section"] == "weights" and rnn["difference"] > 0.01
END
run 0 diff --format markdown a.h5 seed.h5
line_is 1 '| section | what | A | B | difference |'
prints 'The likely cause is'

sed 's/dog/wolf/' train.csv >other.csv
run 0 run small.yaml -o data.h5 --set data.target.train=other.csv
run 0 diff a.h5 data.h5
prints "train.csv  $work/other.csv"
prints 'data: the contents of 1 file differs (hashes)'
prints 'target.train  '
prints 'the most frequent of these  dog (24)'
prints 'wolf (24)'
prints '‖embedding‖ of 24 shared words'
prints 'The likely cause is the data (target.train).'

cp other.csv copy.csv
run 0 run small.yaml -o copy.h5 --set data.target.train=copy.csv
run 0 diff data.h5 copy.h5
prints 'config: 1 setting differs, in nothing that changes a result'
prints 'What came out is the same, bit for bit, though config differs.'

rm -r cache
run 0 run small.yaml -o threads.h5 --set threads=2
run 0 diff a.h5 threads.h5
check 'the threads were expected' grep -qE '^threads +1 +2$' out
check 'a conclusion about the environment was expected' \
  grep -qE 'Only the environment \(threads\) differs|though config and environment differ' out

# ---- Runs of other kinds ----

run 0 run small.yaml -o head.h5 --set head.plugin=max --set stages.pretrain=null
run 0 diff a.h5 head.h5
prints 'stages.pretrain'
prints 'pretrain                                '
sed '/classify/d; /^head/d' small.yaml >lm.yaml
run 0 run lm.yaml -o lm.h5
run 0 run lm.yaml -o lm2.h5 --set stages.pretrain.bptt=9
run 0 diff lm.h5 lm2.h5
prints 'results: neither run has predictions'
prints 'pretrain: perplexity after epoch 0'
run 0 diff a.h5 lm.h5
prints 'results: only one run has predictions'
printf 'name: both\naverage: [a.h5, seed.h5]\n' >both.yaml
run 0 run both.yaml -o both.h5
run 0 diff a.h5 both.h5
prints 'weights: only A has any'

# ---- Wrong usage ----

refuses 'something is missing: thaw diff A.h5 B.h5' diff a.h5
refuses 'too many arguments' diff a.h5 b.h5 lm.h5
refuses 'cannot open missing.h5: No such file' diff a.h5 missing.h5
refuses 'cannot read cache: it is a folder' diff cache a.h5
refuses 'train.csv is not an HDF5 file' diff a.h5 train.csv
head -c 3000 a.h5 >short.h5
refuses 'short.h5 is truncated' diff short.h5 a.h5
refuses '--format: there is no' diff a.h5 b.h5 --format html

end_checks
