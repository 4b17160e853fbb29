/* A config becomes an experiment: values, defaults, paths, extends, overrides, and back from a run
 * file. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sample.h"

typedef struct head_settings {
  thaw_texts parts;
  thaw_ints layers, hidden;
  thaw_reals dropout;
} head_settings;

typedef struct encoder_settings {
  int64_t embedding, hidden;
  double hidden_p;
} encoder_settings;

static thaw_experiment *load_sample(const char *from, const char *to) {
  write_sample(from, to);
  return load(NULL);
}

/* ---- Values and defaults -------------------------------------------------------------------- */

START_TEST(everything_written_is_read) {
  thaw_experiment *e = load(NULL);
  ck_assert_str_eq(e->path, "exp.yaml");
  ck_assert_str_eq(e->name, "trec6");
  ck_assert_int_eq(e->seed, 7);
  ck_assert_str_eq(e->tokenizer.plugin->descriptor->name, "test_words");
  ck_assert_int_eq(e->min_count, 3);
  const encoder_settings *encoder = e->encoder.settings;
  ck_assert_int_eq(encoder->embedding, 40);
  const head_settings *head = e->head.settings;
  ck_assert_uint_eq(head->parts.count, 2);
  ck_assert_str_eq(head->parts.values[1], "mean");
  ck_assert_uint_eq(head->hidden.count, 2);
  ck_assert_int_eq(head->hidden.values[1], 20);
  const thaw_stage_config *pretrain = &e->stages[THAW_STAGE_PRETRAIN];
  ck_assert(pretrain->present);
  ck_assert_int_eq(pretrain->kind, THAW_STAGE_PRETRAIN);
  ck_assert_int_eq(pretrain->epochs, 10);
  ck_assert_int_eq(pretrain->optimizer.kind, THAW_OPTIMIZER_SGD);
  ck_assert_double_eq(pretrain->optimizer.lr, 30);
  ck_assert_double_eq(pretrain->optimizer.clip, 0.25);
  ck_assert_uint_eq(pretrain->schedule_count, 1);
  ck_assert_str_eq(pretrain->schedule[0].plugin->descriptor->name, "constant");
  const thaw_stage_config *classify = &e->stages[THAW_STAGE_CLASSIFY];
  ck_assert_str_eq(classify->name, "classify");
  ck_assert(!classify->transfer.none && !classify->transfer.all);
  ck_assert_uint_eq(classify->transfer.group_count, 2);
  ck_assert_str_eq(classify->transfer.groups[1], "rnn.0");
  ck_assert_uint_eq(classify->schedule_count, 2);
  ck_assert_double_eq(*(const double *)classify->schedule[0].settings, 0.2);
  thaw_experiment_free(e);
}
END_TEST

START_TEST(data_sets_are_read) {
  thaw_experiment *e = load(NULL);
  ck_assert_uint_eq(e->dataset_count, 2);
  const thaw_dataset *general = &e->datasets[0], *target = &e->datasets[1];
  ck_assert_str_eq(general->name, "general");
  ck_assert_int_eq(general->common.format, THAW_FORMAT_TEXT);
  ck_assert_ptr_null(general->common.label);
  ck_assert_ptr_null(general->common.path);
  ck_assert_str_eq(general->common.label_cut, "");
  ck_assert_uint_eq(general->train_count, 1);
  ck_assert_ptr_null(general->test);
  ck_assert_int_eq(target->common.format, THAW_FORMAT_CSV);
  ck_assert_str_eq(target->common.text, "question");
  ck_assert_str_eq(target->common.label, "class");
  ck_assert_str_eq(target->common.encoding, "utf-8");
  ck_assert_uint_eq(target->train_count, 2);
  ck_assert_uint_eq(target->unlabelled_count, 0);
  ck_assert_double_eq(target->valid_fraction, 0.1);
  ck_assert_int_eq(target->split_seed, 1);
  ck_assert_ptr_eq(e->stages[THAW_STAGE_CLASSIFY].data, target);
  thaw_experiment_free(e);
}
END_TEST

