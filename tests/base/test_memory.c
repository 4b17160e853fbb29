/* Arenas and buffers. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"

START_TEST(pieces_are_aligned_and_apart) {
  thaw_arena *arena = thaw_arena_create();
  ck_assert_ptr_nonnull(arena);
  static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 1 << 20, 3};
  char *pieces[8];
  for (size_t i = 0; i < 8; i++) {
    pieces[i] = thaw_arena_alloc(arena, sizes[i]);
    ck_assert_ptr_nonnull(pieces[i]);
    ck_assert_uint_eq((uintptr_t)pieces[i] % THAW_ARENA_ALIGNMENT, 0);
    if (sizes[i]) memset(pieces[i], (int)i, sizes[i]);
  }
  for (size_t i = 0; i < 8; i++) {
    for (size_t j = 0; j < sizes[i]; j++) ck_assert_int_eq(pieces[i][j], (int)i);
  }
  ck_assert_ptr_ne(pieces[0], pieces[1]);
  thaw_arena_free(arena);
}
END_TEST

/* One step of work whose pieces do not fit into the first block. */
static void work(thaw_arena *arena) {
  for (size_t i = 0; i < 200; i++) {
    const size_t bytes = 1 + i * 977 % 40000;
    char *piece = thaw_arena_alloc(arena, bytes);
    ck_assert_ptr_nonnull(piece);
    piece[0] = piece[bytes - 1] = 1;
  }
}

START_TEST(the_second_round_allocates_nothing) {
  thaw_arena *arena = thaw_arena_create();
  work(arena);
  thaw_arena_reset(arena);
  const size_t allocations = thaw_arena_allocations(arena), bytes = thaw_arena_bytes(arena);
  ck_assert_uint_gt(allocations, 2);
  for (int round = 0; round < 5; round++) {
    work(arena);
    thaw_arena_reset(arena);
  }
  ck_assert_uint_eq(thaw_arena_allocations(arena), allocations);
  ck_assert_uint_eq(thaw_arena_bytes(arena), bytes);
  thaw_arena_free(arena);
}
END_TEST

START_TEST(going_back_frees_what_came_after_the_mark) {
  thaw_arena *arena = thaw_arena_create();
  char *kept = thaw_arena_strdup(arena, "kept");
  const thaw_arena_mark mark = thaw_arena_here(arena);
  char *first = thaw_arena_alloc(arena, 100);
  work(arena);
  const size_t allocations = thaw_arena_allocations(arena);
  for (int round = 0; round < 3; round++) {
    thaw_arena_back_to(arena, mark);
    ck_assert_ptr_eq(thaw_arena_alloc(arena, 100), first);
    work(arena);
  }
  ck_assert_uint_eq(thaw_arena_allocations(arena), allocations);
  ck_assert_str_eq(kept, "kept");
  thaw_arena_free(arena);
}
END_TEST

START_TEST(a_mark_of_an_empty_arena_is_its_beginning) {
  thaw_arena *arena = thaw_arena_create();
  const thaw_arena_mark mark = thaw_arena_here(arena);
  work(arena);
  thaw_arena_back_to(arena, mark);
  const size_t peak = thaw_arena_peak(arena);
  work(arena);
  ck_assert_uint_eq(thaw_arena_peak(arena), peak);
  thaw_arena_free(arena);
}
END_TEST

START_TEST(the_peak_counts_bytes_in_use) {
  thaw_arena *arena = thaw_arena_create();
  ck_assert_uint_eq(thaw_arena_peak(arena), 0);
  thaw_arena_alloc(arena, 128);
  thaw_arena_alloc(arena, 1);
  ck_assert_uint_eq(thaw_arena_peak(arena), 192);
  thaw_arena_reset(arena);
  thaw_arena_alloc(arena, 64);
  ck_assert_uint_eq(thaw_arena_peak(arena), 192);
  thaw_arena_free(arena);
}
END_TEST

START_TEST(cleared_memory_is_zero_also_when_used_before) {
  thaw_arena *arena = thaw_arena_create();
  memset(thaw_arena_alloc(arena, 1000), 7, 1000);
  thaw_arena_reset(arena);
  const char *piece = thaw_arena_zalloc(arena, 1000);
  for (int i = 0; i < 1000; i++) ck_assert_int_eq(piece[i], 0);
  thaw_arena_free(arena);
}
END_TEST

START_TEST(too_much_memory_is_refused) {
  thaw_arena *arena = thaw_arena_create();
  ck_assert_ptr_null(thaw_arena_alloc(arena, SIZE_MAX));
  ck_assert_ptr_null(thaw_arena_alloc(arena, SIZE_MAX - 64));
  ck_assert_ptr_null(thaw_arena_alloc(arena, SIZE_MAX / 2));
  ck_assert_ptr_nonnull(thaw_arena_alloc(arena, 10));
  ck_assert_str_eq(thaw_arena_strndup(arena, "abcdef", 3), "abc");
  ck_assert_str_eq(thaw_arena_strndup(arena, "ab", 3), "ab");
  thaw_arena_free(arena);
  thaw_arena_free(NULL);
}
END_TEST

START_TEST(a_buffer_grows_and_ends_in_a_nul) {
  thaw_buffer buffer = {0};
  ck_assert(thaw_buffer_text(&buffer, "one"));
  ck_assert(thaw_buffer_format(&buffer, " %d %s", 2, "three"));
  ck_assert(thaw_buffer_append(&buffer, "\0x", 2));
  ck_assert_uint_eq(buffer.size, 13);
  ck_assert_str_eq(buffer.data, "one 2 three");
  ck_assert_mem_eq(buffer.data, "one 2 three\0x", 14);
  for (int i = 0; i < 10000; i++) ck_assert(thaw_buffer_append(&buffer, "y", 1));
  ck_assert_uint_eq(buffer.size, 10013);
  ck_assert_uint_eq(strlen(buffer.data + 12), 10001);
  const size_t space = buffer.space;
  thaw_buffer_clear(&buffer);
  ck_assert_uint_eq(buffer.size, 0);
  ck_assert_uint_eq(buffer.space, space);
  ck_assert_str_eq(buffer.data, "");
  thaw_buffer_free(&buffer);
  ck_assert_ptr_null(buffer.data);
}
END_TEST

START_TEST(a_buffer_that_cannot_grow_stays_as_it_was) {
  thaw_buffer buffer = {0};
  ck_assert(thaw_buffer_append(&buffer, NULL, 0));
  ck_assert_str_eq(buffer.data, "");
  ck_assert(thaw_buffer_text(&buffer, "same"));
  ck_assert(!thaw_buffer_reserve(&buffer, SIZE_MAX));
  ck_assert(!thaw_buffer_reserve(&buffer, SIZE_MAX - 4));
  ck_assert_str_eq(buffer.data, "same");
  ck_assert_uint_eq(buffer.size, 4);
  thaw_buffer_free(&buffer);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("memory");
  TCase *tests = tcase_create("memory");
  tcase_add_test(tests, pieces_are_aligned_and_apart);
  tcase_add_test(tests, the_second_round_allocates_nothing);
  tcase_add_test(tests, going_back_frees_what_came_after_the_mark);
  tcase_add_test(tests, a_mark_of_an_empty_arena_is_its_beginning);
  tcase_add_test(tests, the_peak_counts_bytes_in_use);
  tcase_add_test(tests, cleared_memory_is_zero_also_when_used_before);
  tcase_add_test(tests, too_much_memory_is_refused);
  tcase_add_test(tests, a_buffer_grows_and_ends_in_a_nul);
  tcase_add_test(tests, a_buffer_that_cannot_grow_stays_as_it_was);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
