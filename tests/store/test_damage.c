/* Files that are not whole run files of this format are refused with a reason, and never crash. */
#include <check.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "sample.h"
#include "store/seal.h"

enum { NOBODY = 65534 };

static thaw_context *ctx;
static sample *wrote;
static char *folder, *path;
static unsigned char *bytes; /* of the good file */
static size_t size;

static void set_up(void) {
  ctx = thaw_context_create();
  wrote = sample_create();
  folder = sample_folder();
  path = thaw_path_join(folder, "sample.h5");
  ck_assert_msg(thaw_run_write(ctx, path, &wrote->content) == THAW_OK, "%s", thaw_error(ctx));
  bytes = sample_slurp(path, &size);
}

static void tear_down(void) {
  /* Every handle is closed, after failures too. */
  ck_assert_int_eq(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  free(bytes);
  free(path);
  sample_remove(folder);
  sample_free(wrote);
  thaw_context_free(ctx);
}

/* Reading everything fails with a message that names the file and contains `reason`. */
static void expect_refusal(const char *file, const char *reason) {
  ck_assert_int_eq(sample_read_all(ctx, file), THAW_INVALID);
  ck_assert_msg(strstr(thaw_error(ctx), file) && strstr(thaw_error(ctx), reason),
                "expected the reason '%s', found: %s", reason, thaw_error(ctx));
}

START_TEST(a_truncated_file) {
  sample_spill(path, bytes, 0);
  expect_refusal(path, "is empty");
  for (size_t length = 1; length < size; length += length < 700 ? 13 : 197) {
    sample_spill(path, bytes, length);
    expect_refusal(path, length < 14 ? "not an HDF5 file" : "is truncated");
  }
  sample_spill(path, bytes, size - 1);
  expect_refusal(path, "is truncated");
  /* More than an interrupted tagging leaves behind a file. */
  const size_t longer = size + 5000;
  bytes = realloc(bytes, longer);
  ck_assert_ptr_nonnull(bytes);
  memset(bytes + size, 0, longer - size);
  sample_spill(path, bytes, longer);
  expect_refusal(path, "not as thaw wrote it");
}
END_TEST

START_TEST(a_flipped_bit) {
  for (size_t at = 0; at < size; at += at < 512 ? 1 : 11) {
    const unsigned char kept = bytes[at];
    bytes[at] ^= (unsigned char)(1U << at % 8);
    sample_spill(path, bytes, size);
    bytes[at] = kept;
    ck_assert_msg(sample_read_all(ctx, path) == THAW_INVALID, "byte %zu of %zu", at, size);
    ck_assert_msg(strstr(thaw_error(ctx), path) != NULL, "byte %zu: %s", at, thaw_error(ctx));
  }
}
END_TEST

/* Damage within a tensor's values is found by whoever reads that tensor, and by nobody else. */
START_TEST(a_damaged_tensor_is_named) {
  const thaw_tensor *tensor = wrote->kept_weights->groups[1].params[0].tensor;
  size_t found = 0;
  for (size_t at = 0; at + 60 < size; at++) {
    if (memcmp(bytes + at, tensor->data, 60) != 0) continue;
    bytes[at] ^= 0x40;
    found++;
  }
  ck_assert_uint_eq(found, 2); /* of two stages */
  sample_spill(path, bytes, size);
  thaw_run_file *run;
  thaw_params *params = NULL;
  ck_assert_msg(thaw_run_open(ctx, path, &run) == THAW_OK, "%s", thaw_error(ctx));
  ck_assert_int_eq(thaw_run_weights(ctx, run, NULL, &params), THAW_OK);
  thaw_params_free(params);
  ck_assert_int_eq(thaw_run_weights(ctx, run, "finetune", &params), THAW_INVALID);
  ck_assert_ptr_null(params);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "/stages/finetune/weights/embedding/weight"));
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "damaged"));
  thaw_run_close(run);
}
END_TEST