START_TEST(stages_have_defaults) {
  thaw_experiment *e = load(NULL);
  const thaw_stage_config *pretrain = &e->stages[THAW_STAGE_PRETRAIN];
  const thaw_stage_config *finetune = &e->stages[THAW_STAGE_FINETUNE];
  const thaw_stage_config *classify = &e->stages[THAW_STAGE_CLASSIFY];
  ck_assert_int_eq(e->max_vocab, 30000);
  ck_assert_int_eq(e->threads, 0);
  ck_assert_str_eq(e->description, "");
  ck_assert_int_eq(finetune->epochs, 1);
  ck_assert_int_eq(finetune->batch, 64);
  ck_assert_int_eq(finetune->bptt, 70);
  ck_assert_double_eq(finetune->vary_bptt, 0);
  ck_assert_int_eq(finetune->sampled_softmax, 0);
  ck_assert_int_eq(finetune->seed, 7);
  ck_assert(!finetune->keep_weights);
  ck_assert_int_eq(finetune->optimizer.kind, THAW_OPTIMIZER_ADAM);
  ck_assert_double_eq(finetune->optimizer.lr, 4e-3);
  ck_assert_double_eq(finetune->optimizer.beta1, 0.7);
  ck_assert_double_eq(finetune->optimizer.beta2, 0.99);
  ck_assert_double_eq(finetune->optimizer.epsilon, 1e-8);
  ck_assert_double_eq(finetune->optimizer.weight_decay, 0.01);
  ck_assert_double_eq(classify->optimizer.lr, 1e-2);
  ck_assert_double_eq(pretrain->optimizer.momentum, 0.9);
  ck_assert_uint_eq(finetune->schedule_count, 0);
  ck_assert_int_eq(classify->max_length, 1440);
  ck_assert(pretrain->transfer.none);
  ck_assert_int_eq(pretrain->vocabulary, THAW_VOCABULARY_TARGET);
  ck_assert(finetune->transfer.all);
  ck_assert_int_eq(finetune->vocabulary, THAW_VOCABULARY_BOTH);
  ck_assert(classify->best_epoch);
  ck_assert(!finetune->best_epoch);
  ck_assert(!pretrain->optimizer.nesterov);
  for (int kind = 0; kind < THAW_STAGE_KINDS; kind++) {
    ck_assert_int_eq(e->stages[kind].accumulate, 1);
    ck_assert_int_eq(e->stages[kind].patience, 0);
  }
  ck_assert_double_eq(classify->label_smoothing, 0);
  ck_assert_double_eq(classify->language_model_weight, 0);
  ck_assert_int_eq(classify->class_weights.kind, THAW_CLASS_WEIGHTS_NONE);
  thaw_experiment_free(e);
}
END_TEST

START_TEST(nt_asgd_has_defaults_of_its_own) {
  thaw_experiment *e =
      load_sample("optimizer: {name: sgd, lr: 30, clip: 0.25}", "optimizer: {name: nt_asgd}");
  const thaw_optimizer_config *optimizer = &e->stages[THAW_STAGE_PRETRAIN].optimizer;
  ck_assert_int_eq(optimizer->kind, THAW_OPTIMIZER_NT_ASGD);
  ck_assert_double_eq(optimizer->lr, 30);
  ck_assert_double_eq(optimizer->weight_decay, 1.2e-6);
  ck_assert_double_eq(optimizer->clip, 0.25);
  ck_assert_double_eq(optimizer->momentum, 0);
  ck_assert_int_eq(optimizer->n, 5);
  expect_resolved(e, "stages.pretrain.optimizer",
                  "{name: nt_asgd, lr: 30, n: 5, weight_decay: 1.2e-06, clip: 0.25}");
  thaw_experiment_free(e);
}
END_TEST

START_TEST(patience_keeps_the_best_epoch) {
  thaw_experiment *e =
      load((const char *const[]){"stages.finetune.patience=3", "stages.pretrain.keep=best", NULL});
  ck_assert_int_eq(e->stages[THAW_STAGE_FINETUNE].patience, 3);
  ck_assert(e->stages[THAW_STAGE_FINETUNE].best_epoch);
  ck_assert(e->stages[THAW_STAGE_PRETRAIN].best_epoch);
  expect_resolved(e, "stages.finetune.keep", "best");
  thaw_experiment_free(e);
  e = load((const char *const[]){"stages.classify.patience=3", "stages.classify.keep=last", NULL});
  ck_assert(!e->stages[THAW_STAGE_CLASSIFY].best_epoch);
  thaw_experiment_free(e);
}
END_TEST

START_TEST(class_weights_are_a_word_or_a_mapping) {
  thaw_experiment *e = load((const char *const[]){"stages.classify.class_weights=balanced", NULL});
  ck_assert_int_eq(e->stages[THAW_STAGE_CLASSIFY].class_weights.kind, THAW_CLASS_WEIGHTS_BALANCED);
  expect_resolved(e, "stages.classify.class_weights", "balanced");
  thaw_experiment_free(e);
  e = load((const char *const[]){"stages.classify.class_weights={no: 2, 'a b.c': 0.50}", NULL});
  const thaw_class_weights *weights = &e->stages[THAW_STAGE_CLASSIFY].class_weights;
  ck_assert_int_eq(weights->kind, THAW_CLASS_WEIGHTS_GIVEN);
  ck_assert_uint_eq(weights->count, 2);
  ck_assert_str_eq(weights->names[0], "no");
  ck_assert_double_eq(weights->weights[0], 2);
  ck_assert_str_eq(weights->names[1], "a b.c");
  ck_assert_double_eq(weights->weights[1], 0.5);
  expect_resolved(e, "stages.classify.class_weights", "{no: 2, \"a b.c\": 0.5}");
  thaw_experiment_free(e);
}
END_TEST

