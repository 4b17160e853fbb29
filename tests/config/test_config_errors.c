/* Everything that a config can have wrong: each message in full. Line and column of the sample are
 * those of its text in sample.c. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sample.h"

/* ---- Keys ----------------------------------------------------------------------------------- */

START_TEST(unknown_keys_are_named_at_every_level) {
  expect_error("seed: 7", "sede: 7", "exp.yaml:2:1: unknown key 'sede' (did you mean 'seed'?)");
  expect_error("seed: 7", "zzz: 7",
               "exp.yaml:2:1: unknown key 'zzz'; there are: name, description, extends, seed, "
               "threads, data, tokenizer, encoder, head, stages, sweep, slurm");
  expect_error("    label: class\n", "    lable: class\n",
               "exp.yaml:10:5: unknown key 'lable' in data.target (did you mean 'label'?)");
  expect_error("min_count", "min_cuont",
               "exp.yaml:12:33: unknown key 'min_cuont' in tokenizer, whose plugin is test_words "
               "(did you mean 'min_count'?)");
  expect_error("embedding: 40", "embeding: 40",
               "exp.yaml:13:29: unknown key 'embeding' in encoder, whose plugin is test_rnn (did "
               "you mean 'embedding'?)");
  expect_error("parts: [max, mean]", "zzz: [max, mean]",
               "exp.yaml:14:29: unknown key 'zzz' in head, whose plugin is test_concat; there are: "
               "plugin, parts, layers, hidden, dropout");
  expect_error("  pretrain:", "  pre_train:",
               "exp.yaml:16:3: unknown key 'pre_train' in stages (did you mean 'pretrain'?)");
  expect_error("    epochs: 10", "    epoch: 10",
               "exp.yaml:18:5: unknown key 'epoch' in stages.pretrain (did you mean 'epochs'?)");
  expect_error(
      "lr: 30", "rl: 30",
      "exp.yaml:19:28: unknown key 'rl' in stages.pretrain.optimizer (did you mean 'lr'?)");
  expect_error("cut_frac: 0.2", "cutfrac: 0.2",
               "exp.yaml:26:31: unknown key 'cutfrac' in stages.classify.schedule.0, whose plugin "
               "is stlr (did you mean 'cut_frac'?)");
  expect_error("transfer: [embedding, rnn.0]", "transfer: {group: all}",
               "exp.yaml:25:16: unknown key 'group' in stages.classify.transfer (did you mean "
               "'groups'?)");
  expect_error("hidden_p: 0.2", "hiden_p: 0.2",
               "exp.yaml:21:38: unknown key 'hiden_p' in stages.finetune.encoder, whose plugin is "
               "test_rnn (did you mean 'hidden_p'?)");
  expect_set_error("stages.classify.epoch=3",
                   "--set: unknown key 'epoch' in stages.classify (did you mean 'epochs'?)");
}
END_TEST

START_TEST(keys_out_of_place_say_where_they_belong) {
  expect_error("    epochs: 4", "    bptt: 4",
               "exp.yaml:24:5: 'bptt' has no meaning in stages.classify; it belongs to "
               "stages.pretrain or stages.finetune");
  expect_error("    epochs: 4", "    sampled_softmax: 4",
               "exp.yaml:24:5: 'sampled_softmax' has no meaning in stages.classify; it belongs to "
               "stages.pretrain or stages.finetune");
  expect_error("    epochs: 10", "    max_length: 10",
               "exp.yaml:18:5: 'max_length' has no meaning in stages.pretrain; it belongs to "
               "stages.classify");
  expect_error("    epochs: 10", "    gradient_length: 10",
               "exp.yaml:18:5: 'gradient_length' has no meaning in stages.pretrain; it belongs to "
               "stages.classify");
  expect_error("encoder: {hidden_p: 0.2}", "head: {dropout: [0]}",
               "exp.yaml:21:28: 'head' has no meaning in stages.finetune; it belongs to "
               "stages.classify");
  expect_error(
      "clip: 0.25", "beta1: 0.25",
      "exp.yaml:19:36: 'beta1' has no meaning in stages.pretrain.optimizer with name: sgd; "
      "it belongs to name: adam");
  expect_error(
      "valid: general.txt", "label: x",
      "exp.yaml:4:47: 'label' has no meaning in data.general with format: text; it belongs "
      "to format: csv or format: tsv or format: jsonl");
  expect_error("{hidden_p: 0.2}", "{hidden: 30}",
               "exp.yaml:21:38: 'hidden' in stages.finetune.encoder cannot differ between stages; "
               "it belongs to the section encoder");
}
END_TEST