/* Damage that only those find who read everything. */
START_TEST(verifying_reads_everything) {
  ck_assert_msg(thaw_run_verify(ctx, path) == THAW_OK, "%s", thaw_error(ctx));
  static const double sums[] = {0.1, -1e300};
  const struct {
    const void *values;
    size_t count;
    const char *name;
  } blocks[] = {
      {wrote->weights->groups[0].params[0].tensor->data, 60, "/weights/rnn.1/w_hh is damaged"},
      {wrote->kept_weights->groups[1].params[0].tensor->data, 60,
       "/weights/embedding/weight is damaged"},
      {sums, sizeof sums, "/state/sums is damaged"}};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
    size_t at = 0;
    while (at + blocks[i].count < size && memcmp(bytes + at, blocks[i].values, blocks[i].count))
      at++;
    bytes[at] ^= 0x40;
    sample_spill(path, bytes, size);
    bytes[at] ^= 0x40;
    ck_assert_int_eq(thaw_run_verify(ctx, path), THAW_INVALID);
    ck_assert_ptr_nonnull(strstr(thaw_error(ctx), path));
    ck_assert_msg(strstr(thaw_error(ctx), blocks[i].name) != NULL, "%s", thaw_error(ctx));
  }
  sample_spill(path, bytes, size / 2);
  ck_assert_int_eq(thaw_run_verify(ctx, path), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "is truncated"));
}
END_TEST

START_TEST(another_format_version) {
  char *format = strstr((char *)bytes, "format 1\n");
  ck_assert_ptr_nonnull(format);
  format[7] = '2';
  sample_spill(path, bytes, size);
  expect_refusal(path, "format 2");
  expect_refusal(path, "reads format 1");
}
END_TEST

START_TEST(no_run_file_at_all) {
  char *other = thaw_path_join(folder, "other.h5");
  expect_refusal(other, "No such file");
  expect_refusal(folder, "a folder");
  sample_spill(other, "text,label\n", 11);
  expect_refusal(other, "not an HDF5 file");
  const hid_t file = H5Fcreate(other, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  ck_assert(file >= 0 && H5Fclose(file) >= 0);
  expect_refusal(other, "is an HDF5 file, but not a run file");
  ck_assert_int_eq(remove(other), 0);
  ck_assert_int_eq(mkfifo(other, 0600), 0);
  expect_refusal(other, "not a regular file"); /* instead of waiting for a writer */
  free(other);
}
END_TEST

START_TEST(a_file_that_may_not_be_read) {
  const bool root = geteuid() == 0;
  ck_assert_int_eq(chmod(path, 0), 0);
  if (root) ck_assert_int_eq(seteuid(NOBODY), 0);
  const thaw_status status = sample_read_all(ctx, path);
  if (root) ck_assert_int_eq(seteuid(0), 0);
  ck_assert_int_eq(status, THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "Permission denied"));
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), path));
}
END_TEST

/* ---- Files with a good seal and other content ------------------------------------------------ */

static hid_t create_bare(const char *file) {
  const hid_t creation = H5Pcreate(H5P_FILE_CREATE);
  ck_assert(creation >= 0 && H5Pset_userblock(creation, 512) >= 0);
  const hid_t made = H5Fcreate(file, H5F_ACC_TRUNC, creation, H5P_DEFAULT);
  ck_assert(made >= 0);
  H5Pclose(creation);
  return made;
}

static void put_number(hid_t object, const char *name, hid_t type, int64_t value) {
  const hid_t space = H5Screate(H5S_SCALAR);
  const hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  ck_assert(attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_INT64, &value) >= 0);
  H5Aclose(attribute);
  H5Sclose(space);
}

static hid_t create_rooted(const char *file) {
  const hid_t made = create_bare(file);
  put_number(made, "complete", H5T_STD_I64LE, 1);
  put_number(made, "seed", H5T_STD_U64LE, 1);
  put_number(made, "seconds", H5T_IEEE_F64LE, 1);
  return made;
}

static hid_t create_group(hid_t parent, const char *name) {
  const hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
  H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  const hid_t group = H5Gcreate2(parent, name, H5P_DEFAULT, creation, H5P_DEFAULT);
  ck_assert(group >= 0);
  H5Pclose(creation);
  return group;
}

