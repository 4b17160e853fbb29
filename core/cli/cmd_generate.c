/* cmd_generate.c: `thaw generate`: text that a run's language model writes.
 *
 * On a terminal words appear as they are drawn. There a text is joined again after every token, and
 * what it has become longer by is printed: only the tokenizer knows where blanks go. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <unistr.h>

#include "cli/command.h"
#include "experiment/generator.h"

typedef struct generate_settings {
  const char *prompt;
  int64_t tokens, top_k, seed, count;
  double temperature, top_p;
} generate_settings;

static const thaw_option options[] = {
    {.name = "prompt",
     .letter = 'p',
     .type = THAW_OPTION_TEXT,
     .offset = offsetof(generate_settings, prompt),
     .value_name = "TEXT",
     .default_value = "",
     .doc = "how the text begins"},
    {.name = "tokens",
     .letter = 'n',
     .type = THAW_OPTION_COUNT,
     .offset = offsetof(generate_settings, tokens),
     .value_name = "N",
     .default_value = "100",
     .doc = "draw so many tokens for each text",
     .minimum = 1,
     .maximum = 1000000},
    {.name = "temperature",
     .letter = 't',
     .type = THAW_OPTION_NUMBER,
     .offset = offsetof(generate_settings, temperature),
     .value_name = "T",
     .default_value = "1",
     .doc = "below 1 the probable becomes more probable; 0: always the most probable token",
     .minimum = 0,
     .maximum = 1000},
    {.name = "top-k",
     .letter = 'k',
     .type = THAW_OPTION_COUNT,
     .offset = offsetof(generate_settings, top_k),
     .value_name = "K",
     .default_value = "0",
     .doc = "draw from the K most probable tokens; 0: from all",
     .minimum = 0,
     .maximum = INT32_MAX},
    {.name = "top-p",
     .type = THAW_OPTION_NUMBER,
     .offset = offsetof(generate_settings, top_p),
     .value_name = "P",
     .default_value = "1",
     .doc = "draw from the most probable tokens that have the probability P together",
     .minimum = 0,
     .maximum = 1},
    {.name = "seed",
     .letter = 's',
     .type = THAW_OPTION_COUNT,
     .offset = offsetof(generate_settings, seed),
     .value_name = "S",
     .default_value = "1",
     .doc = "the same seed draws the same text",
     .minimum = 0,
     .maximum = INT64_MAX},
    {.name = "count",
     .letter = 'c',
     .type = THAW_OPTION_COUNT,
     .offset = offsetof(generate_settings, count),
     .value_name = "N",
     .default_value = "1",
     .doc = "write so many texts; the second has the next seed",
     .minimum = 1,
     .maximum = 1000000},
    {0}};

/* A text on its way out. */
typedef struct writing {
  const thaw_call *call;
  thaw_generator *generator;
  thaw_buffer text; /* the document so far */
  size_t printed;   /* bytes of it */
} writing;

/* The bytes that will not change any more: a character of several tokens is U+FFFD until its last
 * one is there. */
static size_t settled(const thaw_buffer *text) {
  static const char replacement[] = "\uFFFD";
  const size_t bytes = sizeof replacement - 1;
  size_t size = text->size;
  while (size >= bytes && memcmp(text->data + size - bytes, replacement, bytes) == 0) size -= bytes;
  return size;
}

/* Prints what has been added to the document. */
static thaw_status print_more(writing *w, bool ended) {
  thaw_buffer_clear(&w->text);
  thaw_status status = thaw_generator_text(w->call->ctx, w->generator, &w->text);
  if (status) return status;
  const size_t end = ended ? w->text.size : settled(&w->text);
  if (end > w->printed) {
    fwrite(w->text.data + w->printed, 1, end - w->printed, w->call->out);
    w->printed = end;
  }
  if (ended) {
    fputc('\n', w->call->out);
    w->printed = 0;
  }
  if (fflush(w->call->out) == 0) return THAW_OK;
  return thaw_fail(w->call->ctx, THAW_FAILED, "writing to standard output failed");
}

static thaw_status write_text(writing *w, uint64_t seed) {
  const generate_settings *s = w->call->settings;
  const thaw_drawing drawing = {s->temperature, (size_t)s->top_k, s->top_p};
  /* Of a text that is written from its end nothing can be printed before it is there. */
  const bool terminal = isatty(fileno(w->call->out)) && !thaw_generator_is_backward(w->generator);
  bool ended = false;
  thaw_status status =
      thaw_generator_begin(w->call->ctx, w->generator, s->prompt, strlen(s->prompt), seed);
  for (int64_t i = 0; i < s->tokens && status == THAW_OK; i++) {
    status = thaw_generator_next(w->call->ctx, w->generator, &drawing, &ended);
    if (status == THAW_OK && (ended || terminal)) status = print_more(w, ended);
  }
  return status == THAW_OK && !ended ? print_more(w, true) : status;
}

static thaw_status check_prompt(const thaw_call *call) {
  const generate_settings *s = call->settings;
  const uint8_t *prompt = (const uint8_t *)s->prompt;
  const uint8_t *bad = u8_check(prompt, strlen(s->prompt));
  if (!bad) return THAW_OK;
  return thaw_fail(call->ctx, THAW_INVALID, "--prompt: byte %zu is no UTF-8",
                   (size_t)(bad - prompt) + 1);
}

static thaw_status run(const thaw_call *call) {
  const generate_settings *s = call->settings;
  writing w = {.call = call};
  thaw_status status = check_prompt(call);
  if (status == THAW_OK)
    status = thaw_generator_open(call->ctx, call->operands.words[0], call->registry, &w.generator);
  for (int64_t i = 0; i < s->count && status == THAW_OK; i++) {
    if (i > 0) fputc('\n', call->out);
    status = write_text(&w, (uint64_t)s->seed + (uint64_t)i);
  }
  thaw_buffer_free(&w.text);
  thaw_generator_free(w.generator);
  return status;
}

const thaw_command thaw_command_generate = {
    .name = "generate",
    .operands = "RUN.h5",
    .summary = "Write text with the language model of a run.",
    .description =
        "RUN.h5 is the run file of a language model, one that keeps a language model's weights "
        "(keep_weights: true in its stage; the last such stage counts), or a file of the stage "
        "cache. A text begins as a document of the training text does, with the prompt; where the "
        "model ends a document, a line ends and the next document begins. An empty line stands "
        "between texts. On a terminal words appear as they are drawn. A backward language model "
        "writes from a document's end to its beginning: the prompt is how it ends.",
    .options = options,
    .settings_size = sizeof(generate_settings),
    .fewest = 1,
    .most = 1,
    .run = run,
};
