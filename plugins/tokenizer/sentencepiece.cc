/* sentencepiece: pieces of words, learned from the text by the library of that name.
 *
 *     tokenizer: {plugin: sentencepiece, size: 15000, min_count: 1, max_vocab: 0}
 *     tokenizer: {plugin: sentencepiece, kind: bpe, size: 8000, min_count: 1, max_vocab: 0}
 *     tokenizer: {plugin: sentencepiece, model: m.model, min_count: 1, max_vocab: 0}
 *
 *     internationally known  →  ▁international | ly | ▁known
 *
 * min_count: 1 and max_vocab: 0 keep every piece of the model in the vocabulary, which `size` has
 * already limited; a piece that the stage's text never needs has no place in it either way.
 *
 * A unigram model (Kudo 2018, arXiv 1804.10959) or byte pair encoding (Sennrich et al. 2016, arXiv
 * 1508.07909) is trained on the first stage's training text, or comes from a file. It is kept in
 * the run file, which needs neither the text nor the model's file later. With `model` the other
 * settings say nothing: that model has its own.
 *
 * Long texts are cut at blanks into parts of at most 4,000 bytes, and so many of them are drawn,
 * all with the same chance, as `sample` takes: memory is bounded, by some 25 times that. The same
 * text and settings give the same model.
 *
 * Characters that the model does not know are xxunk, or with byte_fallback pieces for their bytes.
 * `join` gives the text back as it was normalised; with normalization: identity and byte_fallback
 * it is the text itself, but for the character ▁ (U+2581), which the library writes for a blank. A
 * piece that is a name of the vocabulary's own (xxunk, xxpad, xxbos) is cut in two.
 *
 * Kudo and Richardson 2018 (arXiv 1808.06226). */
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>
#include <thaw/plugin.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <new>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

struct settings {
  const char *kind;
  int64_t size;
  double character_coverage;
  bool byte_fallback;
  const char *normalization;
  int64_t sample;
  const char *model;
};

const char *const kinds[] = {"unigram", "bpe", nullptr};
const char *const normalizations[] = {"nmt_nfkc", "nfkc",     "nmt_nfkc_cf",
                                      "nfkc_cf",  "identity", nullptr};

const thaw_param_spec parameters[] = {
    {.name = "kind",
     .type = THAW_PARAM_CHOICE,
     .offset = offsetof(settings, kind),
     .default_value = "unigram",
     .unit = "",
     .doc = "What is trained: a unigram model, or byte pair encoding.",
     .choices = kinds},
    {.name = "size",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, size),
     .default_value = "8000",
     .minimum = 8,
     .maximum = 1000000,
     .unit = "pieces",
     .doc = "How many pieces the model has, the unknown one included."},
    {.name = "character_coverage",
     .type = THAW_PARAM_REAL,
     .offset = offsetof(settings, character_coverage),
     .default_value = "0.9995",
     .minimum = 0.9,
     .maximum = 1,
     .unit = "",
     .doc = "The share of the text's characters that are known; the rarest are left out."},
    {.name = "byte_fallback",
     .type = THAW_PARAM_BOOL,
     .offset = offsetof(settings, byte_fallback),
     .default_value = "false",
     .unit = "",
     .doc = "256 of the pieces are bytes, for characters that are not known."},
    {.name = "normalization",
     .type = THAW_PARAM_CHOICE,
     .offset = offsetof(settings, normalization),
     .default_value = "nmt_nfkc",
     .unit = "",
     .doc = "What is evened out before text is cut; _cf: letter case too; identity: nothing.",
     .choices = normalizations},
    {.name = "sample",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, sample),
     .default_value = "16",
     .minimum = 1,
     .maximum = 4096,
     .unit = "MiB",
     .doc = "How much of the text the model is trained on, drawn from all of it."},
    {.name = "model",
     .type = THAW_PARAM_PATH,
     .offset = offsetof(settings, model),
     .default_value = "",
     .unit = "",
     .doc = "A file with a model that is used as it is; nothing is trained."},
    {.name = nullptr},
};

struct tokenizer_self {
  sentencepiece::SentencePieceProcessor *model; /* NULL until there is one */
  std::string *state;                           /* its bytes */
};

/* No exception may leave the plugin. */
template <typename Work>
thaw_status guarded(thaw_context *ctx, Work work) {
  try {
    return work();
  } catch (const std::bad_alloc &) {
    return thaw_fail_memory(ctx, 0);
  } catch (const std::exception &e) {
    return thaw_fail(ctx, THAW_FAILED, "the library sentencepiece failed: %s", e.what());
  }
}

/* ---- A sample of the text -------------------------------------------------------------------- */

