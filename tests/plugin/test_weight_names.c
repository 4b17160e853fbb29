/* The table of an encoder's names in PyTorch: layers, brackets, and tables that are wrong. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "plugin/weight_names.h"

static const thaw_weight_name names[] = {
    {"embedding", "weight", "[transformer.]wte.weight", 0},
    {"block.{n}", "qkv", "[transformer.]h.{n}.attn.c_attn.weight", THAW_WEIGHT_TRANSPOSED},
    {NULL, NULL, "[transformer.]h.{n}.attn.bias", THAW_WEIGHT_IGNORED},
    {"embedding", "weight", "lm_head.weight", THAW_WEIGHT_TIED},
    {NULL, NULL, NULL, 0},
};

static void expect_written(const thaw_weight_name *row, size_t layer, bool whole,
                           const char *expected) {
  thaw_buffer text = {0};
  ck_assert(thaw_weight_name_write(row, layer, whole, &text));
  ck_assert_str_eq(text.data, expected);
  thaw_buffer_free(&text);
}

START_TEST(rows_are_found_by_group_and_tensor) {
  size_t layer = 9;
  ck_assert_ptr_eq(thaw_weight_name_find(names, "embedding", "weight", &layer), &names[0]);
  ck_assert_uint_eq(layer, 0);
  ck_assert_ptr_eq(thaw_weight_name_find(names + 1, "embedding", "weight", &layer), &names[3]);
  ck_assert_ptr_null(thaw_weight_name_find(names + 4, "embedding", "weight", &layer));
  ck_assert_ptr_eq(thaw_weight_name_find(names, "block.11", "qkv", &layer), &names[1]);
  ck_assert_uint_eq(layer, 11);
  static const char *const others[] = {"block.01", "block.", "block.x", "block.1.2", "block"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    ck_assert_msg(!thaw_weight_name_find(names, others[i], "qkv", &layer), "%s", others[i]);
  ck_assert_ptr_null(thaw_weight_name_find(NULL, "block.1", "qkv", &layer));
}
END_TEST

START_TEST(names_are_written_and_recognised) {
  expect_written(&names[1], 11, true, "transformer.h.11.attn.c_attn.weight");
  expect_written(&names[1], 0, false, "h.0.attn.c_attn.weight");
  ck_assert(thaw_weight_name_is(&names[2], "h.3.attn.bias"));
  ck_assert(thaw_weight_name_is(&names[2], "transformer.h.3.attn.bias"));
  ck_assert(!thaw_weight_name_is(&names[2], "transformer.h.attn.bias"));
  ck_assert(!thaw_weight_name_is(&names[2], "transformer.h.3.attn.bias2"));
  ck_assert(!thaw_weight_name_is(&names[2], "transformer.h.3.attn"));
}
END_TEST

START_TEST(tables_that_are_wrong) {
  static const struct {
    thaw_weight_name rows[3];
    const char *reason;
  } cases[] = {
      {{{"a", "b", "[x", 0}},
       "row 1 of the table of weight names, '[x': its brackets do not match"},
      {{{"a", "b", "x]y", 0}}, "brackets do not match"},
      {{{"a", "b", "[[x]]", 0}}, "brackets do not match"},
      {{{"a", NULL, "x", 0}}, "its group or tensor is missing"},
      {{{"a", "b", "x", THAW_WEIGHT_COPY}}, "own name has to come first"},
      {{{"a", "b", "x", 0}, {"a", "b", "y", 0}}, "'y': its tensor has a name already"},
  };
  thaw_context *ctx = thaw_context_create();
  ck_assert_int_eq(thaw_weight_names_check(ctx, NULL), THAW_OK);
  ck_assert_int_eq(thaw_weight_names_check(ctx, names), THAW_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ck_assert_int_eq(thaw_weight_names_check(ctx, cases[i].rows), THAW_INVALID);
    ck_assert_msg(strstr(thaw_error(ctx), cases[i].reason) != NULL, "%s", thaw_error(ctx));
  }
  thaw_context_free(ctx);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("weight names");
  TCase *tests = tcase_create("weight names");
  tcase_add_test(tests, rows_are_found_by_group_and_tensor);
  tcase_add_test(tests, names_are_written_and_recognised);
  tcase_add_test(tests, tables_that_are_wrong);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