START_TEST(without_validation_the_last_epoch_is_kept) {
  thaw_experiment *e = load_sample("    valid_fraction: 0.1\n", NULL);
  ck_assert(!e->stages[THAW_STAGE_CLASSIFY].best_epoch);
  expect_resolved(e, "stages.classify.keep", "last");
  thaw_experiment_free(e);
}
END_TEST

START_TEST(the_name_is_by_default_the_file_s) {
  thaw_experiment *e = load_sample("name: trec6\n", NULL);
  ck_assert_str_eq(e->name, "exp");
  expect_resolved(e, "name", "exp");
  thaw_experiment_free(e);
}
END_TEST

START_TEST(stages_change_settings_of_their_own) {
  thaw_experiment *e = load(NULL);
  const thaw_stage_config *stages = e->stages;
  const encoder_settings *top = e->encoder.settings;
  const encoder_settings *changed = stages[THAW_STAGE_FINETUNE].encoder_settings;
  ck_assert_double_eq(top->hidden_p, 0.15);
  ck_assert_double_eq(changed->hidden_p, 0.2);
  ck_assert_int_eq(changed->hidden, 60);
  ck_assert_ptr_eq(stages[THAW_STAGE_PRETRAIN].encoder_settings, top);
  const head_settings *head = stages[THAW_STAGE_CLASSIFY].head_settings;
  ck_assert_double_eq(head->dropout.values[0], 0);
  ck_assert_double_eq(((const head_settings *)e->head.settings)->dropout.values[0], 0.4);
  ck_assert_ptr_null(stages[THAW_STAGE_FINETUNE].head_settings);
  thaw_experiment_free(e);
}
END_TEST

START_TEST(an_experiment_may_have_no_classifier) {
  thaw_experiment *e = load((const char *const[]){"stages.classify=null", "head=null", NULL});
  ck_assert(!e->stages[THAW_STAGE_CLASSIFY].present);
  ck_assert_ptr_null(e->head.plugin);
  thaw_experiment_free(e);
}
END_TEST

/* ---- Transfer ------------------------------------------------------------------------------- */

static void check_transfer(const char *written, const char *shown, bool none, bool all,
                           size_t groups, const char *from) {
  char to[200];
  snprintf(to, sizeof to, "    transfer: %s\n", written);
  thaw_experiment *e = load_sample("    transfer: [embedding, rnn.0]\n", to);
  const thaw_transfer *transfer = &e->stages[THAW_STAGE_CLASSIFY].transfer;
  ck_assert_msg(transfer->none == none && transfer->all == all && transfer->group_count == groups,
                "%s", written);
  ck_assert_int_eq(!transfer->from, !from);
  if (from) ck_assert_str_eq(strrchr(transfer->from, '/') + 1, from);
  if (shown) expect_resolved(e, "stages.classify.transfer", shown);
  ck_assert_int_eq(e->stages[THAW_STAGE_CLASSIFY].vocabulary,
                   none ? THAW_VOCABULARY_TARGET : THAW_VOCABULARY_BOTH);
  thaw_experiment_free(e);
}

START_TEST(a_transfer_has_several_spellings) {
  write_file("run.h5", "weights");
  check_transfer("none", "none", true, false, 0, NULL);
  check_transfer("all", "all", false, true, 0, NULL);
  check_transfer("embedding", "embedding", false, false, 1, NULL);
  check_transfer("[embedding]", "embedding", false, false, 1, NULL);
  check_transfer("[a, b]", "[a, b]", false, false, 2, NULL);
  check_transfer("{groups: [a, b]}", "[a, b]", false, false, 2, NULL);
  check_transfer("{}", "all", false, true, 0, NULL);
  check_transfer("{from: run.h5}", NULL, false, true, 0, "run.h5");
  check_transfer("{groups: a, from: run.h5, stage: finetune}", NULL, false, false, 1, "run.h5");
  check_transfer("{groups: none, from: run.h5}", "none", true, false, 0, NULL);
}
END_TEST

