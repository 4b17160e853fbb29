/* model.h: an encoder with what stands on it: a decoder (language model) or a head (classifier).
 *
 * The language model's decoder is tied to the encoder's embedding where the last layer's width
 * allows; then it adds only a bias. The group "decoder" holds what it adds, "head" what a head
 * adds. */
#ifndef THAW_MODEL_H
#define THAW_MODEL_H

#include "config/experiment.h"
#include "plugin/parameters.h"

typedef struct thaw_model {
  thaw_params *params;
  const thaw_encoder *encoder;
  void *encoder_self;
  thaw_encoder_info info;
  size_t vocabulary;
  /* A language model: */
  /* and, where it is asked for, a classifier: */
  thaw_tensor *decoder_weight; /* [V][D]; the embedding itself when tied */
  thaw_tensor *decoder_bias;   /* [V] */
  bool tied;
  /* A classifier: */
  const thaw_head *head;
  void *head_self;
  size_t classes;
} thaw_model;

/* Fresh models; initial values depend on `seed`. With `weights`, which may be NULL, the classifier
 * takes their memory and values instead; THAW_INVALID where they do not fit. */
thaw_status thaw_model_create_language_model(thaw_context *ctx, const thaw_plugin_use *encoder,
                                             size_t vocabulary, uint64_t seed, thaw_model **model);
thaw_status thaw_model_create_classifier(thaw_context *ctx, const thaw_plugin_use *encoder,
                                         const thaw_plugin_use *head, size_t vocabulary,
                                         size_t classes, uint64_t seed, thaw_params *weights,
                                         thaw_model **model);
/* A language model that takes the memory and values of `weights`. */
thaw_status thaw_model_restore_language_model(thaw_context *ctx, const thaw_plugin_use *encoder,
                                              size_t vocabulary, thaw_params *weights,
                                              thaw_model **model);
/* Gives a classifier a language model's tied decoder, of which the group "decoder" holds the bias,
 * for a loss beside its own. THAW_INVALID where the last layer is not as wide as the embedding,
 * or the encoder bidirectional. */
thaw_status thaw_model_add_tied_decoder(thaw_context *ctx, thaw_model *model);
void thaw_model_free(thaw_model *model);

/* The rate groups of a model that a schedule speaks of, from the input to the output. A
 * classifier's are its parameter groups; a decoder that it has belongs to its embedding. A tied
 * language model's embedding belongs to its output as well: as in fastai it stands last, together
 * with the decoder, under the name "embedding". */
typedef struct thaw_rate_group {
  const char *name; /* the model's */
  const thaw_param_group *groups[2];
  size_t group_count;
} thaw_rate_group;

/* `rate_groups` receives at most params->count of them; returns how many. */
size_t thaw_model_rate_groups(const thaw_model *model, thaw_rate_group *rate_groups);

/* Has the tensor a row for every word: the embedding, a decoder's weight and bias? */
bool thaw_model_follows_words(const thaw_model *model, const thaw_tensor *tensor);

/* Copies every value of `from` to the tensor of the same group and name; both have the same layout.
 */
void thaw_params_copy(thaw_params *to, const thaw_params *from);

#endif
