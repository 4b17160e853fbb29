#include "sample.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

thaw_context *ctx;
thaw_registry *registry;
const char *folder;
static char place[] = "/tmp/thaw-test-XXXXXX";
static thaw_buffer line;

const char *const sample =
    "name: trec6\n"
    "seed: 7\n"
    "data:\n"
    "  general: {format: text, train: general.txt, valid: general.txt}\n"
    "  target:\n"
    "    format: csv\n"
    "    train: [train.csv, more.csv]\n"
    "    test: test.csv\n"
    "    text: question\n"
    "    label: class\n"
    "    valid_fraction: 0.1\n"
    "tokenizer: {plugin: test_words, min_count: 3}\n"
    "encoder: {plugin: test_rnn, embedding: 40, hidden: 60}\n"
    "head: {plugin: test_concat, parts: [max, mean], hidden: [50, 20]}\n"
    "stages:\n"
    "  pretrain:\n"
    "    data: general\n"
    "    epochs: 10\n"
    "    optimizer: {name: sgd, lr: 30, clip: 0.25}\n"
    "    schedule: [{plugin: constant}]\n"
    "  finetune: {data: target, encoder: {hidden_p: 0.2}}\n"
    "  classify:\n"
    "    data: target\n"
    "    epochs: 4\n"
    "    transfer: [embedding, rnn.0]\n"
    "    schedule: [{plugin: stlr, cut_frac: 0.2}, {plugin: discriminative}]\n"
    "    head: {dropout: [0, 0]}\n";

void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  ck_assert_msg(file != NULL, "%s", path);
  fputs(text, file);
  fclose(file);
}

void set_up(void) {
  ctx = thaw_context_create();
  ck_assert_ptr_nonnull(mkdtemp(place));
  folder = place;
  ck_assert_int_eq(chdir(folder), 0);
  char plugins[9000];
  snprintf(plugins, sizeof plugins, "%s/tests/config/.libs:%s/.libs", getenv("THAW_BUILD"),
           getenv("THAW_BUILD"));
  ck_assert_int_eq(setenv("THAW_PLUGIN_PATH", plugins, 1), 0);
  registry = thaw_registry_create(NULL);
  write_file("general.txt", "some text\n");
  write_file("train.csv", "question,class\nwhat is it,DESC\n");
  write_file("more.csv", "question,class\nwho is it,HUM\n");
  write_file("test.csv", "question,class\nhow many,NUM\n");
  write_sample(NULL, NULL);
}

void tear_down(void) {
  thaw_registry_free(registry);
  thaw_context_free(ctx);
  thaw_buffer_free(&line);
  char command[100];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert_int_eq(system(command), 0);
}

void write_sample(const char *from, const char *to) {
  if (!from) {
    write_file("exp.yaml", sample);
    return;
  }
  const char *found = strstr(sample, from);
  ck_assert_msg(found != NULL, "the sample has no '%s'", from);
  thaw_buffer text = {0};
  thaw_buffer_append(&text, sample, (size_t)(found - sample));
  thaw_buffer_format(&text, "%s%s", to ? to : "", found + strlen(from));
  write_file("exp.yaml", text.data);
  thaw_buffer_free(&text);
}

static size_t count_sets(const char *const *sets) {
  size_t count = 0;
  while (sets && sets[count]) count++;
  return count;
}

thaw_experiment *load(const char *const *sets) {
  thaw_experiment *experiment;
  const thaw_status status =
      thaw_experiment_load(ctx, "exp.yaml", count_sets(sets), sets, registry, &experiment);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
  return experiment;
}

void expect_message(const char *message) {
  thaw_buffer expected = {0};
  for (; *message; message++) {
    if (*message == '@') {
      thaw_buffer_text(&expected, folder);
    } else {
      thaw_buffer_append(&expected, message, 1);
    }
  }
  ck_assert_msg(strcmp(thaw_error(ctx), expected.data) == 0, "expected: %s\nfound:    %s",
                expected.data, thaw_error(ctx));
  thaw_buffer_free(&expected);
}

void expect_load_error(const char *const *sets, const char *message) {
  thaw_experiment *experiment;
  const thaw_status status =
      thaw_experiment_load(ctx, "exp.yaml", count_sets(sets), sets, registry, &experiment);
  ck_assert_msg(status == THAW_INVALID, "status %d, expected the error: %s", (int)status, message);
  ck_assert_ptr_null(experiment);
  expect_message(message);
}

void expect_error(const char *from, const char *to, const char *message) {
  write_sample(from, to);
  expect_load_error(NULL, message);
}

void expect_set_error(const char *set, const char *message) {
  const char *const sets[] = {set, NULL};
  write_sample(NULL, NULL);
  expect_load_error(sets, message);
}

const char *resolved(const thaw_experiment *experiment, const char *key) {
  const thaw_node *node = thaw_node_find(experiment->resolved, key);
  thaw_buffer_clear(&line);
  if (!node) return "(not there)";
  ck_assert_int_eq(thaw_node_write_line(ctx, node, false, &line), THAW_OK);
  return line.data;
}