START_TEST(missing_keys_are_named) {
  expect_error(
      "    format: csv\n", NULL,
      "exp.yaml:5:3: data.target: the key 'format' is missing (how the files are written)");
  expect_error("    train: [train.csv, more.csv]\n", NULL,
               "exp.yaml:5:3: data.target: the key 'train' is missing (the file, or files, of "
               "training documents)");
  expect_error(
      "    data: general\n", NULL,
      "exp.yaml:16:3: stages.pretrain: the key 'data' is missing (the name of a data set)");
  expect_error("encoder: {plugin: test_rnn, embedding: 40, hidden: 60}\n", NULL,
               "exp.yaml: the key 'encoder' is missing (the plugin that turns pieces into hidden "
               "states)");
  expect_error("tokenizer: {plugin: test_words, min_count: 3}\n", NULL,
               "exp.yaml: the key 'tokenizer' is missing (the plugin that cuts text into pieces)");
  expect_error("plugin: test_words, ", NULL,
               "exp.yaml:12:1: tokenizer: the key 'plugin' is missing (the name of a tokenizer "
               "plugin)");
  expect_error(
      "{plugin: constant}", "{factor: 2}",
      "exp.yaml:20:16: stages.pretrain.schedule.0: the key 'plugin' is missing (the name of "
      "a schedule plugin)");
  expect_error(
      "head: {plugin", "#head: {plugin",
      "exp.yaml:22:3: stages.classify: a classifier needs a head: the key 'head' is missing "
      "at the top");
  expect_set_error("data=null", "exp.yaml: the key 'data' is missing (data sets by name)");
  expect_set_error("stages=null",
                   "exp.yaml: the key 'stages' is missing (what is trained: pretrain, finetune, "
                   "classify)");
  write_sample("  pretrain:", "  pretrain:");
  expect_load_error((const char *const[]){"stages.pretrain=null", "stages.finetune=null",
                                          "stages.classify=null", NULL},
                    "exp.yaml:15:1: stages: no stage is given; there are: pretrain, finetune, "
                    "classify");
}
END_TEST

/* ---- Values --------------------------------------------------------------------------------- */

START_TEST(values_of_a_wrong_type_are_refused) {
  expect_error("seed: 7", "seed: seven",
               "exp.yaml:2:7: seed: expected a whole number, found 'seven'");
  expect_error("epochs: 10", "epochs: 1.5",
               "exp.yaml:18:13: stages.pretrain.epochs: expected a whole number, found '1.5'");
  expect_error(
      "epochs: 10", "epochs: [1, 2]",
      "exp.yaml:18:13: stages.pretrain.epochs: expected one value, found a list of 2; for a "
      "run with each of them write sweep: {stages.pretrain.epochs: [1, 2]}");
  expect_error("epochs: 10", "epochs: {a: 1}",
               "exp.yaml:18:13: stages.pretrain.epochs: expected one value, found a mapping");
  expect_error("epochs: 10",
               "epochs:", "exp.yaml:18:12: epochs: has no value (null takes the default)");
  expect_error("epochs: 10", "keep_weights: yes",
               "exp.yaml:18:19: stages.pretrain.keep_weights: expected true or false, found 'yes'");
  expect_error("lr: 30", "lr: fast",
               "exp.yaml:19:32: stages.pretrain.optimizer.lr: expected a number, found 'fast'");
  expect_error("name: sgd", "name: agd",
               "exp.yaml:19:23: stages.pretrain.optimizer.name: expected sgd, adam or nt_asgd, "
               "found 'agd' (did you mean 'sgd'?)");
  expect_error(
      "name: sgd", "name: [sgd]",
      "exp.yaml:19:23: stages.pretrain.optimizer.name: expected one value, found a list of "
      "1");
  expect_error("format: csv", "format: cvs",
               "exp.yaml:6:13: data.target.format: expected text, csv, tsv, jsonl, folder or "
               "labelled, found 'cvs' (did you mean 'csv'?)");
  expect_error("hidden: [50, 20]", "hidden: [50, [20]]",
               "exp.yaml:14:62: head.hidden: expected one value, found a list in a list");
  expect_error("hidden: [50, 20]", "hidden: [50, null]",
               "exp.yaml:14:62: head.hidden: expected one value, found null");
  expect_error("hidden: [50, 20]", "hidden: [50, x]",
               "exp.yaml:14:57: head.hidden: expected a whole number, found 'x'");
  expect_error("parts: [max, mean]", "parts: [max, maen]",
               "exp.yaml:14:36: head.parts: expected last, max or mean, found 'maen' (did you mean "
               "'mean'?)");
}
END_TEST

