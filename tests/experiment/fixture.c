/* fixture.c: see fixture.h. */
#define _GNU_SOURCE /* nftw */
#include "fixture.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
    "  classify: {data: target, epochs: 12, batch: 8, transfer: all, optimizer: {lr: 5e-2},\n"
    "             schedule: [{plugin: stlr}, {plugin: gradual_unfreeze}]}\n";

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

static void read_all(const char *name, thaw_buffer *text) {
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
  read_all(name, &whole);
  char *place = strstr(whole.data, old);
  ck_assert_msg(place != NULL, "'%s' is not in %s", old, name);
  ck_assert(thaw_buffer_append(&edited, whole.data, (size_t)(place - whole.data)));
  ck_assert(thaw_buffer_text(&edited, text));
  ck_assert(thaw_buffer_text(&edited, place + strlen(old)));
  fixture_write(name, edited.data);
  thaw_buffer_free(&whole);
  thaw_buffer_free(&edited);
}

/* ---- The command ---------------------------------------------------------------------------- */

/* In the child: never returns. */
static void become_thaw(const char *arguments, const char *input) {
  enum { MOST = 40 };
  char *words[MOST + 2] = {NULL}, path[4096], *copy = strdup(arguments);
  const char *build = getenv("THAW_BUILD");
  snprintf(path, sizeof path, "%s/thaw", build ? build : ".");
  size_t count = 0;
  words[count++] = path;
  for (char *word = strtok(copy, " "); word && count < MOST; word = strtok(NULL, " "))
    words[count++] = word;
  fixture_write("in", input ? input : "");
  const int in = open("in", O_RDONLY), out = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int err = open("err", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  setenv("THAW_CACHE", "cache", 1);
  setpgid(0, 0);
  execv(path, words);
  _exit(127);
}

static void sleep_for(double seconds) {
  const struct timespec time = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
  nanosleep(&time, NULL);
}

/* `seconds` < 0: not killed. */
static fixture_result run(const char *arguments, const char *input, double seconds) {
  fixture_result result = {0};
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) become_thaw(arguments, input);
  if (seconds >= 0) {
    sleep_for(seconds);
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
  }
  int how = 0;
  ck_assert_int_eq(waitpid(child, &how, 0), child);
  result.status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
  read_all("out", &result.out);
  read_all("err", &result.err);
  return result;
}

fixture_result fixture_run(const char *arguments, const char *input) {
  return run(arguments, input, -1);
}

fixture_result fixture_run_killed(const char *arguments, double seconds) {
  return run(arguments, NULL, seconds);
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
