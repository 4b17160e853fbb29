#include "sweeps.h"

#include <check.h>

#include "base/buffer.h"

void write_sweep(const char *sweep) {
  thaw_buffer text = {0};
  ck_assert(thaw_buffer_format(&text, "%s%s", sample, sweep));
  write_file("exp.yaml", text.data);
  thaw_buffer_free(&text);
}

static size_t count_sets(const char *const *sets) {
  size_t count = 0;
  while (sets && sets[count]) count++;
  return count;
}

thaw_sweep *load_sweep(const char *sweep, const char *const *sets) {
  thaw_sweep *made;
  write_sweep(sweep);
  const thaw_status status = thaw_sweep_load(ctx, "exp.yaml", count_sets(sets), sets, &made);
  ck_assert_msg(status == THAW_OK, "%s", thaw_error(ctx));
  return made;
}

void expect_points(const char *sweep, const char *const *sets, const char *expected) {
  thaw_sweep *made = load_sweep(sweep, sets);
  thaw_buffer text = {0};
  thaw_buffer_text(&text, "");
  for (size_t p = 0; p < made->count; p++) {
    for (size_t i = 0; i < made->points[p].set_count; i++) {
      thaw_buffer_format(&text, "%s%s", i ? " " : "", made->points[p].sets[i]);
    }
    thaw_buffer_text(&text, "\n");
  }
  ck_assert_str_eq(text.data, expected);
  thaw_buffer_free(&text);
  thaw_sweep_free(made);
}

void refuse(const char *sweep, const char *message) {
  thaw_sweep *made;
  write_sweep(sweep);
  const thaw_status status = thaw_sweep_load(ctx, "exp.yaml", 0, NULL, &made);
  ck_assert_msg(status == THAW_INVALID, "status %d, expected the error: %s", (int)status, message);
  ck_assert_ptr_null(made);
  expect_message(message);
}