START_TEST(sections_of_a_wrong_type_are_refused) {
  expect_error("    optimizer: {name: sgd, lr: 30, clip: 0.25}", "    optimizer: sgd",
               "exp.yaml:19:16: stages.pretrain.optimizer: expected keys with values, found 'sgd'");
  expect_error("{data: target, encoder: {hidden_p: 0.2}}", "[target]",
               "exp.yaml:21:13: stages.finetune: expected keys with values, found a list");
  expect_error("tokenizer: {plugin: test_words, min_count: 3}", "tokenizer: test_words",
               "exp.yaml:12:12: tokenizer: expected keys with values, found 'test_words'");
  expect_error("schedule: [{plugin: constant}]", "schedule: constant",
               "exp.yaml:20:15: stages.pretrain.schedule: expected a list of plugins: [{plugin: "
               "NAME}, …]");
  expect_error("schedule: [{plugin: constant}]", "schedule: [constant]",
               "exp.yaml:20:16: stages.pretrain.schedule.0: expected keys with values, found "
               "'constant'");
  expect_error("general: {format: text, train: general.txt, valid: general.txt}",
               "general: general.txt",
               "exp.yaml:4:12: data.general: expected keys with values, found 'general.txt'");
  expect_set_error("data=[a]", "--set: data: expected keys with values, found a list");
  expect_set_error("stages=3", "--set: stages: expected keys with values, found '3'");
  expect_set_error("sweep=3", "--set: sweep: expected keys with lists of values, found one value");
}
END_TEST

START_TEST(values_out_of_range_are_refused) {
  expect_error("seed: 7", "seed: -1",
               "exp.yaml:2:7: seed: -1 is out of range: expected at least 0");
  expect_error("    epochs: 4", "    chunk: 0",
               "exp.yaml:24:12: stages.classify.chunk: 0 is out of range: expected 1 to 1000000000 "
               "tokens");
  expect_error("    epochs: 4", "    gradient_length: all",
               "exp.yaml:24:22: stages.classify.gradient_length: expected a whole number, found "
               "'all'");
  expect_error("epochs: 10", "epochs: 0",
               "exp.yaml:18:13: stages.pretrain.epochs: 0 is out of range: expected 1 to 1000000 "
               "epochs");
  expect_error("epochs: 10", "sampled_softmax: -1",
               "exp.yaml:18:22: stages.pretrain.sampled_softmax: -1 is out of range: expected 0 to "
               "2000000000 words");
  expect_error("epochs: 10", "epochs: 99999999999999999999",
               "exp.yaml:18:13: stages.pretrain.epochs: expected a whole number, found "
               "'99999999999999999999'");
  expect_error(
      "valid_fraction: 0.1", "valid_fraction: 0.95",
      "exp.yaml:11:21: data.target.valid_fraction: 0.95 is out of range: expected 0 to 0.9");
  expect_error("lr: 30", "lr: 0",
               "exp.yaml:19:32: stages.pretrain.optimizer.lr: 0 is out of range: expected 1e-12 to "
               "1000000");
  expect_error("cut_frac: 0.2", "cut_frac: 2",
               "exp.yaml:26:41: stages.classify.schedule.0.cut_frac: 2 is out of range: expected 0 "
               "to 1");
  expect_error(
      "dropout: [0, 0]", "dropout: [0, 1]",
      "exp.yaml:27:21: stages.classify.head.dropout: 1 is out of range: expected 0 to 0.95");
}
END_TEST

