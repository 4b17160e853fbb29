/* cmd_sweep.c: `thaw sweep`: every run of an experiment's sweep. Here it is loaded, checked and
 * planned; a launcher executes it. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "cli/output.h"
#include "cli/sweep.h"

enum { MANY = 1000 }; /* runs from which on nobody means it without saying so */

static const char *const launchers[] = {"local", "slurm", NULL};
static const struct {
  thaw_status (*run)(const thaw_sweep_work *work);
  thaw_status (*show)(const thaw_sweep_work *work); /* for --dry-run */
} launch[] = {{thaw_sweep_run_local, thaw_sweep_print_tree},
              {thaw_sweep_run_slurm, thaw_sweep_run_slurm}};

static const thaw_option options[] = {
    THAW_SET_OPTION,
    {.name = "jobs",
     .letter = 'j',
     .type = THAW_OPTION_COUNT,
     .offset = offsetof(thaw_sweep_settings, jobs),
     .value_name = "N",
     .default_value = "1",
     .doc = "train so many stages and runs at once, the processor's cores divided among them",
     .minimum = 1,
     .maximum = 1024},
    {.name = "dry-run",
     .letter = 'n',
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(thaw_sweep_settings, dry_run),
     .doc = "print the tree of stages, with what is finished, and train nothing"},
    {.name = "shard",
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(thaw_sweep_settings, shard),
     .value_name = "I/N",
     .doc = "only part I of N equal parts of the runs, such as 2/3; runs that share stages are in "
            "the same part as far as that is possible"},
    {.name = "yes",
     .letter = 'y',
     .type = THAW_OPTION_FLAG,
     .offset = offsetof(thaw_sweep_settings, yes),
     .doc = "do not ask before more than 1,000 runs"},
    {.name = "launcher",
     .type = THAW_OPTION_CHOICE,
     .offset = offsetof(thaw_sweep_settings, launcher),
     .value_name = "LAUNCHER",
     .default_value = "local",
     .doc = "where to train: local, on this machine, or slurm, as job arrays of a cluster",
     .choices = launchers},
    THAW_FOLDER_OPTION,
    THAW_CACHE_OPTION,
    THAW_CHECKPOINT_OPTION,
    THAW_FORMAT_OPTION(thaw_experiment_settings),
    {0}};

/* ---- Parts ----------------------------------------------------------------------------------- */

typedef struct shard {
  size_t part, parts; /* parts 0: the whole */
} shard;

/* A whole number from 1 to 1,000,000 at `*text`, which is moved behind it. */
static bool read_number(const char **text, size_t *number) {
  char *end;
  if (!isdigit((unsigned char)**text)) return false;
  const uintmax_t value = strtoumax(*text, &end, 10);
  if (value < 1 || value > 1000000) return false;
  *number = (size_t)value;
  *text = end;
  return true;
}

static thaw_status read_shard(const thaw_call *call, const char *text, shard *s) {
  const char *next = text;
  *s = (shard){0};
  if (!text) return THAW_OK;
  const bool ok = read_number(&next, &s->part) && *next++ == '/' && read_number(&next, &s->parts) &&
                  *next == '\0' && s->part <= s->parts;
  if (ok) return THAW_OK;
  return thaw_fail(call->ctx, THAW_INVALID,
                   "thaw sweep: --shard: expected I/N with I from 1 to N, such as 2/3, found '%s'",
                   text);
}

/* ---- Many runs ------------------------------------------------------------------------------- */

/* "1,000,000" */
static void write_count(size_t count, char text[32]) {
  char digits[24];
  const size_t length = (size_t)snprintf(digits, sizeof digits, "%zu", count);
  size_t out = 0;
  for (size_t i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0) text[out++] = ',';
    text[out++] = digits[i];
  }
  text[out] = '\0';
}

