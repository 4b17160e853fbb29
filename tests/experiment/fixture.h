/* fixture.h: a small experiment in a temporary folder, and the thaw command run on it.
 *
 * The texts are made from a few words, so that a tiny model learns them in a second. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "base/buffer.h"
#include "base/context.h"
#include "store/runfile.h"

/* Under AddressSanitizer memory and time are mostly the sanitizer's. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIXTURE_SANITIZED true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FIXTURE_SANITIZED true
#endif
#if !defined(FIXTURE_SANITIZED)
#define FIXTURE_SANITIZED false
#endif

/* Goes to a new temporary folder with experiment.yaml, general.txt, train.csv and test.csv in it;
 * fixture_end removes it. */
void fixture_begin(void);
void fixture_end(void);

/* A file of the folder: "experiment.yaml". */
void fixture_write(const char *name, const char *text);
/* Puts `text` in place of `old`, which occurs once, in a file. */
void fixture_edit(const char *name, const char *old, const char *text);
/* A file's bytes and a NUL, which is not counted, appended to `text`. */
void fixture_read(const char *name, thaw_buffer *text);
/* How many files there are in the folder and in those in it whose name ends so. */
size_t fixture_count(const char *ending);

/* What a command printed and how it ended. */
typedef struct fixture_result {
  int status;     /* exit status; 128 + the signal that ended it */
  size_t peak;    /* its largest resident size, bytes */
  double seconds; /* that it took */
  thaw_buffer out, err;
} fixture_result;
void fixture_free(fixture_result *result);

/* Runs `thaw ARGUMENTS`, words separated by single spaces, with the cache in the folder; `input`
 * (may be NULL) is its standard input. */
fixture_result fixture_run(const char *arguments, const char *input);
/* The same, killed by SIGKILL after `seconds`. */
fixture_result fixture_run_killed(const char *arguments, double seconds);
/* The same with a pipe on which nothing follows `input`; killed after `seconds`. */
fixture_result fixture_run_waiting(const char *arguments, const char *input, double seconds);
/* The same, sent SIGINT as soon as its standard error contains `said`. */
fixture_result fixture_run_interrupted(const char *arguments, const char *said);
/* The same on a disk that takes no more than `bytes` of a file. */
fixture_result fixture_run_limited(const char *arguments, size_t bytes);
/* The same by somebody who is held to the permissions of files, though the test may be root's. */
fixture_result fixture_run_without_rights(const char *arguments);
/* Runs it and fails the test unless it ends with this status. */
void fixture_expect(int status, const char *arguments);
/* Fails the test unless the command ends with `status` and its standard error contains `text`. */
void fixture_expect_error(int status, const char *arguments, const char *text);

thaw_run_file *fixture_open_run(thaw_context *ctx, const char *path);
/* Fails the test unless both files are finished and hold the same weights, bit for bit. */
void fixture_expect_same_weights(const char *a, const char *b);
/* The same of how far groups moved in every stage. */
void fixture_expect_same_distances(const char *a, const char *b);

#endif