START_TEST(what_training_cannot_do_is_refused) {
  expect_error("epochs: 10", "patience: -1",
               "exp.yaml:18:15: stages.pretrain.patience: -1 is out of range: expected 0 to "
               "1000000 epochs");
  expect_error("epochs: 10", "accumulate: 0",
               "exp.yaml:18:17: stages.pretrain.accumulate: 0 is out of range: expected 1 to "
               "1000000 batches");
  expect_error("epochs: 4", "label_smoothing: 1.5",
               "exp.yaml:24:22: stages.classify.label_smoothing: 1.5 is out of range: expected 0 "
               "to 1");
  expect_error("epochs: 4", "language_model_weight: -0.5",
               "exp.yaml:24:28: stages.classify.language_model_weight: -0.5 is out of range: "
               "expected 0 to 1000");
  expect_error("epochs: 10", "label_smoothing: 0.1",
               "exp.yaml:18:5: 'label_smoothing' has no meaning in stages.pretrain; it belongs to "
               "stages.classify");
  expect_error("lr: 30", "momentum: 0, nesterov: true",
               "exp.yaml:19:51: stages.pretrain.optimizer.nesterov: needs a momentum above 0");
  expect_error("name: sgd", "nesterov: true",
               "exp.yaml:19:17: 'nesterov' has no meaning in stages.pretrain.optimizer with name: "
               "adam; it belongs to name: sgd");
  expect_error("name: sgd, lr: 30", "name: nt_asgd, n: 0",
               "exp.yaml:19:35: stages.pretrain.optimizer.n: 0 is out of range: expected 1 to "
               "1000000 epochs");
}
END_TEST

START_TEST(bad_class_weights_are_refused) {
  expect_error("epochs: 4", "class_weights: ballanced",
               "exp.yaml:24:20: stages.classify.class_weights: expected none or balanced, found "
               "'ballanced' (did you mean 'balanced'?)");
  expect_error("epochs: 4", "class_weights: [1, 2]",
               "exp.yaml:24:20: stages.classify.class_weights: expected one value, found a list of "
               "2");
  expect_error("epochs: 4", "class_weights: {a: 2, b: 0}",
               "exp.yaml:24:30: stages.classify.class_weights.b: 0 is out of range: expected 1e-06 "
               "to 1000000");
  expect_error("epochs: 4", "class_weights: {a: many}",
               "exp.yaml:24:24: stages.classify.class_weights.a: expected a number, found 'many'");
  expect_error("epochs: 4", "class_weights: {a: {b: 1}}",
               "exp.yaml:24:24: stages.classify.class_weights.a: expected one value, found a "
               "mapping");
}
END_TEST

START_TEST(texts_that_cannot_be_are_refused) {
  expect_error("name: trec6", "name: ''", "exp.yaml:1:7: name: expected a text that is not empty");
  expect_error("name: trec6", "name: a/b",
               "exp.yaml:1:7: name: expected a name without a slash and without a dot in front, "
               "found 'a/b'");
  expect_error("label: class", "label: \"\"",
               "exp.yaml:10:12: data.target.label: expected a text that is not empty");
  expect_error(
      "  general: {", "  gen.eral: {",
      "exp.yaml:4:13: data.gen.eral: the name of a data set is not empty and has no dot or "
      "slash");
  expect_error("text: question", "encoding: utf-7-and-a-half",
               "exp.yaml:9:15: data.target: the encoding 'utf-7-and-a-half' is not known; 'iconv "
               "-l' lists those that are");
  write_file("exp.yaml", "data: {}\ntokenizer: {}\nencoder: {}\nstages: {}\n");
  expect_load_error(NULL, "exp.yaml:1:7: data: there is no data set");
}
END_TEST

/* ---- Plugins -------------------------------------------------------------------------------- */