static bool ask(const char *count) {
  char answer[16] = "";
  fprintf(stderr, "%s runs come of it. Go on? [y/N] ", count);
  fflush(stderr);
  return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Before anything is loaded for every point. */
static thaw_status confirm(const thaw_call *call, const thaw_sweep *sweep) {
  const thaw_sweep_settings *settings = call->settings;
  char count[32];
  if (sweep->count <= MANY || settings->yes) return THAW_OK;
  write_count(sweep->count, count);
  if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
    return thaw_fail(call->ctx, THAW_INVALID,
                     "%s runs come of this sweep: --yes says that they should", count);
  if (ask(count)) return THAW_OK;
  if (thaw_interrupted(call->ctx))
    return thaw_fail(call->ctx, THAW_INTERRUPTED, "nothing was begun");
  return thaw_fail(call->ctx, THAW_FAILED, "%s runs were not begun", count);
}

/* ---- The command ----------------------------------------------------------------------------- */

/* Points that are no runs of their own. */
static void tell_left_out(const thaw_call *call, const thaw_sweep *sweep,
                          const thaw_sweep_tree *tree) {
  size_t twins = 0;
  if (sweep->excluded)
    thaw_log(call->ctx, THAW_LOG_INFO, "combinations that are excluded: %zu", sweep->excluded);
  for (size_t r = 0; r < tree->run_count; r++) {
    if (tree->runs[r].twin) twins++;
  }
  if (twins)
    thaw_log(call->ctx, THAW_LOG_INFO, "points that are the same runs as earlier ones: %zu", twins);
}

static thaw_status execute(thaw_sweep_work *work, const shard *part) {
  const thaw_call *call = work->call;
  thaw_status status = THAW_OK;
  if (part->parts > 0)
    status = thaw_sweep_tree_shard(call->ctx, work->tree, part->part, part->parts);
  if (status == THAW_OK) status = thaw_sweep_label_runs(work, call->arena);
  if (status) return status;
  if (work->settings->dry_run) return launch[work->settings->launcher].show(work);
  tell_left_out(call, work->sweep, work->tree);
  return launch[work->settings->launcher].run(work);
}

static thaw_status run(const thaw_call *call) {
  const thaw_sweep_settings *settings = call->settings;
  const thaw_words *sets = &settings->common.sets;
  const thaw_run_options run_options = thaw_options_of(call);
  thaw_sweep_work work = {.call = call, .settings = settings, .path = call->operands.words[0]};
  thaw_sweep *sweep = NULL;
  shard part;
  thaw_status status = read_shard(call, settings->shard, &part);
  if (status == THAW_OK)
    status = thaw_sweep_load(call->ctx, work.path, sets->count, sets->words, &sweep);
  if (status == THAW_OK) status = confirm(call, sweep);
  if (status == THAW_OK)
    status =
        thaw_sweep_tree_plan(call->ctx, work.path, sweep, call->registry, &run_options, &work.tree);
  work.sweep = sweep;
  if (status == THAW_OK) status = execute(&work, &part);
  thaw_sweep_tree_free(work.tree);
  thaw_sweep_free(sweep);
  return status;
}

const thaw_command thaw_command_sweep = {
    .name = "sweep",
    .operands = "FILE.yaml",
    .summary = "Train every run of an experiment's sweep that is not finished yet.",
    .description =
        "Every run is checked before anything is trained. Runs share the stages that they have in "
        "common: forty runs that differ in their heads pretrain once. Each stage and each run is a "
        "process of its own; with --jobs N as many as N train at once, each with its part of the "
        "cores, unless the experiment sets threads or OMP_NUM_THREADS says how many there are.\n"
        "A run that fails is reported, with what it said last; those that need a failed stage are "
        "not run, and the others go on. What each job said stands in the folder logs beside the "
        "run "
        "files. After an interruption (ctrl-C, kill -9) the same command goes on where it stopped; "
        "what is finished is not repeated. With the same --jobs it ends in the same bits.\n"
        "With --launcher slurm each stage and each run is a task of a job array, and the arrays "
        "wait for each other; what they ask for stands in the experiment's section slurm. The "
        "command ends when they are submitted. Given again it submits what has failed or was "
        "cancelled, and nothing that is queued still.\n"
        "Several machines that share a folder can each take a part: --shard 1/2, --shard 2/2. "
        "'thaw "
        "compare' makes a table of the run files.",
    .options = options,
    .settings_size = sizeof(thaw_sweep_settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