START_TEST(another_run_can_be_the_source_of_the_first_stage) {
  write_file("run.h5", "weights");
  thaw_experiment *e = load((const char *const[]){"stages.pretrain.transfer.from=run.h5",
                                                  "stages.pretrain.transfer.stage=pretrain",
                                                  "stages.pretrain.vocabulary=source", NULL});
  const thaw_stage_config *pretrain = &e->stages[THAW_STAGE_PRETRAIN];
  ck_assert(pretrain->transfer.all);
  ck_assert_str_eq(pretrain->transfer.stage, "pretrain");
  ck_assert_int_eq(pretrain->vocabulary, THAW_VOCABULARY_SOURCE);
  ck_assert_int_eq(pretrain->transfer.from[0], '/');
  thaw_experiment_free(e);
}
END_TEST

/* ---- Formats -------------------------------------------------------------------------------- */

START_TEST(folders_and_labelled_files_have_labels) {
  ck_assert_int_eq(mkdir("classes", 0777), 0);
  ck_assert_int_eq(mkdir("classes/pos", 0777), 0);
  thaw_experiment *e = load((const char *const[]){"data.folders={format: folder, train: classes/}",
                                                  "stages.classify.data=folders", NULL});
  const thaw_dataset *set = e->stages[THAW_STAGE_CLASSIFY].data;
  ck_assert_int_eq(set->common.format, THAW_FORMAT_FOLDER);
  ck_assert_str_eq(strrchr(set->train[0], '/'), "/classes");
  thaw_experiment_free(e);
  e = load((const char *const[]){
      "data.lines={format: labelled, train: general.txt, label_cut: ':', encoding: latin1}",
      "stages.classify.data=lines", "stages.classify.keep=last", NULL});
  set = e->stages[THAW_STAGE_CLASSIFY].data;
  ck_assert_str_eq(set->common.label_cut, ":");
  ck_assert_str_eq(set->common.label_prefix, "");
  thaw_experiment_free(e);
}
END_TEST

/* ---- Paths ---------------------------------------------------------------------------------- */

static void expect_same_file(const char *path, const char *expected) {
  struct stat a, b;
  ck_assert_int_eq(path[0], '/');
  ck_assert_msg(stat(path, &a) == 0, "%s", path);
  ck_assert_int_eq(stat(expected, &b), 0);
  ck_assert_msg(a.st_ino == b.st_ino, "%s is not %s", path, expected);
}

START_TEST(paths_are_seen_from_the_file_that_names_them) {
  ck_assert_int_eq(mkdir("base", 0777), 0);
  ck_assert_int_eq(mkdir("base/data", 0777), 0);
  ck_assert_int_eq(mkdir("child", 0777), 0);
  write_file("base/data/b.csv", "question,class\nx,y\n");
  write_file("child/c.csv", "question,class\nx,y\n");
  write_file("base/base.yaml",
             "data: {target: {format: csv, text: question, label: class, train: data/b.csv,\n"
             "                test: ./data/../data/b.csv, unlabelled: [data/b.csv]}}\n"
             "tokenizer: {plugin: test_words}\nencoder: {plugin: test_rnn}\n"
             "head: {plugin: test_max}\nstages: {classify: {data: target}}\n");
  write_file("child/exp.yaml", "extends: ../base/base.yaml\ndata: {target: {valid: c.csv}}\n");
  thaw_experiment *e;
  const char *const sets[] = {"data.target.test=test.csv"};
  const thaw_status status = thaw_experiment_load(ctx, "child/exp.yaml", 1, sets, registry, &e);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
  const thaw_dataset *target = &e->datasets[0];
  expect_same_file(target->train[0], "base/data/b.csv");
  expect_same_file(target->unlabelled[0], "base/data/b.csv");
  expect_same_file(target->valid, "child/c.csv");
  expect_same_file(target->test, "test.csv");
  ck_assert_ptr_null(strstr(target->train[0], ".."));
  expect_resolved(e, "data.target.train", target->train[0]);
  thaw_experiment_free(e);
}
END_TEST

START_TEST(a_plugin_can_be_named_by_its_path) {
  char command[9000];
  snprintf(command, sizeof command, "mkdir own; cp '%s/tests/config/.libs/plugin_max.so' own/my.so",
           getenv("THAW_BUILD"));
  ck_assert_int_eq(system(command), 0);
  write_file("own/base.yaml", "head: {plugin: ./my.so}\n");
  char text[4000];
  snprintf(text, sizeof text, "extends: own/base.yaml\n%s", sample);
  char *head = strstr(text, "head: {plugin: test_concat, parts: [max, mean]");
  memset(head, '#', 1);
  write_file("exp.yaml", text);
  thaw_experiment *e = load(NULL);
  ck_assert_str_eq(e->head.plugin->descriptor->name, "test_max");
  expect_same_file(resolved(e, "head.plugin"), "own/my.so");
  thaw_experiment_free(e);
}
END_TEST

/* ---- Extends and overrides ------------------------------------------------------------------ */