START_TEST(plugins_must_be_there_and_of_the_kind) {
  const char unknown[] =
      "exp.yaml:14:16: head.plugin: there is no head plugin called 'test_concta' (did you mean "
      "'test_concat'?); searched: ";
  thaw_experiment *experiment;
  write_sample("test_concat", "test_concta");
  ck_assert_int_eq(thaw_experiment_load(ctx, "exp.yaml", 0, NULL, registry, &experiment),
                   THAW_INVALID);
  ck_assert_msg(strncmp(thaw_error(ctx), unknown, strlen(unknown)) == 0, "%s", thaw_error(ctx));
  char message[9000];
  snprintf(
      message, sizeof message,
      "exp.yaml:14:16: head.plugin: plugin test_rnn (%s/tests/config/.libs/plugin_rnn.so) is of "
      "the kind encoder, expected: head",
      getenv("THAW_BUILD"));
  expect_error("plugin: test_concat", "plugin: test_rnn", message);
  expect_error("plugin: test_concat", "plugin: ./my.so",
               "exp.yaml:14:16: head.plugin: plugin @/my.so cannot be opened: No such file or "
               "directory");
  expect_error("plugin: test_concat", "plugin: [a, b]",
               "exp.yaml:14:16: head.plugin: expected the name of one head plugin, or the path of "
               "its file");
  expect_error("plugin: test_concat", "plugin: ''",
               "exp.yaml:14:16: head.plugin: expected the name of one head plugin, or the path of "
               "its file");
}
END_TEST

START_TEST(a_plugin_checks_its_settings_itself) {
  expect_error("embedding: 40", "embedding: 80",
               "exp.yaml:13:1: encoder: hidden 60, embedding 80 and hidden_p 0.15 do not go "
               "together");
  expect_error("hidden_p: 0.2", "hidden_p: 0.5",
               "exp.yaml:21:28: stages.finetune.encoder: hidden 60, embedding 40 and hidden_p 0.5 "
               "do not go together");
}
END_TEST

START_TEST(parameters_beside_another_plugin_are_meant_for_it) {
  write_sample(NULL, NULL);
  expect_load_error((const char *const[]){"head.plugin=test_max", "head.parts=[max]", NULL},
                    "--set: unknown key 'parts' in head, whose plugin is test_max; there are: "
                    "plugin, hidden, dropout");
  ck_assert_int_eq(rename("exp.yaml", "base.yaml"), 0);
  write_file("exp.yaml", "extends: base.yaml\nhead: {plugin: test_max, parts: [max]}\n");
  expect_load_error(NULL,
                    "exp.yaml:2:26: unknown key 'parts' in head, whose plugin is test_max; there "
                    "are: plugin, hidden, dropout");
  write_file("exp.yaml", "extends: base.yaml\nhead: {zzz: [max]}\n");
  expect_load_error(
      (const char *const[]){"stages.classify.head.parts=[max]", "head.plugin=test_max", NULL},
      "--set: unknown key 'parts' in stages.classify.head, whose plugin is test_max; "
      "there are: dropout");
}
END_TEST

/* ---- Data files ----------------------------------------------------------------------------- */

START_TEST(data_files_must_be_there) {
  expect_error("train: [train.csv, more.csv]", "train: [train.csv, mroe.csv]",
               "exp.yaml:7:24: data.target.train: @/mroe.csv: there is no such file (did you mean "
               "'more.csv'?)");
  expect_error("test: test.csv", "test: zzzzzzz",
               "exp.yaml:8:11: data.target.test: @/zzzzzzz: there is no such file");
  expect_error(
      "test: test.csv", "test: data/test.csv",
      "exp.yaml:8:11: data.target.test: @/data/test.csv: there is no such file, nor a folder "
      "@/data");
  expect_error(
      "valid: general.txt", "unlabelled: [general.txt, train.csv/x]",
      "exp.yaml:4:73: data.general.unlabelled: @/train.csv/x: there is no such file, nor a "
      "folder @/train.csv");
  expect_set_error("data.target.valid=vaild.csv",
                   "--set: data.target.valid: @/vaild.csv: there is no such file");
}
END_TEST

