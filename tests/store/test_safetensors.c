/* Safetensors: what is written is read again bit for bit, every dtype is read, and whatever is
 * damaged is refused with a reason. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "sample.h"
#include "store/safetensors.h"

static thaw_context *ctx;
static char *folder, *path;

static void set_up(void) {
  ctx = thaw_context_create();
  folder = sample_folder();
  path = thaw_path_join(folder, "a.safetensors");
}

static void tear_down(void) {
  free(path);
  sample_remove(folder);
  thaw_context_free(ctx);
}

/* Opens the file and reads every tensor of floats in it. */
static thaw_status read_all(void) {
  thaw_safetensors *file = NULL;
  thaw_status status = thaw_safetensors_open(ctx, path, &file);
  for (size_t i = 0; status == THAW_OK && i < thaw_safetensors_count(file); i++) {
    const thaw_safetensors_entry *entry = thaw_safetensors_at(file, i);
    float *values = malloc((entry->count + 1) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    status = thaw_safetensors_values(ctx, file, entry, values);
    free(values);
  }
  thaw_safetensors_close(file);
  return status;
}

/* A file of this header and so many bytes of data, which count from 0. */
static void spill(const char *header, size_t data) {
  unsigned char bytes[4096] = {0};
  const size_t length = strlen(header);
  ck_assert_uint_lt(8 + length + data, sizeof bytes);
  for (size_t i = 0; i < 8; i++) bytes[i] = (unsigned char)(length >> 8 * i);
  memcpy(bytes + 8, header, length);
  for (size_t i = 0; i < data; i++) bytes[8 + length + i] = (unsigned char)i;
  sample_spill(path, bytes, 8 + length + data);
}

static void expect_refusal(const char *header, size_t data, const char *reason) {
  spill(header, data);
  const thaw_status status = read_all();
  ck_assert_msg(
      status == THAW_INVALID && strstr(thaw_error(ctx), path) && strstr(thaw_error(ctx), reason),
      "%s\nexpected the reason '%s', found status %d and: %s", header, reason, status,
      thaw_error(ctx));
}

static const float numbers[] = {0.0f, -1.5f, 1e-30f, 3.14159274f, -0.0f, 65504.0f};

static void write_sample(void) {
  const thaw_metadata metadata[] = {{"format", "pt"}, {"a \"quoted\"", "line\nbreak \xc3\xa9"}};
  const thaw_safetensors_tensor tensors[] = {
      {.name = "0.weight", .rank = 2, .shape = {3, 2}, .values = numbers},
      {.name = "zeros", .rank = 1, .shape = {4}},
      {.name = "scalar/\xc3\xa9", .rank = 0, .values = &numbers[3]}};
  ck_assert_msg(thaw_safetensors_write(ctx, path, metadata, 2, tensors, 3) == THAW_OK, "%s",
                thaw_error(ctx));
}

START_TEST(what_is_written_is_read_again) {
  write_sample();
  thaw_safetensors *file = NULL;
  float values[6] = {1, 1, 1, 1, 1, 1};
  ck_assert_msg(thaw_safetensors_open(ctx, path, &file) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_uint_eq(thaw_safetensors_count(file), 3);
  const thaw_safetensors_entry *entry = thaw_safetensors_find(file, "0.weight");
  ck_assert_ptr_eq(entry, thaw_safetensors_at(file, 0));
  ck_assert_uint_eq(entry->rank, 2);
  ck_assert_uint_eq(entry->shape[0], 3);
  ck_assert_uint_eq(entry->shape[1], 2);
  ck_assert_int_eq(thaw_safetensors_values(ctx, file, entry, values), THAW_OK);
  ck_assert_mem_eq(values, numbers, sizeof numbers);
  ck_assert_int_eq(thaw_safetensors_values(ctx, file, thaw_safetensors_find(file, "zeros"), values),
                   THAW_OK);
  for (size_t i = 0; i < 4; i++) ck_assert(values[i] == 0);
  entry = thaw_safetensors_find(file, "scalar/\xc3\xa9");
  ck_assert_ptr_nonnull(entry);
  ck_assert_uint_eq(entry->rank, 0);
  ck_assert_int_eq(thaw_safetensors_values(ctx, file, entry, values), THAW_OK);
  ck_assert(values[0] == numbers[3]);
  ck_assert_ptr_null(thaw_safetensors_find(file, "none"));
  ck_assert_uint_eq(thaw_safetensors_metadata_count(file), 2);
  const thaw_metadata *metadata = thaw_safetensors_metadata(file);
  ck_assert_str_eq(metadata[1].key, "a \"quoted\"");
  ck_assert_str_eq(metadata[1].text, "line\nbreak \xc3\xa9");
  thaw_safetensors_close(file);
  size_t size;
  unsigned char *bytes = sample_slurp(path, &size);
  ck_assert_uint_eq((8u + bytes[0] + 256u * bytes[1]) % 8, 0);
  free(bytes);
}
END_TEST

START_TEST(halves_and_doubles_are_read) {
  static const struct {
    const char *dtype;
    size_t bytes;
    unsigned char data[24];
    float expected[3];
  } cases[] = {
      {"F16", 6, {0x00, 0x3c, 0xff, 0xfb, 0x01, 0x00}, {1.0f, -65504.0f, 5.9604644775390625e-8f}},
      {"F16", 6, {0x55, 0x35, 0x00, 0x80, 0x00, 0x04}, {0.333251953125f, -0.0f, 6.103515625e-5f}},
      {"BF16", 6, {0x80, 0x3f, 0x20, 0xc1, 0x80, 0x00}, {1.0f, -10.0f, 1.17549435e-38f}},
      {"F64",
       24,
       {0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x18, 0x2d, 0x44, 0x54, 0xfb, 0x21, 0x09, 0x40},
       {1.5f, 3.14159265358979f, 0.0f}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char header[128];
    snprintf(header, sizeof header,
             "{\"x\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%zu]}}", cases[i].dtype,
             cases[i].bytes);
    spill(header, cases[i].bytes);
    FILE *out = fopen(path, "r+b");
    fseek(out, -(long)cases[i].bytes, SEEK_END);
    fwrite(cases[i].data, 1, cases[i].bytes, out);
    fclose(out);
    thaw_safetensors *file = NULL;
    float values[3];
    ck_assert_int_eq(thaw_safetensors_open(ctx, path, &file), THAW_OK);
    ck_assert_int_eq(thaw_safetensors_values(ctx, file, thaw_safetensors_at(file, 0), values),
                     THAW_OK);
    for (size_t k = 0; k < 3; k++) {
      ck_assert_msg(
          values[k] == cases[i].expected[k] && signbit(values[k]) == signbit(cases[i].expected[k]),
          "%s: expected %g, found %g", cases[i].dtype, (double)cases[i].expected[k],
          (double)values[k]);
    }
    thaw_safetensors_close(file);
  }
}
END_TEST

#define X "\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"

START_TEST(headers_that_are_wrong) {
  spill("{" X "}   ", 8);
  ck_assert_msg(read_all() == THAW_OK, "%s", thaw_error(ctx));
  spill("{}", 0);
  ck_assert_int_eq(read_all(), THAW_OK);
  expect_refusal("", 0, "no JSON");
  expect_refusal("{", 0, "no JSON");
  expect_refusal("[1]", 0, "expected an object");
  expect_refusal("{" X "}x", 8, "no JSON");
  expect_refusal("{'x':1}", 0, "no JSON");
  expect_refusal("{\"x\":1}", 0, "'x': expected an object");
  expect_refusal("{" X "," X "}", 8, "the name 'x' stands in the header twice");
  expect_refusal("{" X ",\"\\u0078\":{}}", 8, "stands in the header twice");
  expect_refusal("{\"__metadata__\":1}", 0, "__metadata__ is no object");
  expect_refusal("{\"__metadata__\":{\"a\":1}}", 0, "'a' in its __metadata__ is no text");
}
END_TEST

#define TENSOR(dtype, shape, offsets) \
  "{\"x\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

START_TEST(tensors_that_are_wrong) {
  expect_refusal(TENSOR("\"Q4\"", "[2]", "[0,8]"), 8, "no dtype 'Q4'");
  expect_refusal(TENSOR("4", "[2]", "[0,8]"), 8, "dtype is missing");
  expect_refusal(TENSOR("\"I64\"", "[1]", "[0,8]"), 8, "dtype I64; weights are F32");
  expect_refusal(TENSOR("\"F32\"", "2", "[0,8]"), 8, "shape is missing");
  expect_refusal(TENSOR("\"F32\"", "[-2]", "[0,8]"), 8, "no list of whole numbers");
  expect_refusal(TENSOR("\"F32\"", "[1.5]", "[0,8]"), 8, "no list of whole numbers");
  expect_refusal(TENSOR("\"F32\"", "[1,1,1,1,2]", "[0,8]"), 8, "has 5 dimensions");
  expect_refusal(TENSOR("\"F32\"", "[4294967296,4294967296]", "[0,8]"), 8, "larger than any");
  expect_refusal(TENSOR("\"F32\"", "[3]", "[0,8]"), 8, "shape and its dtype F32 make 12");
  expect_refusal(TENSOR("\"F32\"", "[2]", "[0]"), 8, "no two whole numbers");
  expect_refusal(TENSOR("\"F32\"", "[2]", "[8,0]"), 8, "lie outside");
  expect_refusal(TENSOR("\"F32\"", "[2]", "[0,8]"), 7, "lie outside");
  expect_refusal(TENSOR("\"F32\"", "[2]", "[0,99999999999999999999]"), 8, "no two whole numbers");
  expect_refusal(TENSOR("\"F32\"", "[2]", "[4,12]"), 12, "from byte 0 of the data on");
  expect_refusal(TENSOR("\"F32\"", "[2]", "[0,8]"), 9, "from byte 8 of the data on");
  expect_refusal("{" X ",\"y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
                 "'x' and 'y' overlap");
  expect_refusal("{" X ",\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", 16,
                 "from byte 8 of the data on");
}
END_TEST

START_TEST(files_that_are_none) {
  ck_assert_int_eq(read_all(), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "cannot be opened: No such file"));
  write_sample();
  size_t size;
  unsigned char *bytes = sample_slurp(path, &size);
  for (size_t length = 0; length < size; length++) {
    sample_spill(path, bytes, length);
    ck_assert_msg(read_all() == THAW_INVALID, "cut to %zu bytes", length);
  }
  memset(bytes, 0xff, 8);
  sample_spill(path, bytes, size);
  ck_assert_int_eq(read_all(), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "its header should have 18446744073709551615"));
  free(bytes);
}
END_TEST

/* Whatever a byte becomes, the file is valid or refused: never a crash. */
START_TEST(every_byte_changed) {
  write_sample();
  size_t size;
  unsigned char *bytes = sample_slurp(path, &size);
  static const unsigned char others[] = {0, ' ', '"', '{', ']', '9', '-', '\\', 0x80, 0xff};
  for (size_t at = 0; at < size; at++) {
    const unsigned char kept = bytes[at];
    for (size_t k = 0; k < sizeof others; k++) {
      bytes[at] = others[k];
      sample_spill(path, bytes, size);
      const thaw_status status = read_all();
      ck_assert_msg(status == THAW_OK || status == THAW_INVALID, "byte %zu: %s", at,
                    thaw_error(ctx));
    }
    bytes[at] = kept;
  }
  free(bytes);
}
END_TEST

START_TEST(a_failure_leaves_no_file) {
  char *nowhere = thaw_path_join(folder, "missing/a.safetensors");
  ck_assert_int_eq(thaw_safetensors_write(ctx, nowhere, NULL, 0, NULL, 0), THAW_FAILED);
  ck_assert(!thaw_path_exists(nowhere));
  free(nowhere);
}
END_TEST

int main(void) {
  TCase *tests = tcase_create("safetensors");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, what_is_written_is_read_again);
  tcase_add_test(tests, halves_and_doubles_are_read);
  tcase_add_test(tests, headers_that_are_wrong);
  tcase_add_test(tests, tensors_that_are_wrong);
  tcase_add_test(tests, files_that_are_none);
  tcase_add_test(tests, every_byte_changed);
  tcase_add_test(tests, a_failure_leaves_no_file);
  Suite *suite = suite_create("safetensors");
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