constexpr size_t longest_part = 4000; /* bytes; the library leaves out what is longer than 4192 */

struct part {
  uint64_t priority; /* those with the lowest stay */
  size_t number;     /* its place in the text */
  std::string text;
  bool operator<(const part &other) const {
    return priority < other.priority;
  }
};

/* Every part of the text has a random number; the sample is those with the lowest. */
class sampler {
 public:
  explicit sampler(size_t most_bytes) : most_bytes_(most_bytes), rng_(thaw_rng_make(1, 0)) {
  }

  void add_document(const char *text, size_t bytes) {
    while (bytes > longest_part) {
      const size_t length = end_of_part(text);
      add_part(text, length);
      text += length;
      bytes -= length;
    }
    if (bytes > 0) add_part(text, bytes);
  }

  /* In the order of the text. */
  std::vector<part> take() {
    std::vector<part> parts;
    for (; !heap_.empty(); heap_.pop()) parts.push_back(std::move(const_cast<part &>(heap_.top())));
    std::sort(parts.begin(), parts.end(),
              [](const part &a, const part &b) { return a.number < b.number; });
    return parts;
  }

 private:
  /* Behind the last blank, or else before the character that does not fit. */
  static size_t end_of_part(const char *text) {
    size_t length = longest_part;
    while (length > 0 && text[length - 1] != ' ' && text[length - 1] != '\n') length--;
    if (length > 0) return length;
    for (length = longest_part; (text[length] & 0xc0) == 0x80; length--) continue;
    return length;
  }

  void add_part(const char *text, size_t bytes) {
    heap_.push({thaw_rng_next(&rng_), count_++, std::string(text, bytes)});
    for (bytes_ += bytes; bytes_ > most_bytes_ && heap_.size() > 1; heap_.pop())
      bytes_ -= heap_.top().text.size();
  }

  size_t most_bytes_, bytes_ = 0, count_ = 0;
  thaw_rng rng_;
  std::priority_queue<part> heap_;
};

/* Hands the parts to the library, which copies them, and lets them go. */
class part_iterator : public sentencepiece::SentenceIterator {
 public:
  explicit part_iterator(std::vector<part> parts) : parts_(std::move(parts)) {
  }
  bool done() const override {
    return next_ == parts_.size();
  }
  void Next() override {
    std::string().swap(parts_[next_++].text);
  }
  const std::string &value() const override {
    return parts_[next_].text;
  }
  sentencepiece::util::Status status() const override {
    return {};
  }

 private:
  std::vector<part> parts_;
  size_t next_ = 0;
};

/* ---- Learning, keeping and loading ----------------------------------------------------------- */

/* The library's reason, without the place in its sources: "./src/a.cc(660) [condition] reason". */
const char *reason_of(const sentencepiece::util::Status &status) {
  const char *text = status.message(), *end = std::strstr(text, "] ");
  return end ? end + 2 : text;
}

/* `what` the bytes are, for the message. */
thaw_status use_model(tokenizer_self *self, std::string bytes, const char *what,
                      thaw_context *ctx) {
  auto model = std::make_unique<sentencepiece::SentencePieceProcessor>();
  const auto status = model->LoadFromSerializedProto(bytes);
  if (!status.ok() || model->GetPieceSize() == 0) {
    return thaw_fail(ctx, THAW_INVALID, "%s is no sentencepiece model%s%s", what,
                     status.ok() ? "" : ": ", status.ok() ? "" : reason_of(status));
  }
  delete self->model;
  delete self->state;
  self->model = model.release();
  self->state = new std::string(std::move(bytes));
  return THAW_OK;
}

thaw_status read_model(tokenizer_self *self, const char *path, thaw_context *ctx) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) return thaw_fail(ctx, THAW_INVALID, "%s: cannot be read", path);
  return use_model(self, std::move(bytes), path, ctx);
}

/* The number of threads is part of the result: sums are split by it. */
std::unordered_map<std::string, std::string> training_options(const settings *s) {
  const bool identity = std::strcmp(s->normalization, "identity") == 0;
  return {{"model_type", s->kind},
          {"vocab_size", std::to_string(s->size)},
          {"character_coverage", std::to_string(s->character_coverage)},
          {"byte_fallback", s->byte_fallback ? "true" : "false"},
          {"normalization_rule_name", s->normalization},
          {"remove_extra_whitespaces", identity ? "false" : "true"},
          {"unk_id", "0"},
          {"bos_id", "-1"},
          {"eos_id", "-1"},
          {"num_threads", "4"},
          {"minloglevel", "3"}};
}