START_TEST(data_files_must_be_readable) {
  ck_assert_int_eq(mkdir("folder", 0777), 0);
  write_file("empty.csv", "");
  ck_assert_int_eq(symlink("loop.csv", "loop.csv"), 0);
  ck_assert_int_eq(mkfifo("pipe", 0666), 0);
  expect_error("test: test.csv", "test: empty.csv",
               "exp.yaml:8:11: data.target.test: @/empty.csv: the file is empty");
  expect_error("test: test.csv", "test: folder/",
               "exp.yaml:8:11: data.target.test: @/folder: is a folder, expected a file");
  expect_error("test: test.csv", "test: loop.csv",
               "exp.yaml:8:11: data.target.test: @/loop.csv: cannot be read: Too many levels of "
               "symbolic links");
  expect_error("test: test.csv", "test: pipe",
               "exp.yaml:8:11: data.target.test: @/pipe: is no regular file");
  expect_error("format: text, train: general.txt", "format: folder, train: general.txt",
               "exp.yaml:4:36: data.general.train: @/general.txt: is a file, expected a folder");
  expect_error("format: text, train: general.txt", "format: folder, train: folder",
               "exp.yaml:4:36: data.general.train: @/folder: the folder is empty");
  if (geteuid() != 0) { /* root may read everything */
    ck_assert_int_eq(chmod("test.csv", 0), 0);
    expect_error("name: trec6", "name: trec6",
                 "exp.yaml:8:11: data.target.test: @/test.csv: cannot be read: Permission "
                 "denied");
  }
}
END_TEST

START_TEST(paths_are_texts) {
  expect_error("test: test.csv", "test: [test.csv]",
               "exp.yaml:8:11: data.target.test: expected one path, found a list");
  expect_error(
      "[train.csv, more.csv]", "[]",
      "exp.yaml:7:12: data.target.train: expected a path or a list of them, found an empty "
      "list");
  expect_error("[train.csv, more.csv]", "[train.csv, '']",
               "exp.yaml:7:12: data.target.train: a path cannot be empty");
  expect_error("[train.csv, more.csv]", "[train.csv, {a: b}]",
               "exp.yaml:7:24: data.target.train: expected one value, found a mapping");
}
END_TEST

/* ---- Stages --------------------------------------------------------------------------------- */

START_TEST(stages_need_fitting_data) {
  expect_error("data: general", "data: genaral",
               "exp.yaml:17:11: stages.pretrain.data: there is no data set 'genaral' (did you mean "
               "'general'?)");
  expect_error("data: general", "data: zzz",
               "exp.yaml:17:11: stages.pretrain.data: there is no data set 'zzz'; there are: "
               "general, target");
  expect_error(
      "    label: class\n", NULL,
      "exp.yaml:22:11: stages.classify.data: the data set 'target' has no labels: it needs "
      "the key 'label', or the format folder or labelled");
  expect_set_error(
      "stages.classify.data=general",
      "--set: stages.classify.data: the data set 'general' has no labels: it needs the "
      "key 'label', or the format folder or labelled");
  write_sample("    valid_fraction: 0.1\n", NULL);
  expect_load_error((const char *const[]){"stages.classify.patience=2", NULL},
                    "--set: stages.classify.patience: it needs validation data, and the data set "
                    "'target' has neither valid nor valid_fraction");
  expect_load_error((const char *const[]){"stages.finetune.optimizer.name=nt_asgd", NULL},
                    "--set: stages.finetune.optimizer.name: nt_asgd needs validation data, and the "
                    "data set 'target' has neither valid nor valid_fraction");
  expect_load_error((const char *const[]){"stages.finetune.keep=best", NULL},
                    "--set: stages.finetune.keep: 'best' needs validation data, and the data set "
                    "'target' has neither valid nor valid_fraction");
  expect_load_error((const char *const[]){"stages.classify.keep=best", NULL},
                    "--set: stages.classify.keep: 'best' needs validation data, and the data set "
                    "'target' has neither valid nor valid_fraction");
}
END_TEST

static void expect_transfer_error(const char *transfer, const char *message) {
  char to[200];
  snprintf(to, sizeof to, "    transfer: %s\n", transfer);
  expect_error("    transfer: [embedding, rnn.0]\n", to, message);
}

