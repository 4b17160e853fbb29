/* test_plot.c: scales of axes, and what is in a picture. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/plot.h"
#include "analysis/plot_scale.h"
#include "base/context.h"

/* ---- Scales ---------------------------------------------------------------------------------- */

/* The texts of the ticks that have one, with spaces between them. */
static void expect_ticks(const thaw_plot_axis *axis, double least, double most, int exponent,
                         const char *expected) {
  char found[500] = "";
  const thaw_plot_scale scale = thaw_plot_scale_of(axis, least, most);
  for (size_t t = 0; t < scale.tick_count; t++) {
    const thaw_plot_tick *tick = &scale.ticks[t];
    const double place = thaw_plot_place(&scale, tick->value);
    ck_assert_msg(place > -1e-6 && place < 1 + 1e-6, "%g is out of the axis", tick->value);
    if (tick->text[0]) strcat(strcat(found, *found ? " " : ""), tick->text);
  }
  ck_assert_str_eq(found, expected);
  ck_assert_int_eq(scale.exponent, exponent);
}

START_TEST(ticks_are_round_numbers) {
  expect_ticks(&(thaw_plot_axis){.from_zero = true}, 0.4, 0.96, 0, "0.0 0.2 0.4 0.6 0.8 1.0");
  expect_ticks(&(thaw_plot_axis){.from_zero = true}, 1e-6, 0.003, -3,
               "0.0 0.5 1.0 1.5 2.0 2.5 3.0");
  expect_ticks(&(thaw_plot_axis){.low = 0, .high = 240}, 0, 239, 0, "0 50 100 150 200");
  expect_ticks(&(thaw_plot_axis){0}, -3, 7, 0, "-2 0 2 4 6");
  expect_ticks(&(thaw_plot_axis){0}, 2e7, 9e7, 7, "2 3 4 5 6 7 8 9");
  expect_ticks(&(thaw_plot_axis){0}, 5, 5, 0, "3 4 5 6 7");
  expect_ticks(&(thaw_plot_axis){0}, INFINITY, -INFINITY, 0, "0.0 0.2 0.4 0.6 0.8 1.0");
}
END_TEST

START_TEST(logarithmic_ticks_are_powers) {
  const thaw_plot_axis axis = {.logarithmic = true};
  expect_ticks(&axis, 1e-7, 10, 0, "10⁻⁷ 10⁻⁶ 10⁻⁵ 10⁻⁴ 10⁻³ 10⁻² 10⁻¹ 10⁰ 10¹");
  expect_ticks(&axis, 0.8, 60, 0, "1 2 5 10 20 50");
  expect_ticks(&axis, 1e-20, 1e12, 0, "10⁻²⁰ 10⁻¹⁶ 10⁻¹² 10⁻⁸ 10⁻⁴ 10⁰ 10⁴ 10⁸ 10¹²");
  ck_assert(!thaw_plot_has_place(&axis, 0));
  ck_assert(!thaw_plot_has_place(&axis, INFINITY));
  ck_assert(thaw_plot_has_place(&axis, 1e-300));
}
END_TEST

/* ---- Pictures -------------------------------------------------------------------------------- */

static double xs[4] = {1, 2, 3, 4};
static double rising[4] = {1, 2, 3, 4}, gap[4] = {1, NAN, 3, 4}, bad[4] = {NAN, -1, INFINITY, NAN};