thaw_status train(tokenizer_self *self, const settings *s, thaw_document_source next, void *user,
                  thaw_context *ctx) {
  sampler sample(static_cast<size_t>(s->sample) << 20);
  size_t bytes = 0;
  while (const char *text = next(user, &bytes)) sample.add_document(text, bytes);
  part_iterator parts(sample.take());
  if (parts.done()) return thaw_fail(ctx, THAW_INVALID, "there is no text to learn from");
  std::string model;
  const auto status =
      sentencepiece::SentencePieceTrainer::Train(training_options(s), &parts, &model);
  if (!status.ok()) {
    return thaw_fail(ctx, THAW_INVALID, "a model of %lld pieces cannot be trained on this text: %s",
                     static_cast<long long>(s->size), reason_of(status));
  }
  return use_model(self, std::move(model), "what was trained", ctx);
}

thaw_status fit(void *self, const void *settings_, thaw_document_source next, void *user,
                thaw_context *ctx) {
  auto *own = static_cast<tokenizer_self *>(self);
  const auto *s = static_cast<const settings *>(settings_);
  return guarded(ctx, [&] {
    return *s->model ? read_model(own, s->model, ctx) : train(own, s, next, user, ctx);
  });
}

thaw_status save(const void *self, const void *, thaw_byte_sink sink, void *user,
                 thaw_context *ctx) {
  const auto *own = static_cast<const tokenizer_self *>(self);
  if (!own->model) return thaw_fail(ctx, THAW_INVALID, "nothing has been learned yet");
  sink(user, own->state->data(), own->state->size());
  return THAW_OK;
}

thaw_status load(void *self, const void *, const char *state, size_t bytes, thaw_context *ctx) {
  return guarded(ctx, [&] {
    return use_model(static_cast<tokenizer_self *>(self), std::string(state, bytes),
                     "what was kept of the tokenizer", ctx);
  });
}

/* ---- Cutting and joining --------------------------------------------------------------------- */

constexpr size_t prefix = 2; /* bytes of "xx" */

/* Pieces of every vocabulary that a text must not be able to write. */
bool is_reserved(const std::string &piece) {
  return piece == "xxunk" || piece == "xxpad" || piece == "xxbos";
}

void put_piece(const std::string &piece, thaw_piece_sink sink, void *user) {
  const size_t cut = is_reserved(piece) ? prefix : 0;
  if (cut > 0) sink(user, piece.data(), cut);
  sink(user, piece.data() + cut, piece.size() - cut);
}

thaw_status pieces(void *self, const void *, const char *text, size_t bytes, thaw_piece_sink sink,
                   void *user, thaw_context *ctx) {
  const auto *model = static_cast<tokenizer_self *>(self)->model;
  if (!model) return thaw_fail(ctx, THAW_INVALID, "nothing has been learned yet");
  return guarded(ctx, [&] {
    std::vector<int> ids;
    const auto status = model->Encode({text, bytes}, &ids);
    if (!status.ok()) return thaw_fail(ctx, THAW_FAILED, "cutting a text: %s", reason_of(status));
    for (const int id : ids) {
      if (model->IsUnknown(id))
        sink(user, "xxunk", 5);
      else
        put_piece(model->IdToPiece(id), sink, user);
    }
    return THAW_OK;
  });
}

thaw_status join(void *self, const void *, const char *const *list, size_t count,
                 thaw_byte_sink sink, void *user, thaw_context *ctx) {
  const auto *model = static_cast<tokenizer_self *>(self)->model;
  if (!model) return thaw_fail(ctx, THAW_INVALID, "nothing has been learned yet");
  return guarded(ctx, [&] {
    std::vector<std::string> known(list, list + count);
    for (std::string &piece : known) {
      if (piece == "xxunk") piece = model->IdToPiece(model->unk_id());
    }
    std::string text;
    const auto status = model->Decode(known, &text);
    if (!status.ok()) return thaw_fail(ctx, THAW_FAILED, "joining pieces: %s", reason_of(status));
    sink(user, text.data(), text.size());
    return THAW_OK;
  });
}

void destroy(void *self) {
  auto *own = static_cast<tokenizer_self *>(self);
  delete own->model;
  delete own->state;
}

const thaw_tokenizer tokenizer = {.self_size = sizeof(tokenizer_self),
                                  .markers = nullptr,
                                  .fit = fit,
                                  .save = save,
                                  .load = load,
                                  .pieces = pieces,
                                  .join = join,
                                  .destroy = destroy};

}  // namespace

extern "C" {
THAW_API extern const thaw_plugin_descriptor thaw_plugin;
const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_TOKENIZER,
    .name = "sentencepiece",
    .version = "1",
    .summary = "Pieces of words, learned from the text: unigram or byte pair encoding",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api = {.tokenizer = &tokenizer},
    .validate = nullptr,
};
}