START_TEST(transfers_need_groups_and_a_source) {
  expect_transfer_error("[]",
                        "exp.yaml:25:15: stages.classify.transfer: expected at least one "
                        "group in the list, or none");
  expect_transfer_error("''",
                        "exp.yaml:25:15: stages.classify.transfer: a group's name cannot be "
                        "empty");
  expect_transfer_error("[a, '']",
                        "exp.yaml:25:19: stages.classify.transfer: a group's name cannot "
                        "be empty");
  expect_transfer_error("[a, all]",
                        "exp.yaml:25:19: stages.classify.transfer: 'all' cannot stand "
                        "in a list of groups");
  expect_transfer_error("[none]",
                        "exp.yaml:25:16: stages.classify.transfer: 'none' cannot stand in "
                        "a list of groups");
  expect_transfer_error("[a, b, a]",
                        "exp.yaml:25:22: stages.classify.transfer: the group 'a' "
                        "stands here twice");
  expect_transfer_error("[{a: b}]",
                        "exp.yaml:25:16: stages.classify.transfer: expected one value, "
                        "found a mapping");
  expect_transfer_error("{groups: {a: b}}",
                        "exp.yaml:25:24: stages.classify.transfer: expected one "
                        "value, found a mapping");
  expect_transfer_error("{from: urn.h5}",
                        "exp.yaml:25:22: stages.classify.transfer.from: "
                        "@/urn.h5: there is no such file");
  expect_transfer_error("{stage: finetune}",
                        "exp.yaml:25:23: stages.classify.transfer.stage: is a "
                        "stage of another run, which 'from' must name");
  expect_transfer_error(
      "{from: test.csv, stage: fintune}",
      "exp.yaml:25:39: stages.classify.transfer.stage: expected pretrain, finetune "
      "or classify, found 'fintune' (did you mean 'finetune'?)");
  expect_error("data: general", "data: general\n    transfer: all",
               "exp.yaml:18:15: stages.pretrain.transfer: there is nothing to take from: no stage "
               "comes before this one, and 'from' names no run");
  expect_error("data: general", "data: general\n    transfer: {groups: [a]}",
               "exp.yaml:18:24: stages.pretrain.transfer: there is nothing to take from: no stage "
               "comes before this one, and 'from' names no run");
  expect_error("data: general", "data: general\n    vocabulary: both",
               "exp.yaml:18:17: stages.pretrain.vocabulary: 'both' needs a transfer; where that is "
               "none, only 'target' is possible");
}
END_TEST

/* ---- Files and overrides -------------------------------------------------------------------- */

static void expect_text_error(const char *text, const char *message) {
  write_file("exp.yaml", text);
  expect_load_error(NULL, message);
}

START_TEST(a_config_is_one_mapping) {
  expect_text_error("", "exp.yaml: there is nothing in it");
  expect_text_error("[a]\n", "exp.yaml:1:1: expected keys with values (name: …), found a list");
  expect_text_error("a\n",
                    "exp.yaml:1:1: expected keys with values (name: …), found a single text");
  expect_text_error("a: 1\na: 2\n",
                    "exp.yaml:2:1: the key 'a' stands here twice, first in line 1, column 1");
  expect_text_error("name: \xff\n", "exp.yaml:1:7: is not UTF-8 (byte 0xff)");
  ck_assert_int_eq(unlink("exp.yaml"), 0);
  expect_load_error(NULL, "exp.yaml: there is no such file");
  ck_assert_int_eq(mkdir("exp.yaml", 0777), 0);
  expect_load_error(NULL, "exp.yaml: is a folder, expected a file");
}
END_TEST

