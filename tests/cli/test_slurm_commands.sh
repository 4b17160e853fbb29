#!/bin/sh
# What `thaw sweep --launcher slurm` gives to Slurm's commands, and what it makes of their answers, with commands that
# only pretend; tests/cli/test_slurm.sh has a real Slurm. See checks.sh.
set -u
. "$THAW_SOURCE/tests/cli/checks.sh"
. "$THAW_SOURCE/tests/cli/slurm_data.sh"

# ---- Commands that pretend ----

mkdir "$work/bin" "$work/calls"
cat >"$work/bin/sbatch" <<'END'
#!/bin/sh
# Job ids from 101 on; $FAKE/refuse has the number of the call that is refused.
number=$(($(ls "$FAKE/calls" | wc -l) + 1))
if [ "$number" = "$(cat "$FAKE/refuse" 2>/dev/null)" ]; then
  echo 'sbatch: error: Batch job submission failed: Invalid account' >&2
  exit 1
fi
printf '%s\n' "$@" >"$FAKE/calls/$number"
echo $((100 + number))
END
cat >"$work/bin/squeue" <<'END'
#!/bin/sh
cat "$FAKE/queue"
END
cat >"$work/bin/scontrol" <<'END'
#!/bin/sh
echo 'Configuration data as of now'
echo "MaxArraySize            = $(cat "$FAKE/limit")"
END
cat >"$work/bin/scancel" <<'END'
#!/bin/sh
echo "$@" >>"$FAKE/cancelled"
exit "$(cat "$FAKE/cancel_status")"
END
chmod +x "$work/bin"/*
export FAKE="$work"
real_path=$PATH
PATH=$work/bin:$PATH

begin() { # begin: an empty queue, no calls
  rm -rf "$work/calls" "$work/refuse" "$work/cancelled"
  mkdir "$work/calls"
  : >"$work/queue"
  echo 1001 >"$work/limit"
  echo 0 >"$work/cancel_status"
}
calls_are() { check "$1 calls of sbatch were expected" [ "$(ls "$work/calls" | wc -l)" = "$1" ]; }
given() { check "call $1 of sbatch was expected to have '$2'" grep -qxF -e "$2" "$work/calls/$1"; }
not_given() { check "call $1 of sbatch was not expected to have '$2'" lacks "$2" "$work/calls/$1"; }

# A folder whose name is trouble for shells and for Slurm.
folder="$work/it's 100% \$HOME \"here\""
mkdir "$folder"
write_texts "$folder"
write_config "$folder/exp.yaml"
cat >>"$folder/exp.yaml" <<'END'
sweep:
  head.plugin: [mean, max]
  seed: [1, 2, 3]
slurm:
  partition: long
  time: 12:00:00
  memory: 2G
  at_once: 2
  options: [--constraint=avx2, '--mail-user=a b']
  pretrain: {time: 1-0, cores: 4, account: lab, qos: high}
  classify: {time: 30, options: [], restarts: 3}
END
cd "$folder" || exit 1
export THAW_CACHE="$work/cache"

# ---- A tree: one language model, three fine-tuned ones, two heads on each ----

begin
run 0 sweep exp.yaml --launcher slurm
line_is 1 'job  array       tasks  after          partition  time      memory  cores'
line_is 2 '101  1-pretrain      1  –              long       1-0       2G          4'
line_is 3 '102  2-finetune      3  afterok:101_0  long       12:00:00  2G          1'
line_is 4 '103  3-classify      3  aftercorr:102  long       30        2G          1'
line_is 5 '104  4-classify      3  aftercorr:102  long       30        2G          1'
prints '6 runs: 0 finished, 6 to do'
prints 'squeue --jobs=101,102,103,104'
calls_are 4
made=$(echo "$folder"/runs/small/slurm-*)
check 'a folder with scripts was expected' [ -d "$made/logs" ]
for option in --parsable --requeue --kill-on-invalid-dep=yes --signal=B:USR1@60 --job-name=pretrain-small \
  --time=1-0 --mem=2G --cpus-per-task=4 --partition=long --account=lab --qos=high --constraint=avx2 \
  '--mail-user=a b' --array=0%2 "--comment=thaw $made/1-pretrain.tasks" "$made/1-pretrain.sh" \
  "--output=$work/it's 100%% \$HOME \"here\"/runs/small/${made##*/}/logs/1-pretrain-%a.log"; do
  given 1 "$option"
done
not_given 1 --dependency
given 2 --dependency=afterok:101_0
given 2 --array=0-2%2
given 2 --time=12:00:00
given 3 --dependency=aftercorr:102
given 3 --time=30
not_given 3 --constraint
not_given 3 --account
check 'three restarts were expected in the script' grep -qF -e '-ge 3' "$made/3-classify.sh"

# ---- The scripts do what they are to, from anywhere and in a bare environment ----

bare() { # bare SCRIPT INDEX
  ran="task $2 of $1"
  (cd / && env -i PATH="$real_path" SLURM_ARRAY_TASK_ID="$2" /bin/sh "$made/$1") >"$work/out" 2>"$work/err"
  check 'the task was expected to succeed' [ $? = 0 ]
}
bare 1-pretrain.sh 0
check 'a language model was expected in the cache' [ "$(ls "$work/cache"/*.h5 | wc -l)" = 1 ]
bare 2-finetune.sh 1
bare 3-classify.sh 1
check 'a run file was expected' [ "$(ls "$folder"/runs/small/s2-*.h5 | wc -l)" = 1 ]
check 'the first one was expected to be that of the list' \
  [ "$(ls "$folder"/runs/small/s2-*.h5)" = "$(sed -n '2s/^1	\([^	]*\)	.*/\1/p' "$made/3-classify.tasks")" ]
