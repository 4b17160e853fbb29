/* fixture.c: see fixture.h. */
#define _GNU_SOURCE /* nftw, wait4 */
#include "fixture.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static char folder[] = "/tmp/thaw-fixture-XXXXXX";
static char before[4096];

static const char experiment[] =
    "name: small\n"
    "threads: 1\n"
    "data:\n"
    "  general: {format: text, train: general.txt, valid_fraction: 0.1}\n"
    "  target: {format: csv, train: train.csv, test: test.csv, label: label, valid_fraction: 0.2}\n"
    "tokenizer: {plugin: word, min_count: 1}\n"
    "encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 2}\n"
    "head: {plugin: concat, hidden: [10]}\n"
    "stages:\n"
    "  pretrain: {data: general, epochs: 2, batch: 8, bptt: 10, optimizer: {lr: 1e-2}}\n"
    "  finetune: {data: target, epochs: 1, batch: 4, bptt: 10}\n"
    "  classify: {data: target, epochs: 12, batch: 8, transfer: all, optimizer: {lr: 2e-2},\n"
    "             schedule: [{plugin: stlr}, {plugin: gradual_unfreeze}]}\n"
    "seed: 2\n";

static const char *const subjects[] = {"the cat", "a dog", "the old man", "my sister"};
static const char *const verbs[][3] = {{"eats", "drinks", "tastes"}, {"runs", "walks", "jumps"}};
static const char *const places[] = {"at home", "in the park", "every day", "again", "slowly"};

/* Sentence number i: what it is about depends on its class. */
static void append_sentence(thaw_buffer *text, size_t i, size_t class) {
  thaw_buffer_format(text, "%s %s %s", subjects[i / 2 % 4], verbs[class][i / 6 % 3],
                     places[i / 7 % 5]);
}

static void write_data(void) {
  thaw_buffer text = {0};
  for (size_t i = 0; i < 200; i++) {
    append_sentence(&text, i * 5, i % 2);
    thaw_buffer_text(&text, "\n");
  }
  fixture_write("general.txt", text.data);
  for (size_t part = 0; part < 2; part++) {
    thaw_buffer_clear(&text);
    thaw_buffer_text(&text, "text,label\n");
    for (size_t i = 0; i < 60; i++) {
      append_sentence(&text, i * 3 + part, i % 2);
      thaw_buffer_text(&text, i % 2 ? ",move\n" : ",food\n");
    }
    fixture_write(part ? "test.csv" : "train.csv", text.data);
  }
  thaw_buffer_free(&text);
}