START_TEST(configs_inherit) {
  ck_assert_int_eq(rename("exp.yaml", "base.yaml"), 0);
  write_file("middle.yaml",
             "extends: base.yaml\n"
             "stages: {pretrain: {epochs: 3}, classify: {schedule: []}}\n");
  write_file("exp.yaml",
             "extends: middle.yaml\n"
             "seed: 9\n"
             "data: {target: {train: train.csv}}\n"
             "stages: {pretrain: {batch: 5}, finetune: null}\n");
  thaw_experiment *e = load(NULL);
  ck_assert_str_eq(e->name, "trec6");
  ck_assert_int_eq(e->seed, 9);
  ck_assert_uint_eq(e->datasets[1].train_count, 1);
  ck_assert_str_eq(e->datasets[1].common.label, "class");
  ck_assert_int_eq(e->stages[THAW_STAGE_PRETRAIN].epochs, 3);
  ck_assert_int_eq(e->stages[THAW_STAGE_PRETRAIN].batch, 5);
  ck_assert(!e->stages[THAW_STAGE_FINETUNE].present);
  ck_assert_uint_eq(e->stages[THAW_STAGE_CLASSIFY].schedule_count, 0);
  expect_resolved(e, "extends", "(not there)");
  thaw_experiment_free(e);
}
END_TEST

START_TEST(overrides_are_applied_in_order) {
  thaw_experiment *e = load((const char *const[]){
      "seed=3", "seed=4", "stages.classify.transfer=none", "description=a = b",
      "stages.classify.schedule.1.factor=3", "stages.classify.head={dropout: [0.5]}",
      "stages.classify.optimizer={lr: 1e-1}", "data.target.train=train.csv", "name='null'",
      "stages.classify.keep=null", NULL});
  ck_assert_int_eq(e->seed, 4);
  ck_assert_str_eq(e->name, "null");
  ck_assert_str_eq(e->description, "a = b");
  expect_resolved(e, "name", "\"null\"");
  const thaw_stage_config *classify = &e->stages[THAW_STAGE_CLASSIFY];
  ck_assert(classify->transfer.none);
  ck_assert_double_eq(*(const double *)classify->schedule[1].settings, 3);
  expect_resolved(e, "stages.classify.schedule.0.cut_frac", "0.2");
  expect_resolved(e, "stages.classify.head.dropout", "[0.5]");
  expect_resolved(e, "stages.classify.optimizer.lr", "0.1");
  thaw_experiment_free(e);
  e = load(
      (const char *const[]){"description=", "stages.classify.transfer={groups: [rnn.0]}", NULL});
  ck_assert_str_eq(e->description, "");
  expect_resolved(e, "stages.classify.transfer", "rnn.0");
  thaw_experiment_free(e);
}
END_TEST

START_TEST(another_plugin_drops_what_it_does_not_know) {
  thaw_experiment *e = load((const char *const[]){
      "head.plugin=test_max", "stages.classify.head.parts=[max]", "head.plugin=test_concat", NULL});
  ck_assert_str_eq(e->head.plugin->descriptor->name, "test_concat");
  thaw_experiment_free(e);
  e = load((const char *const[]){"head.plugin=test_max", NULL});
  ck_assert_str_eq(e->head.plugin->descriptor->name, "test_max");
  expect_resolved(e, "head", "{plugin: test_max, hidden: [50, 20], dropout: [0.4, 0.1]}");
  thaw_experiment_free(e);
}
END_TEST

START_TEST(another_plugin_drops_what_stages_say_about_the_old_one) {
  write_sample("    head: {dropout: [0, 0]}\n", "    head: {parts: [max]}\n");
  thaw_experiment *e = load((const char *const[]){"head.plugin=test_max", NULL});
  expect_resolved(e, "stages.classify.head", "(not there)");
  thaw_experiment_free(e);
}
END_TEST

START_TEST(another_format_or_optimizer_drops_keys_too) {
  thaw_experiment *e = load((const char *const[]){"data.target.format=labelled",
                                                  "stages.pretrain.optimizer.name=adam",
                                                  "stages.pretrain.optimizer.beta1=0.8", NULL});
  ck_assert_ptr_null(e->datasets[1].common.label);
  expect_resolved(e, "data.target.text", "(not there)");
  ck_assert_double_eq(e->stages[THAW_STAGE_PRETRAIN].optimizer.lr, 30);
  thaw_experiment_free(e);
}
END_TEST

START_TEST(a_file_is_kept_as_written) {
  char text[4000];
  snprintf(text, sizeof text, "# mine\n%s# end", sample);
  write_file("exp.yaml", text);
  thaw_experiment *e = load((const char *const[]){"seed=3", "description='a\nb'", NULL});
  char expected[5000];
  snprintf(expected, sizeof expected, "%s\n# --set seed=3\n# --set description='a\n# b'\n", text);
  ck_assert_str_eq(e->written, expected);
  thaw_experiment_free(e);
}
END_TEST

