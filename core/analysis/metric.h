/* metric.h: what runs are compared by. */
#ifndef THAW_METRIC_H
#define THAW_METRIC_H

#include "thaw/base.h"

typedef enum thaw_metric {
  THAW_METRIC_ACCURACY,
  THAW_METRIC_MACRO_F1,
  THAW_METRIC_LOSS,       /* mean −log of the probability of a document's class */
  THAW_METRIC_PERPLEXITY, /* of a language model on its validation text */
  THAW_METRIC_SECONDS,    /* of training */
} thaw_metric;

typedef struct thaw_metric_facts {
  const char *name;    /* on the command line and in columns for programs: "macro_f1" */
  const char *heading; /* for people: "macro F1" */
  bool higher_is_better;
  bool of_documents; /* every test document has its share in it */
  bool of_models;    /* of language models, which have no test documents */
  int decimals;
  double scale;     /* differences for people are multiplied by it, */
  const char *unit; /* and are then in "points"; "" where there is nothing to say */
  double margin;    /* a difference below it is of no interest, unless the user says otherwise; 0:
                       every difference may be */
} thaw_metric_facts;

const thaw_metric_facts *thaw_metric_about(thaw_metric metric);
/* The names, in the order of the numbers above; ends with NULL. */
extern const char *const thaw_metrics[];

#endif