START_TEST(extended_files_must_be_there_and_end) {
  expect_text_error("extends: bsae.yaml\n",
                    "exp.yaml:1:10: extends: bsae.yaml: there is no such file");
  expect_text_error("extends: [a, b]\n", "exp.yaml:1:10: extends: expected the path of one config");
  expect_text_error(
      "extends: exp.yaml\n",
      "exp.yaml:1:10: extends: these files extend one another in a circle: exp.yaml -> "
      "exp.yaml");
  ck_assert_int_eq(mkdir("a", 0777), 0);
  write_file("a/b.yaml", "name: x\nextends: ../exp.yaml\n");
  expect_text_error(
      "extends: a/b.yaml\n",
      "a/b.yaml:2:10: extends: these files extend one another in a circle: exp.yaml -> "
      "a/b.yaml -> a/../exp.yaml");
  write_file("a/b.yaml", "zzzz: x\n");
  ck_assert_int_eq(symlink("b.yaml", "a/base.yaml"), 0);
  expect_text_error("extends: a/base.yaml\n",
                    "a/base.yaml:1:1: unknown key 'zzzz'; there are: name, description, extends, "
                    "seed, threads, data, tokenizer, encoder, head, stages, sweep, slurm");
  write_file("a/b.yaml", "name: {\n");
  expect_text_error("extends: a/b.yaml\n",
                    "a/b.yaml:2:1: cannot be parsed as YAML: did not find expected node content, "
                    "while parsing a flow node that begins in line 2");
  char name[20], text[40];
  for (int i = 0; i < 70; i++) {
    snprintf(name, sizeof name, "c%d.yaml", i);
    snprintf(text, sizeof text, "extends: c%d.yaml\n", i + 1);
    write_file(name, text);
  }
  thaw_experiment *experiment;
  const char *const start =
      "c63.yaml:1:10: extends: more than 64 files extend one another: c0.yaml";
  ck_assert_int_eq(thaw_experiment_load(ctx, "c0.yaml", 0, NULL, registry, &experiment),
                   THAW_INVALID);
  ck_assert_msg(strncmp(thaw_error(ctx), start, strlen(start)) == 0, "%s", thaw_error(ctx));
}
END_TEST

START_TEST(overrides_must_be_keys_with_values) {
  expect_set_error("seed", "--set: expected KEY.PATH=VALUE, found 'seed'");
  expect_set_error("=3", "--set: expected KEY.PATH=VALUE, found '=3'");
  expect_set_error("a..b=3", "--set: expected KEY.PATH=VALUE, found 'a..b=3'");
  expect_set_error(".a=3", "--set: expected KEY.PATH=VALUE, found '.a=3'");
  expect_set_error("head.parts=[max",
                   "--set head.parts:2:1: cannot be parsed as YAML: did not find expected ',' or "
                   "']', while parsing a flow sequence that begins in line 1");
  expect_set_error("extends=base.yaml", "--set: extends: only a file can extend another");
  expect_set_error("seed=x", "--set: seed: expected a whole number, found 'x'");
  expect_set_error("seed=", "--set: seed: expected a whole number, found ''");
  expect_set_error("stages.classify.schedule.2.factor=3",
                   "--set: schedule.2: schedule is a list of 2, whose items are numbered from 0");
  expect_set_error("stages.classify.schedule.x=3",
                   "--set: stages.classify.schedule: expected a list of plugins: [{plugin: NAME}, "
                   "…]");
}
END_TEST

int main(void) {
  Suite *suite = suite_create("config_errors");
  TCase *tests = tcase_create("config_errors");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, unknown_keys_are_named_at_every_level);
  tcase_add_test(tests, keys_out_of_place_say_where_they_belong);
  tcase_add_test(tests, missing_keys_are_named);
  tcase_add_test(tests, values_of_a_wrong_type_are_refused);
  tcase_add_test(tests, sections_of_a_wrong_type_are_refused);
  tcase_add_test(tests, values_out_of_range_are_refused);
  tcase_add_test(tests, what_training_cannot_do_is_refused);
  tcase_add_test(tests, bad_class_weights_are_refused);
  tcase_add_test(tests, texts_that_cannot_be_are_refused);
  tcase_add_test(tests, plugins_must_be_there_and_of_the_kind);
  tcase_add_test(tests, a_plugin_checks_its_settings_itself);
  tcase_add_test(tests, parameters_beside_another_plugin_are_meant_for_it);
  tcase_add_test(tests, data_files_must_be_there);
  tcase_add_test(tests, data_files_must_be_readable);
  tcase_add_test(tests, paths_are_texts);
  tcase_add_test(tests, stages_need_fitting_data);
  tcase_add_test(tests, transfers_need_groups_and_a_source);
  tcase_add_test(tests, a_config_is_one_mapping);
  tcase_add_test(tests, extended_files_must_be_there_and_end);
  tcase_add_test(tests, overrides_must_be_keys_with_values);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