START_TEST(a_sweep_is_loaded_when_overrides_pick_a_point) {
  char text[4000];
  snprintf(text, sizeof text, "%ssweep:\n  head.plugin: [test_concat, test_max]\n  seed: [1, 2]\n",
           sample);
  write_file("exp.yaml", text);
  thaw_experiment *e = load((const char *const[]){"head.plugin=test_max", "seed=2", NULL});
  ck_assert_int_eq(e->seed, 2);
  expect_resolved(e, "sweep", "(not there)");
  thaw_experiment_free(e);
  e = load((const char *const[]){"head={plugin: test_max}", "sweep.seed=null", NULL});
  ck_assert_int_eq(e->seed, 7);
  thaw_experiment_free(e);
  thaw_experiment_free(load((const char *const[]){"sweep=null", NULL}));
  expect_load_error((const char *const[]){"seed=1", NULL},
                    "exp.yaml:28:1: this is a sweep, for 'thaw sweep'; one run needs a --set "
                    "KEY=VALUE for each of: head.plugin");
  expect_load_error(NULL,
                    "exp.yaml:28:1: this is a sweep, for 'thaw sweep'; one run needs a --set "
                    "KEY=VALUE for each of: head.plugin, seed");
}
END_TEST

/* ---- The resolved tree ---------------------------------------------------------------------- */

static const char whole[] =
    "name: trec6\n"
    "description: \"\"\n"
    "seed: 7\n"
    "threads: 0\n"
    "data:\n"
    "  general:\n"
    "    format: text\n"
    "    train: @/general.txt\n"
    "    valid: @/general.txt\n"
    "    encoding: utf-8\n"
    "    whole: false\n"
    "    valid_fraction: 0\n"
    "    split_seed: 1\n"
    "    labels: 0\n"
    "  target:\n"
    "    format: csv\n"
    "    train: [@/train.csv, @/more.csv]\n"
    "    test: @/test.csv\n"
    "    text: question\n"
    "    label: class\n"
    "    encoding: utf-8\n"
    "    valid_fraction: 0.1\n"
    "    split_seed: 1\n"
    "    labels: 0\n"
    "tokenizer:\n"
    "  plugin: test_words\n"
    "  min_count: 3\n"
    "  max_vocab: 30000\n"
    "  lower: true\n"
    "  extra: \"\"\n"
    "encoder:\n"
    "  plugin: test_rnn\n"
    "  embedding: 40\n"
    "  hidden: 60\n"
    "  hidden_p: 0.15\n"
    "head:\n"
    "  plugin: test_concat\n"
    "  parts: [max, mean]\n"
    "  layers: [last]\n"
    "  hidden: [50, 20]\n"
    "  dropout: [0.4, 0.1]\n"
    "stages:\n"
    "  pretrain:\n"
    "    data: general\n"
    "    epochs: 10\n"
    "    batch: 64\n"
    "    accumulate: 1\n"
    "    bptt: 70\n"
    "    vary_bptt: 0\n"
    "    sampled_softmax: 0\n"
    "    keep: last\n"
    "    patience: 0\n"
    "    seed: 7\n"
    "    optimizer:\n"
    "      name: sgd\n"
    "      lr: 30\n"
    "      momentum: 0.9\n"
    "      nesterov: false\n"
    "      weight_decay: 0.01\n"
    "      clip: 0.25\n"
    "    schedule:\n"
    "      - plugin: constant\n"
    "        factor: 1\n"
    "    transfer: none\n"
    "    vocabulary: target\n"
    "    keep_weights: false\n"
    "  finetune:\n"
    "    data: target\n"
    "    epochs: 1\n"
    "    batch: 64\n"
    "    accumulate: 1\n"
    "    bptt: 70\n"
    "    vary_bptt: 0\n"
    "    sampled_softmax: 0\n"
    "    keep: last\n"
    "    patience: 0\n"
    "    seed: 7\n"
    "    optimizer:\n"
    "      name: adam\n"
    "      lr: 0.004\n"
    "      beta1: 0.7\n"
    "      beta2: 0.99\n"
    "      epsilon: 1e-08\n"
    "      weight_decay: 0.01\n"
    "      clip: 0\n"
    "    schedule: []\n"
    "    transfer: all\n"
    "    vocabulary: both\n"
    "    encoder:\n"
    "      hidden_p: 0.2\n"
    "    keep_weights: false\n"
    "  classify:\n"
    "    data: target\n"
    "    epochs: 4\n"
    "    batch: 64\n"
    "    accumulate: 1\n"
    "    max_length: 1440\n"
    "    keep: best\n"
    "    patience: 0\n"
    "    label_smoothing: 0\n"
    "    class_weights: none\n"
    "    language_model_weight: 0\n"
    "    seed: 7\n"
    "    optimizer:\n"
    "      name: adam\n"
    "      lr: 0.01\n"
    "      beta1: 0.7\n"
    "      beta2: 0.99\n"
    "      epsilon: 1e-08\n"
    "      weight_decay: 0.01\n"
    "      clip: 0\n"
    "    schedule:\n"
    "      - plugin: stlr\n"
    "        cut_frac: 0.2\n"
    "        ratio: 32\n"
    "      - plugin: discriminative\n"
    "        factor: 2.6\n"
    "    transfer: [embedding, rnn.0]\n"
    "    vocabulary: both\n"
    "    head:\n"
    "      dropout: [0, 0]\n"
    "    keep_weights: false\n";