sed -i.before 's/lr: 2e-2/lr: 3e-2/' exp.yaml
(SLURM_ARRAY_TASK_ID=1 /bin/sh "$made/4-classify.sh") >"$work/out" 2>"$work/err"
check 'the task of a changed experiment was expected to fail' [ $? = 1 ]
says 'the experiment or its data have changed since they were submitted'
mv exp.yaml.before exp.yaml
(SLURM_ARRAY_TASK_ID=7 /bin/sh "$made/2-finetune.sh") >"$work/out" 2>"$work/err"
check 'a task that is not in the list was expected to fail' [ $? = 1 ]
says 'no task 7'

# What is finished is not submitted; what waits or runs already is waited for.
begin
cat >"$work/queue" <<END
102|0|RUNNING|thaw $made/2-finetune.tasks
102|2|COMPLETING|thaw $made/2-finetune.tasks
103|0|PENDING|thaw $made/3-classify.tasks
77|N/A|RUNNING|(null)
78|0|RUNNING|thaw /nowhere/1-pretrain.tasks
END
run 0 sweep exp.yaml --launcher slurm
prints '6 runs: 1 finished, 1 queued before, 4 to do'
line_is 2 '101  1-finetune      1  –              long       12:00:00  2G          1'
line_is 3 '102  2-classify      1  afterok:102_0  long       30        2G          1'
line_is 4 '103  3-classify      1  –              long       30        2G          1'
line_is 5 '104  4-classify      2  afterok:101_0  long       30        2G          1'
calls_are 4
check 'a second folder was expected' [ "$(ls -d "$folder"/runs/small/slurm-* | wc -l)" = 2 ]

# ---- A dry run writes nothing ----

begin
find "$folder" >"$work/before"
run 0 sweep exp.yaml --launcher slurm --dry-run --set seed=1
line_is 1 'job  array       tasks  after              partition  time      memory  cores'
line_is 2 '–    1-finetune      1  –                  long       12:00:00  2G          1'
line_is 3 '–    2-classify      2  afterok:${job1}_0  long       30        2G          1'
prints '#!/bin/sh'
prints '2-classify.tasks'
prints '--until finetune'
calls_are 0
find "$folder" >"$work/after"
check 'the same files were expected' cmp -s "$work/before" "$work/after"
run 0 sweep exp.yaml --launcher slurm --dry-run --format csv
line_is 1 'job,array,tasks,after,partition,time,memory,cores'
prints_not '#!/bin/sh'

# ---- More tasks than an array may have ----

begin
echo 2 >"$work/limit"
run 0 sweep exp.yaml --launcher slurm --set stages.pretrain=null --set stages.finetune=null --runs split
calls_are 3
for number in 1 2 3; do given $number --array=0-1%2; done
run 0 sweep exp.yaml --launcher slurm --set seed=1 --set stages.pretrain=null --set stages.finetune=null --runs none
echo 0 >"$work/limit"
run 1 sweep exp.yaml --launcher slurm --runs none
says 'this cluster has no job arrays'

# A language model that one run alone ends with is trained by the run.
begin
run 0 sweep exp.yaml --launcher slurm --set seed=1 --set head.plugin=mean --set stages.classify=null --runs models \
  --cache "$work/empty"
prints '1 run: 0 finished, 1 to do'
line_is 2 '101  1-pretrain      1  –              long       1-0       2G          4'
line_is 3 '102  2-finetune      1  afterok:101_0  long       12:00:00  2G          1'
calls_are 2

# ---- Refused ----

begin
echo 3 >"$work/refuse"
run 1 sweep exp.yaml --launcher slurm --runs refused --cache "$work/empty"
says '3-classify was not submitted: sbatch: error: Batch job submission failed: Invalid account'
says 'What had been submitted before it is cancelled: 101 102'
check 'two cancelled jobs were expected' [ "$(cat "$work/cancelled")" = '101 102' ]
begin
echo 3 >"$work/refuse"
echo 1 >"$work/cancel_status"
run 1 sweep exp.yaml --launcher slurm --runs refused --cache "$work/empty"
says 'could not be cancelled and is still queued: scancel 101 102'
begin
echo 1 >"$work/refuse"
run 1 sweep exp.yaml --launcher slurm --runs refused --cache "$work/empty"
says 'nothing was submitted: sbatch: error: Batch job submission failed: Invalid account'
check 'nothing to cancel was expected' [ ! -e "$work/cancelled" ]
rm "$work/queue"
run 1 sweep exp.yaml --launcher slurm --runs refused --cache "$work/empty"
says 'cat: '
calls_are 0

# ---- Without Slurm ----

without() { # without STATUS OPTION…
  expected=$1
  shift
  ran="thaw sweep exp.yaml --launcher slurm $*, without Slurm"
  PATH=/nowhere LD_LIBRARY_PATH=$THAW_BUILD/.libs "$THAW_BUILD/.libs/thaw" sweep exp.yaml --launcher slurm "$@" \
    >"$work/out" 2>"$work/err"
  status=$?
  check "exit status $expected was expected, found $status" [ "$status" = "$expected" ]
}
without 1
says "--launcher slurm needs Slurm's commands, and 'squeue' is not in PATH"
without 0 --dry-run
says 'warning: what is queued already is not known: '
prints '#!/bin/sh'

# ---- Words ----

begin
newline='
'
run 0 sweep exp.yaml --launcher slurm --set seed=1 --set head.plugin=mean --runs words \
  --set "description=it's \"\$HOME\"${newline}\`and\` more"
made=$(echo "$folder"/words/small/slurm-*)
bare 2-classify.sh 0
run 0 inspect "$(ls "$folder"/words/small/*.h5)" --config
prints '$HOME\" `and` more'

end_checks