static char *write_plot(const thaw_plot *plot) {
  thaw_context *ctx = thaw_context_create();
  thaw_buffer svg = {0};
  ck_assert_msg(thaw_plot_write(ctx, plot, &svg) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert(thaw_buffer_append(&svg, "", 1));
  ck_assert_ptr_nonnull(strstr(svg.data, "<svg"));
  ck_assert_ptr_nonnull(strstr(svg.data, "</svg>\n"));
  ck_assert_ptr_null(strstr(svg.data, "nan"));
  ck_assert_ptr_null(strstr(svg.data, "inf"));
  thaw_context_free(ctx);
  return svg.data;
}

/* How many of the coloured lines there are: cairo writes colours in percent. */
static size_t count_of(const char *svg, const char *text) {
  size_t count = 0;
  for (const char *at = svg; (at = strstr(at, text)); at++) count++;
  return count;
}

static const char *const blue = "stroke:rgb(0%,44.7", *const vermillion = "stroke:rgb(83.5";

START_TEST(every_series_has_its_line) {
  const thaw_plot_series series[] = {{"a", xs, rising, 4, THAW_PLOT_COLOUR},
                                     {"b", xs, gap, 4, THAW_PLOT_COLOUR}};
  thaw_plot_panel panel = {.series = series, .series_count = 2, .y = {.label = "loss"}};
  const thaw_plot plot = {.title = "t", .x = {.label = "step"}, .panels = &panel, .panel_count = 1};
  char *svg = write_plot(&plot);
  ck_assert_uint_eq(count_of(svg, blue), 2); /* the line, and its key */
  ck_assert_uint_eq(count_of(svg, vermillion), 2);
  free(svg);
  panel.series_count = 1;
  svg = write_plot(&plot);
  ck_assert_uint_eq(count_of(svg, blue), 1); /* one series needs no legend */
  free(svg);
}
END_TEST

START_TEST(values_without_a_place_are_left_out) {
  const thaw_plot_series series = {"a", xs, bad, 4, THAW_PLOT_COLOUR};
  thaw_plot_panel panel = {.series = &series, .series_count = 1, .y = {.logarithmic = true}};
  const thaw_plot plot = {.x = {.logarithmic = true}, .panels = &panel, .panel_count = 1};
  free(write_plot(&plot));
  panel.y.logarithmic = false;
  free(write_plot(&plot));
  panel.strips = true;
  free(write_plot(&plot));
  const thaw_plot empty = {.title = NULL};
  free(write_plot(&empty));
}
END_TEST

START_TEST(many_series_are_dashed) {
  thaw_plot_series series[9];
  for (size_t i = 0; i < 9; i++)
    series[i] = (thaw_plot_series){NULL, xs, rising, 4, THAW_PLOT_COLOUR};
  const thaw_plot_panel panel = {.series = series, .series_count = 9};
  const thaw_plot plot = {.panels = &panel, .panel_count = 1};
  char *svg = write_plot(&plot);
  ck_assert_uint_eq(count_of(svg, "stroke-dasharray:6,3"), 2);
  ck_assert_uint_eq(count_of(svg, blue), 2);
  free(svg);
}
END_TEST

START_TEST(a_mark_has_its_text) {
  const thaw_plot_series series = {"a", xs, gap, 4, THAW_PLOT_INK};
  const thaw_plot_mark mark = {2.5, "here"};
  thaw_plot_panel panel = {.series = &series, .series_count = 1, .marks = &mark, .mark_count = 1};
  const thaw_plot plot = {.panels = &panel, .panel_count = 1};
  char *with = write_plot(&plot);
  panel.mark_count = 0;
  char *without = write_plot(&plot);
  ck_assert_uint_eq(count_of(with, "<use "), count_of(without, "<use ") + strlen("here"));
  free(with);
  free(without);
}
END_TEST

START_TEST(what_cannot_be_written_is_said) {
  thaw_context *ctx = thaw_context_create();
  const thaw_plot_panel panels[9] = {{.height = 10}};
  thaw_plot plot = {.panels = panels, .panel_count = 9};
  thaw_buffer svg = {0};
  ck_assert_int_eq(thaw_plot_write(ctx, &plot, &svg), THAW_INVALID);
  ck_assert_str_eq(thaw_error(ctx), "a plot has at most 8 panels, not 9");
  plot.panel_count = 1;
  ck_assert_int_eq(thaw_plot_save(ctx, &plot, "/nowhere/at/all.svg"), THAW_FAILED);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "/nowhere/at/all.svg"));
  thaw_buffer_free(&svg);
  thaw_context_free(ctx);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("plot");
  TCase *tests = tcase_create("plot");
  tcase_add_test(tests, ticks_are_round_numbers);
  tcase_add_test(tests, logarithmic_ticks_are_powers);
  tcase_add_test(tests, every_series_has_its_line);
  tcase_add_test(tests, values_without_a_place_are_left_out);
  tcase_add_test(tests, many_series_are_dashed);
  tcase_add_test(tests, a_mark_has_its_text);
  tcase_add_test(tests, what_cannot_be_written_is_said);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