static void write_resolved(const thaw_experiment *e, bool sorted, thaw_buffer *out) {
  thaw_buffer_clear(out);
  ck_assert_int_eq(thaw_node_write(ctx, e->resolved, sorted, out), THAW_OK);
}

START_TEST(the_resolved_tree_is_complete_and_loads_back) {
  thaw_buffer text = {0}, again = {0}, expected = {0};
  thaw_experiment *e = load(NULL);
  write_resolved(e, false, &text);
  for (const char *c = whole; *c; c++) {
    if (*c == '@') {
      thaw_buffer_text(&expected, folder);
    } else {
      thaw_buffer_append(&expected, c, 1);
    }
  }
  ck_assert_str_eq(text.data, expected.data);
  thaw_experiment_free(e);
  /* From elsewhere, and without the data. */
  ck_assert_int_eq(system("rm *.csv *.txt *.yaml"), 0);
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert_int_eq(thaw_experiment_restore(ctx, "run.h5", text.data, registry, &e), THAW_OK);
  write_resolved(e, false, &again);
  ck_assert_str_eq(again.data, text.data);
  ck_assert_str_eq(e->path, "run.h5");
  ck_assert_str_eq(e->name, "trec6");
  ck_assert_double_eq(e->stages[THAW_STAGE_PRETRAIN].optimizer.lr, 30);
  ck_assert_str_eq(e->datasets[1].train[1] + strlen(e->datasets[1].train[1]) - 9, "/more.csv");
  thaw_experiment_free(e);
  thaw_buffer_free(&text);
  thaw_buffer_free(&again);
  thaw_buffer_free(&expected);
}
END_TEST

START_TEST(a_transfer_from_a_run_is_restored) {
  write_file("run.h5", "weights");
  thaw_experiment *e = load((const char *const[]){
      "stages.classify.transfer={from: run.h5, groups: [a, b], stage: finetune}",
      "description=\"two\\nlines: \\u2028 ä\"", NULL});
  thaw_buffer text = {0}, again = {0};
  write_resolved(e, true, &text);
  thaw_experiment_free(e);
  ck_assert_int_eq(unlink("run.h5"), 0);
  ck_assert_int_eq(thaw_experiment_restore(ctx, "run.h5", text.data, registry, &e), THAW_OK);
  write_resolved(e, true, &again);
  ck_assert_str_eq(again.data, text.data);
  ck_assert_str_eq(e->description, "two\nlines: \xe2\x80\xa8 ä");
  ck_assert_str_eq(e->stages[THAW_STAGE_CLASSIFY].transfer.stage, "finetune");
  thaw_experiment_free(e);
  thaw_buffer_free(&text);
  thaw_buffer_free(&again);
}
END_TEST

START_TEST(a_bad_run_file_names_itself) {
  thaw_experiment *e;
  ck_assert_int_eq(thaw_experiment_restore(ctx, "run.h5", "[a]", registry, &e), THAW_INVALID);
  expect_message("run.h5: the config in it is no mapping");
  ck_assert_int_eq(thaw_experiment_restore(ctx, "run.h5", "a: b", registry, &e), THAW_INVALID);
  ck_assert_msg(strncmp(thaw_error(ctx), "run.h5:1:1: unknown key 'a'", 27) == 0, "%s",
                thaw_error(ctx));
  ck_assert_int_eq(thaw_experiment_restore(ctx, "run.h5", "", registry, &e), THAW_INVALID);
  expect_message("run.h5: there is nothing in it");
}
END_TEST

static void part_of(const thaw_experiment *e, const char *part, thaw_buffer *out) {
  thaw_buffer_clear(out);
  ck_assert_int_eq(thaw_experiment_part(ctx, e, part, out), THAW_OK);
}

