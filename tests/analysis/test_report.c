/* test_report.c: the pieces of a report that need no browser: text that is nothing but text, and
 * pictures fit for a page. With a folder as its argument it writes runs there instead, for
 * tests/cli/test_report.py. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/escape.h"
#include "analysis/report_parts.h"
#include "base/context.h"
#include "base/file.h"
#include "store/runfile.h"

/* ---- Runs ------------------------------------------------------------------------------------ */

enum { HEADS = 8, TRANSFERS = 5, SEEDS = 5, CLASSES = 12, DOCUMENTS = 1000, EPOCHS = 15 };

#define EVIL "<script>document.title=\"caught\"</script>"

static void need(bool ok, const thaw_context *ctx) {
  if (ok) return;
  fprintf(stderr, "a run could not be made: %s\n", thaw_error(ctx));
  abort();
}

/* A run as it is drawn. */
typedef struct sketch {
  const char *path, *name, *head, *transfer, *class_name; /* class_name: before the number */
  unsigned seed;
  double skill; /* 0 … 1 */
  bool old;     /* of a version that did not measure distances */
} sketch;

static thaw_series *make_series(const sketch *s, const char *stage, bool classifier) {
  static const char *const groups[] = {"embedding", "rnn.0", "rnn.1", "head"};
  const bool all = classifier && strcmp(s->transfer, "none") != 0;
  const bool taken[] = {all, all, all, false};
  thaw_series *series = thaw_series_create(stage, 4, groups);
  need(series != NULL, NULL);
  if (!s->old) need(thaw_series_follow(series, 4, groups, taken), NULL);
  const int64_t steps = 20;
  for (int64_t e = 0; e < EPOCHS; e++) {
    for (int64_t i = 0; i < steps; i++) {
      const int64_t step = e * steps + i;
      double rates[4];
      for (int64_t g = 0; g < 4; g++)
        rates[g] = e < 3 - g ? 0 : 1e-3 * (double)(g + 1) / (1 + (double)step / 50);
      const thaw_step_row row = {step, e, 2 / (1 + (double)step), 1, 1e4};
      need(thaw_series_add_step(series, &row, rates), NULL);
    }
    const double learned = 1 - exp(-(double)(e + 1) / 4), luck = 0.01 * (double)(s->seed % 5);
    const thaw_epoch_row row = {
        .epoch = e,
        .step = (e + 1) * steps,
        .train_loss = 2 - 1.5 * learned,
        .valid_loss = classifier ? 2.1 - 1.3 * learned * s->skill - luck : 5 - learned,
        .perplexity = classifier ? NAN : 300 - 200 * learned,
        .accuracy = classifier ? learned * s->skill + luck : NAN,
        .macro_f1 = NAN,
        .seconds = (double)e};
    need(thaw_series_add_epoch(series, &row), NULL);
    for (size_t g = 0; g < series->moved_count; g++)
      thaw_series_last_distances(series)[g] =
          e < 3 - (int64_t)g ? 0
                             : learned * (classifier ? 0.02 * (double)(1 + g * g * g) : 1) + luck;
  }
  return series;
}

static thaw_predictions *make_predictions(const sketch *s) {
  thaw_predictions *p = thaw_predictions_create("test", DOCUMENTS, CLASSES);
  thaw_rng rng = thaw_rng_make(s->seed, (uint64_t)(1e6 * s->skill));
  need(p != NULL, NULL);
  for (size_t d = 0; d < DOCUMENTS; d++) {
    p->gold[d] = (int32_t)(d * 7 % CLASSES);
    const bool right = (double)thaw_rng_uniform(&rng) < s->skill;
    p->predicted[d] = right ? p->gold[d] : (int32_t)thaw_rng_below(&rng, CLASSES);
  }
  return p;
}

