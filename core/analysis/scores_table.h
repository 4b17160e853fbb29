/* scores_table.h: predictions of one run as tables: by class, by pair of classes, by document. */
#ifndef THAW_SCORES_TABLE_H
#define THAW_SCORES_TABLE_H

#include "analysis/table.h"
#include "text/corpus.h"
#include "train/record.h"

/* Each makes a table, to be freed. `classes` are those of the predictions. */

/* A row for each class: documents, how often it was predicted, precision, recall, F1. */
thaw_status thaw_scores_table(thaw_context *ctx, const thaw_classes *classes,
                              const thaw_predictions *predictions, thaw_table **table);
/* The pairs of classes of which one was taken for the other most often, at most `most`: gold,
 * predicted, documents, their share of the gold ones. */
thaw_status thaw_confusions_table(thaw_context *ctx, const thaw_classes *classes,
                                  const thaw_predictions *predictions, size_t most,
                                  thaw_table **table);
/* A row for each document, from 0: label, predicted, the probability of every class. */
thaw_status thaw_predictions_table(thaw_context *ctx, const thaw_classes *classes,
                                   const thaw_predictions *predictions, thaw_table **table);

#endif