void fixture_begin(void) {
  ck_assert_ptr_nonnull(getcwd(before, sizeof before));
  strcpy(folder, "/tmp/thaw-fixture-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_int_eq(chdir(folder), 0);
  fixture_write("experiment.yaml", experiment);
  write_data();
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
  (void)info, (void)kind, (void)where;
  return remove(path);
}

void fixture_end(void) {
  ck_assert_int_eq(chdir(before), 0);
  nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_write(const char *name, const char *text) {
  FILE *file = fopen(name, "w");
  ck_assert_ptr_nonnull(file);
  fputs(text, file);
  ck_assert_int_eq(fclose(file), 0);
}

void fixture_read(const char *name, thaw_buffer *text) {
  FILE *file = fopen(name, "r");
  char bytes[4096];
  size_t count;
  ck_assert_ptr_nonnull(file);
  ck_assert(thaw_buffer_text(text, ""));
  while ((count = fread(bytes, 1, sizeof bytes - 1, file)) > 0) {
    bytes[count] = '\0';
    ck_assert(thaw_buffer_append(text, bytes, count + 1));
    text->size--;
  }
  fclose(file);
}

void fixture_edit(const char *name, const char *old, const char *text) {
  thaw_buffer whole = {0}, edited = {0};
  fixture_read(name, &whole);
  char *place = strstr(whole.data, old);
  ck_assert_msg(place != NULL, "'%s' is not in %s", old, name);
  ck_assert(thaw_buffer_append(&edited, whole.data, (size_t)(place - whole.data)));
  ck_assert(thaw_buffer_text(&edited, text));
  ck_assert(thaw_buffer_text(&edited, place + strlen(old)));
  fixture_write(name, edited.data);
  thaw_buffer_free(&whole);
  thaw_buffer_free(&edited);
}

static const char *counted_ending;
static size_t counted;

static int count_entry(const char *path, const struct stat *info, int kind, struct FTW *where) {
  const size_t length = strlen(path), ending = strlen(counted_ending);
  (void)info, (void)where;
  counted +=
      kind == FTW_F && length >= ending && strcmp(path + length - ending, counted_ending) == 0;
  return 0;
}

size_t fixture_count(const char *ending) {
  counted_ending = ending;
  counted = 0;
  nftw(".", count_entry, 16, FTW_PHYS);
  return counted;
}

/* ---- The command ---------------------------------------------------------------------------- */

/* What the command is run under. */
typedef struct conditions {
  const char *input;   /* standard input; may be NULL */
  int pipe;            /* standard input instead; 0: none */
  size_t most_bytes;   /* that a file may grow to; 0: any number */
  bool without_rights; /* root may not read and write everything */
} conditions;

/* Ends the child: the test sees a status that thaw does not have. */
static void need(bool ok) {
  if (!ok) _exit(127);
}

/* Writing beyond the limit fails as on a full disk. */
static void limit_files(size_t bytes) {
  const struct rlimit limit = {bytes, bytes};
  need(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  need(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* A program that root starts then is held to a file's permissions like any other user's. */
static void drop_rights(void) {
  static const unsigned long rights[] = {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH};
  for (size_t i = 0; i < 2 && geteuid() == 0; i++) {
    if (prctl(PR_CAPBSET_READ, rights[i]) == 1) need(prctl(PR_CAPBSET_DROP, rights[i]) == 0);
  }
}

/* In the child: never returns. */
static void become_thaw(const char *arguments, const conditions *under) {
  enum { MOST = 40 };
  char *words[MOST + 2] = {NULL}, path[4096], *copy = strdup(arguments);
  const char *build = getenv("THAW_BUILD");
  snprintf(path, sizeof path, "%s/thaw", build ? build : ".");
  size_t count = 0;
  words[count++] = path;
  for (char *word = strtok(copy, " "); word && count < MOST; word = strtok(NULL, " "))
    words[count++] = word;
  const int in = under->pipe ? under->pipe : open("in", O_RDONLY), out = open("out", O_WRONLY);
  const int err = open("err", O_WRONLY);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  setenv("THAW_CACHE", "cache", 1);
  setpgid(0, 0);
  if (under->most_bytes > 0) limit_files(under->most_bytes);
  if (under->without_rights) drop_rights();
  execv(path, words);
  _exit(127);
}

/* A command at work. */
typedef struct process {
  pid_t id;
  double began;
} process;

static process start(const char *arguments, const conditions *under) {
  fixture_write("in", under->input ? under->input : "");
  fixture_write("out", "");
  fixture_write("err", "");
  const process child = {.began = thaw_seconds_now(), .id = fork()};
  ck_assert_int_ge(child.id, 0);
  if (child.id == 0) become_thaw(arguments, under);
  return child;
}

static fixture_result finish(process child) {
  fixture_result result = {0};
  struct rusage usage;
  int how = 0;
  ck_assert_int_eq(wait4(child.id, &how, 0, &usage), child.id);
  result.status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
  result.seconds = thaw_seconds_now() - child.began;
  result.peak = (size_t)usage.ru_maxrss * 1024;
  fixture_read("out", &result.out);
  fixture_read("err", &result.err);
  return result;
}

static fixture_result run(const char *arguments, const conditions *under) {
  return finish(start(arguments, under));
}

fixture_result fixture_run(const char *arguments, const char *input) {
  return run(arguments, &(conditions){.input = input});
}

fixture_result fixture_run_limited(const char *arguments, size_t bytes) {
  return run(arguments, &(conditions){.most_bytes = bytes});
}

fixture_result fixture_run_without_rights(const char *arguments) {
  return run(arguments, &(conditions){.without_rights = true});
}

static void sleep_for(double seconds) {
  const struct timespec time = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
  nanosleep(&time, NULL);
}

fixture_result fixture_run_killed(const char *arguments, double seconds) {
  const process child = start(arguments, &(conditions){0});
  sleep_for(seconds);
  kill(-child.id, SIGKILL);
  kill(child.id, SIGKILL);
  return finish(child);
}

fixture_result fixture_run_waiting(const char *arguments, const char *input, double seconds) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_eq(write(ends[1], input, strlen(input)), (ssize_t)strlen(input));
  const process child = start(arguments, &(conditions){.pipe = ends[0]});
  sleep_for(seconds);
  kill(child.id, SIGKILL);
  close(ends[0]);
  close(ends[1]);
  return finish(child);
}

fixture_result fixture_run_interrupted(const char *arguments, const char *said) {
  const process child = start(arguments, &(conditions){0});
  siginfo_t info = {0};
  bool found = false;
  /* Until it has said so, or has ended. */
  while (!found && info.si_pid == 0) {
    thaw_buffer text = {0};
    sleep_for(0.002);
    fixture_read("err", &text);
    found = strstr(text.data, said) != NULL;
    thaw_buffer_free(&text);
    ck_assert_int_eq(waitid(P_PID, (id_t)child.id, &info, WEXITED | WNOHANG | WNOWAIT), 0);
  }
  kill(child.id, SIGINT);
  return finish(child);
}

void fixture_free(fixture_result *result) {
  thaw_buffer_free(&result->out);
  thaw_buffer_free(&result->err);
}

void fixture_expect(int status, const char *arguments) {
  fixture_expect_error(status, arguments, "");
}

void fixture_expect_error(int status, const char *arguments, const char *text) {
  fixture_result result = fixture_run(arguments, NULL);
  ck_assert_msg(result.status == status && strstr(result.err.data, text),
                "thaw %s: expected status %d and '%s', found status %d and:\n%s", arguments, status,
                text, result.status, result.err.data);
  fixture_free(&result);
}

/* ---- Run files ------------------------------------------------------------------------------ */

thaw_run_file *fixture_open_run(thaw_context *ctx, const char *path) {
  thaw_run_file *run = NULL;
  const thaw_status status = thaw_run_open(ctx, path, &run);
  ck_assert_msg(status == THAW_OK, "%s: %s", path, thaw_error(ctx));
  return run;
}

void fixture_expect_same_weights(const char *a, const char *b) {
  thaw_context *ctx = thaw_context_create();
  thaw_params *params[2];
  const char *const paths[] = {a, b};
  for (size_t i = 0; i < 2; i++) {
    thaw_run_file *run = fixture_open_run(ctx, paths[i]);
    ck_assert(thaw_run_complete(run));
    ck_assert_int_eq(thaw_run_weights(ctx, run, NULL, &params[i]), THAW_OK);
    thaw_run_close(run);
  }
  ck_assert_uint_eq(params[0]->count, params[1]->count);
  for (size_t g = 0; g < params[0]->count; g++) {
    const thaw_param_group *group = &params[0]->groups[g];
    for (size_t p = 0; p < group->count; p++) {
      const thaw_tensor *x = group->params[p].tensor;
      const thaw_param *other = thaw_params_find(params[1], group->name, group->params[p].name);
      ck_assert_ptr_nonnull(other);
      ck_assert_msg(memcmp(x->data, other->tensor->data, thaw_size(x) * sizeof(float)) == 0,
                    "%s/%s of %s and %s differ", group->name, group->params[p].name, a, b);
    }
  }
  for (size_t i = 0; i < 2; i++) thaw_params_free(params[i]);
  thaw_context_free(ctx);
}

static void expect_same_series(const thaw_series *a, const thaw_series *b) {
  ck_assert_str_eq(a->stage, b->stage);
  ck_assert_uint_gt(a->moved_count, 0);
  ck_assert_uint_eq(a->moved_count, b->moved_count);
  ck_assert_uint_eq(a->epoch_count, b->epoch_count);
  const size_t count = a->epoch_count * a->moved_count;
  ck_assert_mem_eq(a->distances, b->distances, count * sizeof *a->distances);
  ck_assert_mem_eq(a->taken, b->taken, a->moved_count * sizeof *a->taken);
}

void fixture_expect_same_distances(const char *a, const char *b) {
  thaw_context *ctx = thaw_context_create();
  const char *const paths[] = {a, b};
  thaw_series **series[2];
  size_t counts[2];
  for (size_t i = 0; i < 2; i++) {
    thaw_run_file *run = fixture_open_run(ctx, paths[i]);
    ck_assert_int_eq(thaw_run_series(ctx, run, &series[i], &counts[i]), THAW_OK);
    thaw_run_close(run);
  }
  ck_assert_uint_eq(counts[0], counts[1]);
  for (size_t s = 0; s < counts[0]; s++) expect_same_series(series[0][s], series[1][s]);
  for (size_t i = 0; i < 2; i++) {
    for (size_t s = 0; s < counts[i]; s++) thaw_series_free(series[i][s]);
    free(series[i]);
  }
  thaw_context_free(ctx);
}