static void write_run(thaw_context *ctx, sketch s) {
  char config[1024], class_name[256];
  thaw_classes classes = {0};
  snprintf(config, sizeof config,
           "name: '%s'\ndescription: 'eight heads, five transfers & %s'\nseed: %u\n"
           "head: {plugin: '%s'}\nstages: {classify: {transfer: '%s'}}\n",
           s.name, s.class_name, s.seed, s.head, s.transfer);
  for (size_t c = 0; c < CLASSES; c++) {
    snprintf(class_name, sizeof class_name, "%s%zu", s.class_name, c);
    need(thaw_classes_add(ctx, &classes, class_name) == THAW_OK, ctx);
  }
  thaw_predictions *predictions = make_predictions(&s);
  thaw_series *series[] = {make_series(&s, "pretrain", false), make_series(&s, "classify", true)};
  const bool chained = strcmp(s.transfer, "none") != 0;
  const thaw_run_content content = {.name = s.name,
                                    .seed = s.seed,
                                    .seconds = 10,
                                    .complete = true,
                                    .config_resolved = config,
                                    .classes = &classes,
                                    .series = (const thaw_series *const *)series + !chained,
                                    .series_count = 1 + chained,
                                    .predictions = (const thaw_predictions *const[]){predictions},
                                    .predictions_count = 1};
  need(thaw_run_write(ctx, s.path, &content) == THAW_OK, ctx);
  thaw_series_free(series[0]);
  thaw_series_free(series[1]);
  thaw_predictions_free(predictions);
  thaw_classes_free(&classes);
}

static void write_runs(const char *folder) {
  static const char *const transfers[TRANSFERS] = {"none", "embedding", "upper", "lower", "all"};
  static const char *const folders[] = {"200", "evil", "old"};
  thaw_context *ctx = thaw_context_create();
  char path[4096], head[32];
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
    need(thaw_make_folders(ctx, path) == THAW_OK, ctx);
  }
  for (size_t h = 0; h < HEADS; h++) {
    for (size_t t = 0; t < TRANSFERS; t++) {
      for (unsigned seed = 1; seed <= SEEDS; seed++) {
        snprintf(head, sizeof head, "head%zu", h);
        snprintf(path, sizeof path, "%s/200/%s-%s-%u.h5", folder, head, transfers[t], seed);
        const double skill = 0.5 + 0.03 * (double)h + 0.05 * (double)t;
        write_run(ctx, (sketch){path, "many", head, transfers[t], "class ", seed, skill, false});
      }
    }
  }
  for (unsigned seed = 1; seed <= 2; seed++) {
    snprintf(path, sizeof path, "%s/evil/%u.h5", folder, seed);
    write_run(ctx, (sketch){path, EVIL, seed % 2 ? EVIL : "a & b", "all", EVIL, seed, 0.6, false});
    snprintf(path, sizeof path, "%s/old/%u.h5", folder, seed);
    write_run(ctx, (sketch){path, "old", "last", "all", "class ", seed, 0.6, true});
  }
  thaw_context_free(ctx);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static void expect_escaped(const char *text, const char *expected) {
  thaw_buffer out = {0};
  ck_assert(thaw_escape(&out, text));
  ck_assert_str_eq(out.data, expected);
  thaw_buffer_free(&out);
}

START_TEST(text_is_nothing_but_text) {
  expect_escaped("", "");
  expect_escaped("größe 字 a\tb\n", "größe 字 a\tb\n");
  expect_escaped("<b class=\"x\" id='y'>&amp;</b>",
                 "&lt;b class=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;&lt;/b&gt;");
  expect_escaped("a\xff\xc3(\x01\x7f\r", "a\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD");
  expect_escaped("\xc2\x85\xef\xbf\xbf|", "\uFFFD\uFFFD|");
}
END_TEST

/* ---- Pictures -------------------------------------------------------------------------------- */

static void expect_rewritten(const char *svg, const char *expected) {
  thaw_buffer in = {0}, out = {0};
  double size[2];
  ck_assert(thaw_buffer_text(&in, svg));
  ck_assert(thaw_report_svg(&in, "f1-", size, &out));
  ck_assert_str_eq(out.data, expected);
  ck_assert_double_eq(size[0], 720);
  ck_assert_double_eq(size[1], 58.5);
  thaw_buffer_free(&in);
  thaw_buffer_free(&out);
}

#define HEAD "<?xml version=\"1.0\"?>\n<svg width=\"720px\" viewBox=\"0 0 720 58.5\">"

START_TEST(pictures_fit_into_a_page) {
  expect_rewritten(HEAD "<g id=\"clip1\"/></svg>", "<g id=\"f1-clip1\"/></svg>");
  expect_rewritten(HEAD "<g clip-path=\"url(#clip1)\"/><use xlink:href=\"#glyph0-1\"/></svg>",
                   "<g clip-path=\"url(#f1-clip1)\"/><use xlink:href=\"#f1-glyph0-1\"/></svg>");
  expect_rewritten(HEAD
                   "<path style=\"fill:rgb(0%,44.7%,69.8%);fill-opacity:1;"
                   "stroke:rgb(100%, 100%, 100%);fill-opacity:0.18;\"/></svg>",
                   "<path style=\"fill:var(--c0);stroke:var(--paper);fill-opacity:0.18;\"/></svg>");
  expect_rewritten(HEAD "<path d=\"M 1.23456 -0.5 L 10 2.\"/></svg>",
                   "<path d=\"M 1.23 -0.5 L 10 2.\"/></svg>");
  /* What is between the tags stays. */
  expect_rewritten(HEAD "<text>0.00152 id=\"x\" rgb(0%,0%,0%)</text></svg>",
                   "<text>0.00152 id=\"x\" rgb(0%,0%,0%)</text></svg>");
}
END_TEST