/* A dataset of zeros. */
static void put_zeros(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *shape,
                      hid_t creation) {
  const hid_t space = H5Screate_simple(rank, shape, NULL);
  const hid_t made = H5Dcreate2(parent, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  ck_assert(made >= 0);
  H5Dclose(made);
  H5Sclose(space);
}

static thaw_run_file *seal_and_open(hid_t made) {
  ck_assert(H5Fclose(made) >= 0);
  ck_assert_int_eq(thaw_seal_write(ctx, path, path, 512, THAW_RUNFILE_FORMAT, NULL, 0), THAW_OK);
  thaw_run_file *run = NULL;
  ck_assert_msg(thaw_run_open(ctx, path, &run) == THAW_OK, "%s", thaw_error(ctx));
  return run;
}

START_TEST(the_numbers_of_the_root_are_missing) {
  hid_t made = create_bare(path);
  ck_assert(H5Fclose(made) >= 0);
  ck_assert_int_eq(thaw_seal_write(ctx, path, path, 512, THAW_RUNFILE_FORMAT, NULL, 0), THAW_OK);
  expect_refusal(path, "complete");
  made = create_bare(path);
  put_number(made, "complete", H5T_STD_I32LE, 1);
  ck_assert(H5Fclose(made) >= 0);
  ck_assert_int_eq(thaw_seal_write(ctx, path, path, 512, THAW_RUNFILE_FORMAT, NULL, 0), THAW_OK);
  expect_refusal(path, "expected type");
}
END_TEST

START_TEST(weights_of_another_kind) {
  const hid_t made = create_rooted(path), weights = create_group(made, "weights");
  const hid_t group = create_group(weights, "head"), chunked = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t shape[] = {1000000, 1000000};
  ck_assert(H5Pset_chunk(chunked, 2, (hsize_t[]){10, 10}) >= 0);
  /* Four terabytes, says the shape; nothing is stored. */
  put_zeros(group, "weight", H5T_IEEE_F32LE, 2, shape, chunked);
  H5Pclose(chunked);
  H5Gclose(group);
  H5Gclose(weights);
  thaw_run_file *run = seal_and_open(made);
  thaw_params *params = NULL;
  ck_assert_int_eq(thaw_run_weights(ctx, run, NULL, &params), THAW_INVALID);
  ck_assert_ptr_null(params);
  ck_assert_msg(strstr(thaw_error(ctx), "/weights/head/weight is not stored as a whole") != NULL,
                "%s", thaw_error(ctx));
  thaw_run_close(run);
}
END_TEST

START_TEST(predictions_and_tables_of_another_shape) {
  const hid_t made = create_rooted(path), all = create_group(made, "predictions");
  const hid_t test = create_group(all, "test"), early = H5Pcreate(H5P_DATASET_CREATE);
  ck_assert(H5Pset_alloc_time(early, H5D_ALLOC_TIME_EARLY) >= 0);
  put_zeros(test, "gold", H5T_STD_I32LE, 1, (hsize_t[]){3}, early);
  put_zeros(test, "predicted", H5T_STD_I32LE, 1, (hsize_t[]){4}, early);
  put_zeros(test, "probabilities", H5T_IEEE_F32LE, 2, (hsize_t[]){4, 2}, early);
  const hid_t metrics = create_group(made, "metrics"), stage = create_group(metrics, "pretrain");
  put_zeros(stage, "steps", H5T_IEEE_F64LE, 1, (hsize_t[]){4}, early);
  put_zeros(made, "classes", H5T_STD_I32LE, 1, (hsize_t[]){4}, early);
  const hid_t opened[] = {early, test, all, stage, metrics};
  for (size_t i = 0; i < sizeof opened / sizeof *opened; i++) H5Idec_ref(opened[i]);
  thaw_run_file *run = seal_and_open(made);
  thaw_predictions *predictions = NULL;
  ck_assert_int_eq(thaw_run_predictions(ctx, run, "test", &predictions), THAW_INVALID);
  ck_assert_ptr_null(predictions);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "/predictions/test/gold does not fit"));
  thaw_series **series = NULL;
  size_t count;
  ck_assert_int_eq(thaw_run_series(ctx, run, &series, &count), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "/metrics/pretrain/steps is not a table"));
  thaw_classes classes;
  ck_assert_int_eq(thaw_run_classes(ctx, run, &classes), THAW_INVALID);
  ck_assert_ptr_nonnull(strstr(thaw_error(ctx), "classes does not hold texts"));
  thaw_run_close(run);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("damage");
  TCase *tests = tcase_create("damage");
  tcase_add_checked_fixture(tests, set_up, tear_down);
  tcase_add_test(tests, a_truncated_file);
  tcase_add_test(tests, a_flipped_bit);
  tcase_add_test(tests, a_damaged_tensor_is_named);
  tcase_add_test(tests, verifying_reads_everything);
  tcase_add_test(tests, another_format_version);
  tcase_add_test(tests, no_run_file_at_all);
  tcase_add_test(tests, a_file_that_may_not_be_read);
  tcase_add_test(tests, the_numbers_of_the_root_are_missing);
  tcase_add_test(tests, weights_of_another_kind);
  tcase_add_test(tests, predictions_and_tables_of_another_shape);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
