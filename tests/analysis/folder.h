/* folder.h: a test's own folder, and the runs in it. */
#ifndef THAW_TESTS_ANALYSIS_FOLDER_H
#define THAW_TESTS_ANALYSIS_FOLDER_H

#include "analysis/comparison.h"

/* A new folder, malloc'ed. */
char *make_folder(void);
/* Removes it with all that is in it, and frees the name. */
void remove_folder(char *folder);

/* Compares the runs in the folder; a failure stays in the context. */
thaw_status compare_folder(thaw_context *ctx, const char *folder,
                           const thaw_comparison_options *options, thaw_comparison **comparison);

#endif