static char *write_plot(const thaw_plot *plot) {
  thaw_context *ctx = thaw_context_create();
  thaw_buffer svg = {0};
  ck_assert_msg(thaw_plot_write(ctx, plot, &svg) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert(thaw_buffer_append(&svg, "", 1));
  ck_assert_ptr_null(strstr(svg.data, "nan"));
  thaw_context_free(ctx);
  return svg.data;
}

START_TEST(texts_stay_texts) {
  static const double xs[] = {1, 2, 3}, ys[] = {0.001, 0.002, 0.004};
  static const double low[] = {0.0005, NAN, 0.003}, high[] = {0.002, NAN, 0.006};
  const thaw_plot_series series = {"a", xs, ys, 3, THAW_PLOT_COLOUR};
  const thaw_plot_band band = {0, xs, low, high, 3};
  const thaw_plot_panel panel = {.y = {.label = "<rate>"},
                                 .series = &series,
                                 .series_count = 1,
                                 .bands = &band,
                                 .band_count = 1,
                                 .dots = true};
  thaw_plot plot = {.title = "a & b",
                    .x = {.label = "epoch", .whole = true},
                    .panels = &panel,
                    .panel_count = 1,
                    .width = 400,
                    .text = true};
  char *svg = write_plot(&plot);
  ck_assert_ptr_nonnull(strstr(svg, "viewBox=\"0 0 400 "));
  ck_assert_ptr_nonnull(strstr(svg, ">a &amp; b</text>"));
  ck_assert_ptr_nonnull(strstr(svg, ">&lt;rate&gt;"));
  ck_assert_ptr_nonnull(strstr(svg, ">epoch</text>"));
  ck_assert_ptr_nonnull(strstr(svg, ">2</text>"));
  ck_assert_ptr_null(strstr(svg, ">1.5</text>"));
  ck_assert_ptr_nonnull(strstr(svg, "rotate(-90"));
  ck_assert_ptr_nonnull(strstr(svg, "fill-opacity:0.18"));
  ck_assert_ptr_null(strstr(svg, "<symbol"));
  ck_assert_ptr_null(strstr(svg, "<use"));
  free(svg);
  plot.text = false;
  svg = write_plot(&plot);
  ck_assert_ptr_null(strstr(svg, "<text"));
  free(svg);
}
END_TEST

START_TEST(seeds_spread) {
  report_spread spread = {0};
  ck_assert(isnan(thaw_report_spread_mean(&spread)));
  thaw_report_spread_add(&spread, NAN);
  thaw_report_spread_add(&spread, 3);
  thaw_report_spread_add(&spread, -1);
  thaw_report_spread_add(&spread, INFINITY);
  thaw_report_spread_add(&spread, 4);
  ck_assert_uint_eq(spread.count, 3);
  ck_assert_double_eq(thaw_report_spread_mean(&spread), 2);
  ck_assert_double_eq(spread.low, -1);
  ck_assert_double_eq(spread.high, 4);
  ck_assert_str_eq(thaw_page_shade(0), "h0");
  ck_assert_str_eq(thaw_page_shade(0.55), "h5");
  ck_assert_str_eq(thaw_page_shade(1), "h9");
  ck_assert_str_eq(thaw_page_shade(NAN), "h0");
  ck_assert_str_eq(thaw_page_shade(-7), "h0");
}
END_TEST

int main(int argc, char **argv) {
  if (argc > 1) {
    write_runs(argv[1]);
    return EXIT_SUCCESS;
  }
  Suite *suite = suite_create("report");
  TCase *tests = tcase_create("report");
  tcase_add_test(tests, text_is_nothing_but_text);
  tcase_add_test(tests, pictures_fit_into_a_page);
  tcase_add_test(tests, texts_stay_texts);
  tcase_add_test(tests, seeds_spread);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
