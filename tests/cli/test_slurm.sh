#!/bin/sh
# `thaw sweep --launcher slurm` on a real Slurm, whose daemons this test starts and ends: a sweep ends in the run files
# of a local one, also when jobs are cancelled, fail, are requeued or run out of time in between.
# Skipped (status 77) where Slurm is not installed or cannot be started; it needs root. See checks.sh.
set -u

python=${PYTHON:-/usr/bin/python3}
PATH=$PATH:/usr/sbin:/sbin
skip() {
  echo "skipped: $1"
  exit 77
}
for program in munged mungekey slurmctld slurmd sbatch squeue scontrol scancel; do
  command -v $program >/dev/null || skip "there is no $program (Debian: slurmctld, slurmd, slurm-client, munge)"
done
[ "$(id -u)" = 0 ] || skip 'slurmd needs root'
"$python" -c 'import h5py' 2>/dev/null || skip "$python has no h5py (Debian: python3-h5py)"

. "$THAW_SOURCE/tests/cli/checks.sh"
. "$THAW_SOURCE/tests/cli/slurm_data.sh"
chmod 755 "$work"

# ---- Slurm ----

daemons=
end() { # whatever happens, nothing stays behind
  [ -z "$daemons" ] || timeout 10 scancel --user=root >/dev/null 2>&1
  for daemon in $daemons; do kill "$daemon" 2>/dev/null; done
  for daemon in $daemons; do
    for tenth in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
      kill -0 "$daemon" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$daemon" 2>/dev/null
  done
  rm -rf "$work"
}
trap end EXIT
trap 'exit 1' INT TERM HUP