START_TEST(equal_settings_have_equal_parts) {
  thaw_buffer a = {0}, b = {0};
  thaw_experiment *e = load(NULL);
  part_of(e, "stages.pretrain", &a);
  ck_assert_int_eq(strncmp(a.data, "accumulate: 1\nbatch: 64\nbptt: 70\ndata: general\n", 47), 0);
  thaw_experiment_free(e);
  e = load_sample("    optimizer: {name: sgd, lr: 30, clip: 0.25}\n",
                  "    optimizer: {clip: 2.5e-1, weight_decay: '0.01', lr: 3e1, name: \"sgd\"}\n");
  part_of(e, "stages.pretrain", &b);
  ck_assert_str_eq(a.data, b.data);
  part_of(e, "nothing.here", &b);
  ck_assert_uint_eq(b.size, 0);
  part_of(e, "encoder", &b);
  ck_assert_str_eq(b.data, "embedding: 40\nhidden: 60\nhidden_p: 0.15\nplugin: test_rnn\n");
  thaw_experiment_free(e);
  thaw_buffer_free(&a);
  thaw_buffer_free(&b);
}
END_TEST

START_TEST(later_failures_know_where_a_value_was_written) {
  thaw_experiment *e = load((const char *const[]){"stages.classify.epochs=5", NULL});
  const struct {
    const char *key, *message;
  } cases[] = {
      {"stages.pretrain.epochs", "exp.yaml:18:13: stages.pretrain.epochs: 1 odd"},
      {"stages.pretrain.batch", "exp.yaml:16:3: stages.pretrain.batch: 1 odd"},
      {"stages.classify.epochs", "--set: stages.classify.epochs: 1 odd"},
      {"stages.classify.optimizer.lr", "exp.yaml:22:3: stages.classify.optimizer.lr: 1 odd"},
      {"stages.classify.schedule.1.factor",
       "exp.yaml:26:47: stages.classify.schedule.1.factor: 1 odd"},
      {"stages.classify.transfer.1", "exp.yaml:25:27: stages.classify.transfer.1: 1 odd"},
      {"data.target.nothing.here", "exp.yaml:5:3: data.target.nothing.here: 1 odd"},
      {"encoder.hidden", "exp.yaml:13:52: encoder.hidden: 1 odd"},
      {"encoder.hidden_p", "exp.yaml:13:1: encoder.hidden_p: 1 odd"},
      {"threads", "exp.yaml: threads: 1 odd"},
      {"nothing", "exp.yaml: nothing: 1 odd"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ck_assert_int_eq(thaw_experiment_fail(ctx, e, cases[i].key, "%d odd", 1), THAW_INVALID);
    expect_message(cases[i].message);
  }
  thaw_experiment_free(e);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("experiment");
  TCase *tests = tcase_create("experiment");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, everything_written_is_read);
  tcase_add_test(tests, data_sets_are_read);
  tcase_add_test(tests, stages_have_defaults);
  tcase_add_test(tests, nt_asgd_has_defaults_of_its_own);
  tcase_add_test(tests, patience_keeps_the_best_epoch);
  tcase_add_test(tests, class_weights_are_a_word_or_a_mapping);
  tcase_add_test(tests, without_validation_the_last_epoch_is_kept);
  tcase_add_test(tests, the_name_is_by_default_the_file_s);
  tcase_add_test(tests, stages_change_settings_of_their_own);
  tcase_add_test(tests, an_experiment_may_have_no_classifier);
  tcase_add_test(tests, a_transfer_has_several_spellings);
  tcase_add_test(tests, another_run_can_be_the_source_of_the_first_stage);
  tcase_add_test(tests, folders_and_labelled_files_have_labels);
  tcase_add_test(tests, paths_are_seen_from_the_file_that_names_them);
  tcase_add_test(tests, a_plugin_can_be_named_by_its_path);
  tcase_add_test(tests, configs_inherit);
  tcase_add_test(tests, overrides_are_applied_in_order);
  tcase_add_test(tests, another_plugin_drops_what_it_does_not_know);
  tcase_add_test(tests, another_plugin_drops_what_stages_say_about_the_old_one);
  tcase_add_test(tests, another_format_or_optimizer_drops_keys_too);
  tcase_add_test(tests, a_file_is_kept_as_written);
  tcase_add_test(tests, a_sweep_is_loaded_when_overrides_pick_a_point);
  tcase_add_test(tests, the_resolved_tree_is_complete_and_loads_back);
  tcase_add_test(tests, a_transfer_from_a_run_is_restored);
  tcase_add_test(tests, a_bad_run_file_names_itself);
  tcase_add_test(tests, equal_settings_have_equal_parts);
  tcase_add_test(tests, later_failures_know_where_a_value_was_written);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
