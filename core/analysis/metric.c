/* metric.c: the table of metrics. */
#include "analysis/metric.h"

static const thaw_metric_facts facts[] = {
    [THAW_METRIC_ACCURACY] = {.name = "accuracy",
                              .heading = "accuracy",
                              .higher_is_better = true,
                              .of_documents = true,
                              .decimals = 3,
                              .scale = 100,
                              .unit = "points",
                              .margin = 0.01},
    [THAW_METRIC_MACRO_F1] = {.name = "macro_f1",
                              .heading = "macro F1",
                              .higher_is_better = true,
                              .of_documents = true,
                              .decimals = 3,
                              .scale = 100,
                              .unit = "points",
                              .margin = 0.01},
    [THAW_METRIC_LOSS] = {.name = "loss",
                          .heading = "loss",
                          .of_documents = true,
                          .decimals = 3,
                          .scale = 1,
                          .unit = ""},
    [THAW_METRIC_PERPLEXITY] = {.name = "perplexity",
                                .heading = "perplexity",
                                .of_models = true,
                                .decimals = 1,
                                .scale = 1,
                                .unit = ""},
    [THAW_METRIC_SECONDS] =
        {.name = "seconds", .heading = "seconds", .decimals = 1, .scale = 1, .unit = ""},
};

const thaw_metric_facts *thaw_metric_about(thaw_metric metric) {
  return &facts[metric];
}

const char *const thaw_metrics[] = {"accuracy", "macro_f1", "loss", "perplexity", "seconds", NULL};