free_port() {
  "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

wait_until() { # wait_until SECONDS COMMAND…
  limit=$(($1 * 5))
  shift
  while ! "$@"; do
    limit=$((limit - 1))
    [ $limit -gt 0 ] || return 1
    sleep 0.2
  done
}

export SLURM_CONF=$work/slurm.conf
host=$(uname -n | cut -d. -f1)
cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket,cred_expire=5
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
MaxArraySize=100
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=test Nodes=$host Default=YES MaxTime=60 State=UP
END
mkdir "$work/state" "$work/spool"
mungekey --create --keyfile="$work/munge.key"
munged --foreground --force --socket="$work/munge.socket" --key-file="$work/munge.key" \
  --log-file="$work/munged.log" --pid-file="$work/munged.pid" --seed-file="$work/munged.seed" >/dev/null 2>&1 &
daemons=$!
answers() { scontrol ping 2>/dev/null | grep -q 'is UP'; }
is_idle() { [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; }
if ! wait_until 10 [ -S "$work/munge.socket" ]; then
  cat "$work/munged.log"
  skip 'munged does not start'
fi
slurmctld -D -i -f "$SLURM_CONF" >/dev/null 2>&1 &
daemons="$daemons $!"
slurmd -D -f "$SLURM_CONF" >/dev/null 2>&1 &
daemons="$daemons $!"
if ! wait_until 20 answers || ! wait_until 20 is_idle; then
  tail -n 20 "$work"/*.log
  skip 'Slurm does not start'
fi

# ---- Sweeps ----

cd "$work" || exit 1
write_texts "$work"
write_config "$work/base.yaml"
cat >"$work/exp.yaml" <<'END'
extends: base.yaml
sweep:
  head.plugin: [mean, max]
  seed: [1, 2, 3]
slurm: {partition: test, time: 10, cores: 1, finetune: {time: 5}, options: [--no-kill]}
END
# Two models of which one lacks its text, and long enough to be ended in between.
cat >"$work/long.yaml" <<'END'
extends: base.yaml
name: long
stages: {pretrain: {epochs: 30}}
sweep:
  data.general.train: [general.txt, other.txt]
slurm: {time: 10, restarts: 2}
END

cat >"$work/same.py" <<'END'
"""same.py FOLDER FOLDER: fails unless both have the same finished runs, with the same weights and predictions."""
import pathlib, sys
import h5py, numpy

def contents(path):
    found = {}
    with h5py.File(path) as run:
        if not run.attrs["complete"]:
            sys.exit(f"{path} is not finished")
        for part in ("weights", "predictions"):
            run[part].visititems(lambda name, item: found.update({f"{part}/{name}": item[()]})
                                 if isinstance(item, h5py.Dataset) else None)
    return found

one, other = ({path.name: path for path in pathlib.Path(folder).glob("*.h5")} for folder in sys.argv[1:])
if not one or set(one) != set(other):
    sys.exit(f"{sorted(one)} and {sorted(other)} are not the same runs")
for name in one:
    a, b = contents(one[name]), contents(other[name])
    differing = [key for key in a if key not in b or not numpy.array_equal(a[key], b[key])]
    if set(a) != set(b) or differing:
        sys.exit(f"{name}: {differing or set(a) ^ set(b)} differ")
END

queue_is_empty() { [ -z "$(squeue --noheader)" ]; }
wait_for_end() { # wait_for_end: of all jobs
  ran="$ran, and its jobs"
  check 'the jobs were expected to end in 60 seconds' wait_until 60 queue_is_empty
  for log in "$work"/cluster/*/slurm-*/logs/*.log; do
    [ -f "$log" ] && tail -n 3 "$log"
  done >"$work/err"
}
same_results() { # same_results NAME: the cluster's runs are the local ones, and so is their table
  ran="runs of $1"
  check 'the same runs, weights and predictions were expected' \
    "$python" "$work/same.py" "local/$1" "cluster/$1" 2>"$work/err"
  for place in local cluster; do
    table "$place/$1" >"$work/$place.csv"
  done
  check 'the same table was expected' cmp -s "$work/local.csv" "$work/cluster.csv"
}
on_cluster() { # on_cluster STATUS FILE OPTION…
  status_expected=$1 file=$2
  shift 2
  run "$status_expected" sweep "$file" --launcher slurm --runs cluster --cache cluster-cache "$@"
}
job_of() { sed -n "s/^\([0-9]*\) *$1 .*/\1/p" "$work/out"; }

for file in exp.yaml long.yaml; do run 0 sweep $file --runs local --cache local-cache; done

# Submitted, and at once once more.
on_cluster 0 exp.yaml
prints '6 runs: 0 finished, 6 to do'
check 'four arrays were expected' [ "$(grep -c '^[0-9]* *[1-4]-' "$work/out")" = 4 ]
on_cluster 0 exp.yaml
prints '6 runs: 0 finished, 6 queued before, 0 to do'
check 'one folder of scripts was expected' [ "$(ls -d cluster/small/slurm-* | wc -l)" = 1 ]
wait_for_end
same_results small
on_cluster 0 exp.yaml
line_is 1 '6 runs: 6 finished, 0 to do'
check 'one pretraining and three fine-tunings were expected' [ "$(ls cluster-cache/*.h5 | wc -l)" = 4 ]
before=4

# A text that is not there when its job starts: what depends on it is not run, and the others are.
state_is() { # state_is JOB STATE
  scontrol show job "$1" 2>/dev/null | grep -q "JobState=$2 "
}
scontrol update PartitionName=test State=DOWN
on_cluster 0 long.yaml --checkpoint 0
array=$(job_of 1-pretrain)
waiting=$(job_of 3-classify)
mv other.txt away.txt
scontrol update PartitionName=test State=UP
check 'the job without its text was expected to fail' wait_until 20 state_is "${array}_1" FAILED
check 'the run that needs it was expected to be cancelled' wait_until 20 state_is "${waiting}_1" CANCELLED
check 'the other run was expected to wait' state_is "${waiting}_0" PENDING
mv away.txt other.txt

# Cancelled while it trains: a checkpoint is kept, and what depends on it goes.
said=cluster/long/slurm-*/logs/1-pretrain-0.log # what matches when it is used
models() { ls cluster-cache/*.h5 | wc -l; }
begun() { [ "$(models)" -gt "$before" ]; }
check 'a checkpoint was expected' wait_until 20 begun
scancel "$array"
wait_for_end
check 'an interruption was expected in the log' grep -q 'thaw: interrupted' $said
check 'no run was expected' [ -z "$(ls cluster/long/*.h5 2>/dev/null)" ]

# The same command goes on; so do a job that is requeued and one that is told that its time is over.
goes_on() { [ "$(cat $said | grep -c 'goes on from the checkpoint')" -ge "$1" ]; }
on_cluster 0 long.yaml --checkpoint 0
prints '2 runs: 0 finished, 2 to do'
array=$(job_of 1-pretrain)
check 'the job was expected to go on' wait_until 20 goes_on 1
scontrol requeue "${array}_0"
check 'the requeued job was expected to go on' wait_until 30 goes_on 2
scancel --batch --signal=USR1 "${array}_0"
check 'the job that ran out of time was expected to go on' wait_until 30 goes_on 3
check 'it was expected to say so' grep -q 'out of time: goes on in another job' $said
wait_for_end
same_results long

end_checks
