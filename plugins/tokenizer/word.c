/* word: words and punctuation marks, with the text rules of fastai.
 *
 *     tokenizer: {plugin: word}
 *     tokenizer: {plugin: word, lower: false, repetitions: false, contractions: false}
 *
 *     Sarah &amp; Duck: "I DON'T know, soooo sorry sorry sorry!!!"
 *     xxmaj sarah & xxmaj duck : " i xxup do n't know , s xxrep 4 o xxwrep 3 sorry xxrep 3 ! "
 *
 * White space and control characters separate. What stands between them is cut at the word
 * boundaries of Unicode (UAX #29), so that punctuation marks, / and # are pieces of their own,
 * numbers (3.14, 1,000) stay whole, and an emoji with all that modifies it is one piece. There is
 * no dictionary: Chinese, Japanese and Thai are cut into characters. Format characters that stand
 * alone are dropped.
 *
 * The markers' rules are fastai's, with these differences. A capital is looked for in each word,
 * not only after white space ("Hello" in quotation marks has its xxmaj), and in every script.
 * Digits are not counted by xxrep, as numbers stay whole. HTML's entities are replaced with their &
 * and without, and mean what HTML says (fastai: &amp; becomes &&, quot; becomes '). Lower case, not
 * case folding: ß stays ß. A text that contains a marker itself, such as xxmaj, has it cut into two
 * pieces, xx and maj, which `join` puts together again.
 *
 * `join` gives text that reads well and is cut into the same pieces again: marks are put to the
 * words as English does, markers are undone. White space and the sides of a mark on which it stood
 * are forgotten; so is the case of words that are neither capitalised nor in capitals (iPhone).
 *
 * Howard and Ruder 2018 (arXiv 1801.06146); fastai's text.core. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thaw/plugin.h>
#include <unicase.h>
#include <unictype.h>
#include <unigbrk.h>
#include <unistr.h>
#include <uniwbrk.h>

typedef struct settings {
  bool lower, repetitions, html, contractions;
  int64_t longest;
} settings;

#define RULE(member, text)                                                          \
  {                                                                                 \
    .name = #member, .type = THAW_PARAM_BOOL, .offset = offsetof(settings, member), \
    .default_value = "true", .unit = "", .doc = text                                \
  }

static const thaw_param_spec parameters[] = {
    RULE(lower,
         "Lower case; xxmaj stands before a word that was capitalised, xxup before one of several "
         "letters that was in capitals."),
    RULE(repetitions,
         "Three or more times the same become a count: xxrep 4 c for cccc, xxwrep 3 word for word "
         "word word."),
    RULE(
        html,
        "Undo what HTML and WikiText have left behind: <br />, &amp; or amp;, #39;, a written \\n, "
        "<unk>, @-@; three dots become one character."),
    RULE(contractions, "Cut English contractions as spaCy does: do n't, it 's, they 've."),
    {.name = "longest",
     .type = THAW_PARAM_INT,
     .offset = offsetof(settings, longest),
     .default_value = "100",
     .minimum = 1,
     .maximum = 1000000,
     .unit = "characters",
     .doc = "A longer word is cut into pieces of this length."},
    {.name = NULL},
};

#define MARK_CAPITALISED "xxmaj"
#define MARK_CAPITALS "xxup"
#define MARK_CHARACTERS "xxrep"
#define MARK_WORDS "xxwrep"
#define MARK_UNKNOWN "xxunk"

static const char *const markers[] = {MARK_CAPITALISED, MARK_CAPITALS, MARK_CHARACTERS, MARK_WORDS,
                                      NULL};
/* All that a text must not be able to write: ours, and those that every vocabulary has. */
static const char *const reserved[] = {MARK_CAPITALISED, MARK_CAPITALS, MARK_CHARACTERS, MARK_WORDS,
                                       MARK_UNKNOWN,     "xxpad",       "xxbos"};

enum {
  LEAST_REPEATS = 3,
  PREFIX = 2,            /* bytes of "xx" */
  UNKNOWN = 0x1a,        /* an unknown word in a cleaned text; a text's own are white space */
  MOST_COUNT_DIGITS = 7, /* a count that join believes */
};

/* What a byte is: for ASCII, all that the word boundaries of Unicode depend on. */
enum {
  LETTER = 1,
  CAPITAL = 2, /* a letter too */
  DIGIT = 4,
  CONNECTOR = 8,  /* _ */
  IN_WORD = 16,   /* : . ' are no boundary between two letters */
  IN_NUMBER = 32, /* , ; . ' are none between two digits */
  MARK = 64,
  SEPARATOR = 128,
  FOREIGN = 256, /* part of a character beyond ASCII: libunistring has to be asked */
  ALL_KINDS = 511,
};

/* Memory that is kept from text to text. */
typedef struct scratch {
  uint8_t *data;
  size_t space;
} scratch;

typedef struct word {
  bool prepared;
  uint16_t kinds[256];
  uint8_t first[256], second[256]; /* the two bytes with which something to clean up begins have a
                                      bit in common */
  scratch clean, breaks, lowered;
} word;

static void destroy(void *self) {
  word *w = self;
  free(w->clean.data);
  free(w->breaks.data);
  free(w->lowered.data);
}

static bool need(scratch *s, size_t bytes) {
  if (bytes <= s->space) return true;
  uint8_t *data = realloc(s->data, bytes);
  if (!data) return false;
  *s = (scratch){data, bytes};
  return true;
}

/* The number of the reserved word that these bytes are, or −1. */
static int reserved_number(const uint8_t *text, size_t bytes) {
  if (bytes < 4 || bytes > 6 || text[0] != 'x' || text[1] != 'x') return -1;
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
    if (strlen(reserved[i]) == bytes && memcmp(reserved[i], text, bytes) == 0) return (int)i;
  }
  return -1;
}

static bool has_category(ucs4_t c, uint32_t mask) {
  return uc_is_general_category_withtable(c, mask);
}

static bool is_separator(ucs4_t c) {
  if (c < 0x80) return c <= ' ' || c == 0x7f;
  return has_category(c, UC_CATEGORY_MASK_Z | UC_CATEGORY_MASK_Cc);
}

static uint16_t kind_of(uint8_t byte) {
  if (byte >= 0x80) return FOREIGN;
  if (is_separator(byte)) return SEPARATOR;
  switch (uc_wordbreak_property(byte)) {
    case WBP_ALETTER:
      return byte <= 'Z' ? LETTER | CAPITAL : LETTER;
    case WBP_NUMERIC:
      return DIGIT;
    case WBP_EXTENDNUMLET:
      return CONNECTOR;
    case WBP_MIDLETTER:
      return MARK | IN_WORD;
    case WBP_MIDNUM:
      return MARK | IN_NUMBER;
    case WBP_MIDNUMLET:
    case WBP_SQ:
      return MARK | IN_WORD | IN_NUMBER;
    default:
      return MARK;
  }
}

static void prepare(word *w) {
  /* How what clean_up looks for begins; the last ones with one byte. */
  static const char beginnings[][3] = {"am", "qu", "nb", "lt", "gt", " @",
                                       "..", "&",  "<",  "#",  "\\", "\x1a"};
  enum { ANY = 1 << 7 };
  memset(w->second, ANY, sizeof w->second);
  for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
    const uint8_t *b = (const uint8_t *)beginnings[i];
    w->first[b[0]] |= b[1] ? 1 << i : ANY;
    if (b[1]) w->second[b[1]] |= 1 << i;
  }
  for (size_t i = 0; i < 256; i++) w->kinds[i] = kind_of((uint8_t)i);
  w->prepared = true;
}

/* The character at `p` and its bytes. */
static size_t character(const uint8_t *p, const uint8_t *end, ucs4_t *c) {
  *c = *p;
  return *p < 0x80 ? 1 : (size_t)u8_mbtouc(c, p, (size_t)(end - p));
}

/* ---- What HTML has left behind -------------------------------------------------------------- */

typedef struct entity {
  const char *name; /* with its semicolon */
  ucs4_t character;
  bool bare; /* known without its & as well: some corpora have lost them; these stand first */
} entity;

static const entity entities[] = {
    {"amp;", '&', true},       {"quot;", '"', true},      {"nbsp;", ' ', true},
    {"lt;", '<', true},        {"gt;", '>', true},        {"apos;", '\'', false},
    {"ndash;", 0x2013, false}, {"mdash;", 0x2014, false}, {"hellip;", 0x2026, false},
    {"lsquo;", 0x2018, false}, {"rsquo;", 0x2019, false}, {"ldquo;", 0x201c, false},
    {"rdquo;", 0x201d, false}, {"laquo;", 0xab, false},   {"raquo;", 0xbb, false},
    {"bull;", 0x2022, false},  {"middot;", 0xb7, false},  {"copy;", 0xa9, false},
    {"reg;", 0xae, false},     {"trade;", 0x2122, false}, {"deg;", 0xb0, false},
    {"cent;", 0xa2, false},    {"pound;", 0xa3, false},   {"yen;", 0xa5, false},
    {"euro;", 0x20ac, false},  {"sect;", 0xa7, false},    {"frac12;", 0xbd, false},
    {"agrave;", 0xe0, false},  {"aacute;", 0xe1, false},  {"acirc;", 0xe2, false},
    {"auml;", 0xe4, false},    {"ccedil;", 0xe7, false},  {"egrave;", 0xe8, false},
    {"eacute;", 0xe9, false},  {"ecirc;", 0xea, false},   {"iacute;", 0xed, false},
    {"ntilde;", 0xf1, false},  {"oacute;", 0xf3, false},  {"ouml;", 0xf6, false},
    {"uacute;", 0xfa, false},  {"uuml;", 0xfc, false},    {"szlig;", 0xdf, false},
};

static bool starts_with(const uint8_t *p, const uint8_t *end, const char *text) {
  const size_t bytes = strlen(text);
  return (size_t)(end - p) >= bytes && memcmp(p, text, bytes) == 0;
}

/* HTML reads the numbers 128 to 159 as Windows-1252 does; here are the marks that occur. */
static ucs4_t numbered(unsigned long number) {
  static const ucs4_t marks[] = {'\'', '\'', '"', '"', 0x2022, 0x2013, 0x2014};
  if (number == 0x85) return 0x2026;
  if (number >= 0x91 && number <= 0x97) return marks[number - 0x91];
  if (number > 0x10ffff || (number >= 0xd800 && number < 0xe000)) return 0xfffd;
  return is_separator((ucs4_t)number) ? ' ' : (ucs4_t)number;
}

/* "#39;" and "#x27;": its bytes and its character; 0 bytes when there is none. */
static size_t numeric_entity(const uint8_t *p, const uint8_t *end, ucs4_t *c) {
  char digits[8];
  const bool hexadecimal = p + 1 < end && (p[1] | 0x20) == 'x';
  const uint8_t *digit = p + (hexadecimal ? 2 : 1);
  size_t count = 0;
  for (; digit < end && count < 7 &&
         strchr(hexadecimal ? "0123456789abcdefABCDEF" : "0123456789", *digit) && *digit;
       digit++) {
    digits[count++] = (char)*digit;
  }
  if (count < 2 || digit == end || *digit != ';') return 0;
  digits[count] = '\0';
  *c = numbered(strtoul(digits, NULL, hexadecimal ? 16 : 10));
  return (size_t)(digit - p) + 1;
}

/* The entity at `p`, which is its &, or its name where it has none. */
static size_t find_entity(const uint8_t *p, const uint8_t *end, ucs4_t *c) {
  const size_t before = *p == '&';
  const uint8_t *name = p + before;
  if (name == end) return 0;
  if (*name == '#') {
    const size_t bytes = numeric_entity(name, end, c);
    return bytes ? before + bytes : 0;
  }
  for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
    if (!before && !entities[i].bare) return 0;
    if (starts_with(name, end, entities[i].name)) {
      *c = entities[i].character;
      return before + strlen(entities[i].name);
    }
  }
  return 0;
}

/* <br>, <br/>, <br />, also in capitals: its bytes. */
static size_t line_break(const uint8_t *p, const uint8_t *end) {
  if (end - p < 4 || (p[1] | 0x20) != 'b' || (p[2] | 0x20) != 'r') return 0;
  const uint8_t *q = p + 3;
  while (q < end && *q == ' ') q++;
  if (q < end && *q == '/') q++;
  return q < end && *q == '>' ? (size_t)(q - p) + 1 : 0;
}

/* What stands at `p` instead of what was meant: its bytes, and what was meant, at most 4 bytes in
 * `out`; 0 when nothing is wrong. `after_word`: a letter or digit stands before it. */
static size_t clean_up(const uint8_t *p, const uint8_t *end, bool after_word, uint8_t *out,
                       size_t *written) {
  ucs4_t c = ' ';
  size_t bytes = 0;
  *written = 1;
  switch (*p) {
    case 'a':
    case 'q':
    case 'n':
    case 'l':
    case 'g':
    case '#':
      if (after_word && *p != '#') return 0;
      bytes = find_entity(p, end, &c);
      break;
    case '&':
      bytes = find_entity(p, end, &c);
      break;
    case '<':
      if (starts_with(p, end, "<unk>")) {
        memcpy(out, " \x1a ", 3);
        *written = 3;
        return 5;
      }
      bytes = line_break(p, end);
      break;
    case '\\':
      if (end - p < 2 || (p[1] != 'n' && p[1] != '"')) return 0;
      *out = p[1] == 'n' ? ' ' : '"';
      return 2;
    case ' ':
      if (end - p < 5 || p[1] != '@' || p[3] != '@' || p[4] != ' ') return 0;
      *out = p[2];
      return p[2] == '.' || p[2] == ',' || p[2] == '-' ? 5 : 0;
    case '.':
      if (!starts_with(p, end, "...")) return 0;
      memcpy(out, " \xe2\x80\xa6", 4);
      *written = 4;
      return 3;
    case UNKNOWN:
      *out = ' ';
      return 1;
    default:
      return 0;
  }
  if (bytes) *written = (size_t)u8_uctomb(out, c, 4);
  return bytes;
}

/* `out` has room for 4 bytes for every 3, and 4 more; returns how many there are. */
static size_t clean(const word *w, const uint8_t *text, size_t bytes, uint8_t *out) {
  const uint8_t *p = text, *end = text + bytes;
  uint8_t *o = out;
  while (p < end) {
    const uint8_t *good = p;
    while (p + 1 < end && !(w->first[p[0]] & w->second[p[1]])) p++;
    memcpy(o, good, (size_t)(p - good));
    o += p - good;
    const bool after_word = p > text && w->kinds[p[-1]] & (LETTER | DIGIT);
    size_t written;
    const size_t taken = clean_up(p, end, after_word, o, &written);
    if (taken) {
      p += taken;
      o += written;
    } else {
      *o++ = *p++;
    }
  }
  return (size_t)(o - out);
}

/* ---- Pieces out ----------------------------------------------------------------------------- */

/* One text being cut. `word` is the last word, which is held back as it may be repeated; `seen` are
 * the kinds of its bytes. */
typedef struct cutter {
  const settings *settings;
  struct word *memory;
  thaw_piece_sink sink;
  void *user;
  const uint8_t *word;
  size_t word_bytes, word_count;
  uint16_t seen;
  bool out_of_memory;
} cutter;

static void put_text(cutter *c, const char *piece) {
  c->sink(c->user, piece, strlen(piece));
}

static void put_count(cutter *c, const char *marker, size_t count) {
  char number[24];
  snprintf(number, sizeof number, "%zu", count);
  put_text(c, marker);
  put_text(c, number);
}

static void put_piece(cutter *c, const uint8_t *piece, size_t bytes) {
  if (*piece == 'x' && reserved_number(piece, bytes) >= 0) {
    c->sink(c->user, (const char *)piece, PREFIX);
    piece += PREFIX;
    bytes -= PREFIX;
  }
  c->sink(c->user, (const char *)piece, bytes);
}

/* Cut into pieces of at most `longest` characters. */
static void put_long(cutter *c, const uint8_t *text, size_t bytes) {
  const size_t longest = (size_t)c->settings->longest;
  while (bytes > longest) { /* as many bytes are at least as many characters */
    size_t length = 0;
    for (size_t i = 0; i < longest && length < bytes; i++) {
      do length++;
      while (length < bytes && (text[length] & 0xc0) == 0x80);
    }
    put_piece(c, text, length);
    text += length;
    bytes -= length;
  }
  if (bytes) put_piece(c, text, bytes);
}

/* The text in lower case, in memory that lasts until the next call. */
static const uint8_t *lower_case(cutter *c, const uint8_t *text, size_t *bytes) {
  scratch *s = &c->memory->lowered;
  if (!need(s, *bytes)) {
    c->out_of_memory = true;
    return text;
  }
  size_t i = 0;
  for (; i < *bytes && text[i] < 0x80; i++) {
    s->data[i] = text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i];
  }
  if (i == *bytes) return s->data;
  size_t length = s->space;
  uint8_t *result = u8_tolower(text, *bytes, NULL, NULL, s->data, &length);
  if (!result) {
    c->out_of_memory = true;
    return text;
  }
  if (result != s->data) {
    free(s->data);
    *s = (scratch){result, length};
  }
  *bytes = length;
  return result;
}

/* The marker that says how a word was written, if there is one. */
static void put_case(cutter *c, const uint8_t *text, size_t bytes) {
  size_t upper = 0, lower = 0;
  for (const uint8_t *p = text, *end = text + bytes; p < end;) {
    ucs4_t one;
    const bool first = p == text;
    p += character(p, end, &one);
    const uint16_t kind = one < 0x80 ? c->memory->kinds[one] : FOREIGN;
    if (kind & CAPITAL || (kind & FOREIGN && (uc_is_property_uppercase(one) ||
                                              has_category(one, UC_CATEGORY_MASK_Lt)))) {
      upper++;
    } else if (first) {
      return;
    } else if (kind & LETTER || (kind & FOREIGN && uc_is_property_lowercase(one))) {
      lower++;
    }
  }
  if (upper > 1 && lower == 0) put_text(c, MARK_CAPITALS);
  if (upper == 1 && lower > 0) put_text(c, MARK_CAPITALISED);
}

/* The bytes of the apostrophe, ' or ’, before `end`; 0 when there is none. */
static size_t apostrophe_before(const uint8_t *text, const uint8_t *end) {
  if (end - text >= 1 && end[-1] == '\'') return 1;
  return end - text >= 3 && memcmp(end - 3, "\xe2\x80\x99", 3) == 0 ? 3 : 0;
}

static bool is_contracted(const uint8_t *p, size_t bytes) {
  static const char *const endings[] = {"s", "m", "d", "re", "ve", "ll"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    if (strlen(endings[i]) == bytes && (p[0] | 0x20) == endings[i][0] &&
        (bytes == 1 || (p[1] | 0x20) == endings[i][1])) {
      return true;
    }
  }
  return false;
}

/* The bytes of the contraction ("n't", "'s") at the end of a word that has more before it; else 0.
 */
static size_t contraction(const uint8_t *text, size_t bytes) {
  for (size_t letters = 1; letters <= 2 && letters < bytes; letters++) {
    const uint8_t *ending = text + bytes - letters;
    const size_t apostrophe = apostrophe_before(text, ending);
    if (!apostrophe) continue;
    const size_t found = letters + apostrophe;
    if (letters == 1 && (*ending | 0x20) == 't') {
      if (bytes < found + 2 || (ending[-(ptrdiff_t)apostrophe - 1] | 0x20) != 'n') return 0;
      return found + 1;
    }
    return bytes > found && is_contracted(ending, letters) ? found : 0;
  }
  return 0;
}

/* Is it a contraction without its word, as in a text that was cut already ("it 's")? */
static bool is_contraction(const uint8_t *text, size_t bytes) {
  if (bytes < 2) return false;
  if (*text == '\'') return is_contracted(text + 1, bytes - 1);
  if (bytes > 3 && apostrophe_before(text, text + 3) == 3)
    return is_contracted(text + 3, bytes - 3);
  return (*text | 0x20) == 'n' && (text[bytes - 1] | 0x20) == 't' && bytes > 2 &&
         apostrophe_before(text + 1, text + bytes - 1) == bytes - 2;
}

static void put_word(cutter *c, const uint8_t *text, size_t bytes) {
  if (c->settings->lower && c->seen & (CAPITAL | FOREIGN)) {
    put_case(c, text, bytes);
    text = lower_case(c, text, &bytes);
  }
  size_t endings[4], count = 0;
  while (c->settings->contractions && c->seen & (IN_WORD | FOREIGN) && count < 4) {
    const size_t ending = contraction(text, bytes);
    if (!ending) break;
    endings[count++] = ending;
    bytes -= ending;
  }
  put_long(c, text, bytes);
  for (text += bytes; count > 0; text += endings[count]) put_long(c, text, endings[--count]);
}

/* Hands out the word that was held back, once or often. Only a word of one piece is counted. */
static void flush(cutter *c) {
  size_t times = c->word_count;
  if (c->settings->repetitions && times >= LEAST_REPEATS &&
      c->word_bytes <= (size_t)c->settings->longest && !contraction(c->word, c->word_bytes)) {
    put_count(c, MARK_WORDS, times);
    times = 1;
  }
  for (size_t i = 0; i < times; i++) put_word(c, c->word, c->word_bytes);
  c->word_count = 0;
}

/* ---- Pieces found --------------------------------------------------------------------------- */

static void take_word(cutter *c, const uint8_t *text, size_t bytes, uint16_t seen,
                      bool after_space) {
  const bool again = after_space && c->word_count > 0 && bytes == c->word_bytes &&
                     memcmp(c->word, text, bytes) == 0;
  if (!again) flush(c);
  c->word = text;
  c->word_bytes = bytes;
  c->seen = seen;
  c->word_count++;
}

static void take_mark(cutter *c, const uint8_t *text, size_t bytes) {
  flush(c);
  if (c->settings->lower) text = lower_case(c, text, &bytes);
  put_long(c, text, bytes);
}

/* One piece between two word boundaries, less the format characters at its beginning. */
static void take_segment(cutter *c, const uint8_t *text, size_t bytes, bool after_space) {
  ucs4_t first;
  size_t length = character(text, text + bytes, &first);
  while (first >= 0x80 && has_category(first, UC_CATEGORY_MASK_Cf)) {
    text += length;
    bytes -= length;
    if (bytes == 0) return;
    length = character(text, text + bytes, &first);
  }
  if (first == '_' || has_category(first, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N)) {
    take_word(c, text, bytes, ALL_KINDS, after_space);
  } else {
    take_mark(c, text, bytes);
  }
}

/* Cuts at the word boundaries that UAX #29 has between characters of ASCII. */
static void take_ascii(cutter *c, const uint8_t *text, const uint8_t *end, bool after_space) {
  enum { WORD = LETTER | DIGIT | CONNECTOR };
  const uint16_t *kinds = c->memory->kinds;
  for (const uint8_t *begin = text, *p = text; p < end; begin = p) {
    uint16_t before = kinds[*p++], seen = before;
    if (!(before & WORD)) {
      flush(c);
      c->sink(c->user, (const char *)begin, 1);
      continue;
    }
    for (; p < end; p++) {
      const uint16_t kind = kinds[*p], after = p + 1 < end ? kinds[p[1]] : 0;
      if (!(kind & WORD) && !(kind & IN_WORD && before & LETTER && after & LETTER) &&
          !(kind & IN_NUMBER && before & DIGIT && after & DIGIT)) {
        break;
      }
      seen |= before = kind;
    }
    take_word(c, begin, (size_t)(p - begin), seen, after_space && begin == text);
  }
}

/* Cuts what has no separators and no counted repetitions. `seen`: at least the kinds that are in
 * it. */
static void take_run(cutter *c, const uint8_t *text, const uint8_t *end, uint16_t seen,
                     bool after_space) {
  const size_t bytes = (size_t)(end - text);
  if (bytes == 0) return;
  if (!(seen & ~(LETTER | CAPITAL | DIGIT)) ||
      (c->settings->contractions && is_contraction(text, bytes))) {
    take_word(c, text, bytes, seen, after_space);
    return;
  }
  if (!(seen & FOREIGN)) {
    take_ascii(c, text, end, after_space);
    return;
  }
  scratch *breaks = &c->memory->breaks;
  if (!need(breaks, bytes)) {
    c->out_of_memory = true;
    return;
  }
  u8_wordbreaks(text, bytes, (char *)breaks->data);
  size_t begin = 0;
  for (size_t i = 1; i <= bytes; i++) {
    if (i < bytes && !breaks->data[i]) continue;
    take_segment(c, text + begin, i - begin, after_space && begin == 0);
    begin = i;
  }
}

/* A character as a reader sees it: with its accents and other modifiers. */
static size_t whole_character(const uint8_t *p, const uint8_t *end) {
  if (*p < 0x80 && (p + 1 == end || p[1] < 0x80)) return 1;
  return (size_t)(u8_grapheme_next(p, end) - p);
}

/* Is the character one whose repetitions are counted? */
static bool is_counted(const uint8_t *p, const uint8_t *end) {
  ucs4_t c;
  character(p, end, &c);
  return !has_category(c, UC_CATEGORY_MASK_Nd | UC_CATEGORY_MASK_Cf);
}

/* Cuts what has no separators: counted repetitions, and what stands between them. */
static void take_chunk(cutter *c, const uint8_t *text, const uint8_t *end, uint16_t seen) {
  const uint8_t *begin = text, *p = text;
  while (p < end) {
    const size_t bytes = whole_character(p, end);
    const uint8_t *q = p + bytes;
    size_t count = 1;
    while ((size_t)(end - q) >= bytes && memcmp(p, q, bytes) == 0 &&
           whole_character(q, end) == bytes) {
      q += bytes;
      count++;
    }
    if (count >= LEAST_REPEATS && is_counted(p, end)) {
      take_run(c, begin, p, seen, begin == text);
      flush(c);
      put_count(c, MARK_CHARACTERS, count);
      take_segment(c, p, bytes, false);
      flush(c);
      begin = q;
    }
    p = q;
  }
  take_run(c, begin, end, seen, begin == text);
}

/* The first separator from `p` on, and its bytes. */
static const uint8_t *find_separator(const uint8_t *p, const uint8_t *end, size_t *bytes) {
  ucs4_t one;
  for (; p < end; p += *bytes) {
    *bytes = character(p, end, &one);
    if (is_separator(one)) break;
  }
  return p;
}

static void take_text(cutter *c, const uint8_t *text, size_t bytes) {
  const uint16_t *kinds = c->memory->kinds;
  const uint8_t *end = text + bytes;
  for (const uint8_t *p = text; p < end;) {
    const uint8_t *begin = p;
    uint16_t seen = 0;
    uint8_t last = 0;
    size_t same = 0, separator = 1;
    bool repeats = false;
    for (; p < end && !(kinds[*p] & (SEPARATOR | FOREIGN)); p++) {
      seen |= kinds[*p];
      same = *p == last ? same + 1 : 0;
      repeats |= same + 1 >= LEAST_REPEATS;
      last = *p;
    }
    if (p < end && kinds[*p] & FOREIGN) {
      p = find_separator(p, end, &separator);
      seen = ALL_KINDS;
      repeats = true;
    }
    if (p == begin) {
      if (*p == UNKNOWN && c->settings->html) {
        flush(c);
        put_text(c, MARK_UNKNOWN);
      }
      p += separator;
    } else if (repeats && c->settings->repetitions) {
      take_chunk(c, begin, p, seen);
    } else {
      take_run(c, begin, p, seen, true);
    }
  }
  flush(c);
}

static thaw_status pieces(void *self, const void *settings_, const char *text, size_t bytes,
                          thaw_piece_sink sink, void *user, thaw_context *ctx) {
  word *w = self;
  cutter c = {.settings = settings_, .memory = w, .sink = sink, .user = user};
  const uint8_t *input = (const uint8_t *)text;
  if (!w->prepared) prepare(w);
  if (c.settings->html) {
    const size_t space = bytes + bytes / 3 + 8;
    if (!need(&w->clean, space)) return thaw_fail_memory(ctx, space);
    bytes = clean(w, input, bytes, w->clean.data);
    input = w->clean.data;
  }
  take_text(&c, input, bytes);
  return c.out_of_memory ? thaw_fail_memory(ctx, bytes) : THAW_OK;
}

/* ---- Text from pieces ----------------------------------------------------------------------- */

/* How a piece stands to its neighbours. */
typedef enum place {
  APART,    /* a space on both sides */
  CLOSING,  /* none before it */
  OPENING,  /* none after it */
  BETWEEN,  /* none on either side */
  UNSPACED, /* of a script without spaces: none to another one */
} place;

typedef struct joiner {
  thaw_byte_sink sink;
  void *user;
  place last;         /* of the piece before; OPENING at the beginning */
  bool after_prefix;  /* the piece before was xx */
  bool quoted[2];     /* an open " and an open ' */
  const char *marker; /* xxmaj or xxup before the next piece, or NULL */
  bool in_capitals;   /* the piece before was */
  const char *spaces; /* between the repetitions of the next piece */
  size_t times;       /* how many of them there are */
} joiner;

static bool is_one_of(ucs4_t c, const ucs4_t *set) {
  while (*set && *set != c) set++;
  return *set != 0;
}

static bool is_unspaced(ucs4_t c) {
  return (c >= 0xe00 && c < 0xf00) || (c >= 0x2e80 && c < 0xa000) || (c >= 0xff00 && c < 0xff66) ||
         (c >= 0x20000 && c < 0x40000);
}

static place place_of(joiner *j, const uint8_t *text, size_t bytes) {
  static const ucs4_t closing[] = {'.', ',', '!', '?', ';', ':', '%', 0x2026, 0};
  static const ucs4_t opening[] = {'#', 0xa1, 0xbf, 0};
  static const ucs4_t between[] = {'/', '\\', '-', '_', '@', 0};
  ucs4_t c;
  if (is_contraction(text, bytes)) return CLOSING;
  character(text, text + bytes, &c);
  if (c == '"' || c == '\'') {
    bool *open = &j->quoted[c == '\''];
    *open = !*open;
    return *open ? OPENING : CLOSING;
  }
  if (is_unspaced(c)) return UNSPACED;
  if (is_one_of(c, between)) return BETWEEN;
  if (is_one_of(c, closing) || has_category(c, UC_CATEGORY_MASK_Pe | UC_CATEGORY_MASK_Pf)) {
    return CLOSING;
  }
  if (is_one_of(c, opening) ||
      has_category(c, UC_CATEGORY_MASK_Ps | UC_CATEGORY_MASK_Pi | UC_CATEGORY_MASK_Sc)) {
    return OPENING;
  }
  return APART;
}

/* xx and maj were one word of the text. */
static bool completes_marker(const joiner *j, const uint8_t *text, size_t bytes) {
  uint8_t whole[8] = "xx";
  if (!j->after_prefix || bytes > sizeof whole - PREFIX) return false;
  memcpy(whole + PREFIX, text, bytes);
  return reserved_number(whole, PREFIX + bytes) >= 0;
}

/* Takes a marker; the number after it, if there is one, is `*next`. Returns how many pieces it
 * took, 0 for a piece of the text. */
static size_t take_marker(joiner *j, const char *piece, const char *next) {
  const int number = reserved_number((const uint8_t *)piece, strlen(piece));
  if (number < 0 || strcmp(piece, MARK_UNKNOWN) == 0) return 0;
  const bool words = strcmp(piece, MARK_WORDS) == 0;
  if (words || strcmp(piece, MARK_CHARACTERS) == 0) {
    const size_t digits = next ? strspn(next, "0123456789") : 0;
    if (digits == 0 || next[digits] || digits > MOST_COUNT_DIGITS) return 1;
    j->times = strtoul(next, NULL, 10);
    j->spaces = words ? " " : "";
    return 2;
  }
  if (strcmp(piece, MARK_CAPITALS) == 0 || strcmp(piece, MARK_CAPITALISED) == 0) j->marker = piece;
  return 1;
}

/* The piece in capitals, capitalised or as it is, in memory of its own; NULL when there is none. */
static uint8_t *in_case(const uint8_t *text, size_t *bytes, bool capitals, bool capitalised) {
  if (capitals) return u8_toupper(text, *bytes, NULL, NULL, NULL, bytes);
  if (capitalised) return u8_totitle(text, *bytes, NULL, NULL, NULL, bytes);
  uint8_t *copy = malloc(*bytes + 1);
  if (copy) memcpy(copy, text, *bytes);
  return copy;
}

static thaw_status put_joined(joiner *j, const char *piece, thaw_context *ctx) {
  const uint8_t *text = (const uint8_t *)piece;
  size_t bytes = strlen(piece);
  if (bytes == 0) return THAW_OK;
  const place here = place_of(j, text, bytes);
  const bool completes = completes_marker(j, text, bytes);
  const bool attached = completes || here == CLOSING || here == BETWEEN || j->last == OPENING ||
                        j->last == BETWEEN || (here == UNSPACED && j->last == UNSPACED);
  /* A contraction, and what completes a marker, is in capitals where its word was. */
  const bool follows = j->in_capitals && (completes || is_contraction(text, bytes));
  const bool capitals = j->marker ? strcmp(j->marker, MARK_CAPITALS) == 0 : follows;
  uint8_t *cased = in_case(text, &bytes, capitals, j->marker != NULL);
  if (!cased) return thaw_fail_memory(ctx, bytes);
  if (!attached) j->sink(j->user, " ", 1);
  for (size_t i = 0; i < j->times; i++) {
    if (i > 0) j->sink(j->user, j->spaces, strlen(j->spaces));
    j->sink(j->user, (const char *)cased, bytes);
  }
  free(cased);
  j->last = here;
  j->after_prefix = strcmp(piece, "xx") == 0;
  j->in_capitals = capitals;
  j->marker = NULL;
  j->times = 1;
  return THAW_OK;
}

static thaw_status join(void *self, const void *settings_, const char *const *list, size_t count,
                        thaw_byte_sink sink, void *user, thaw_context *ctx) {
  (void)self, (void)settings_;
  joiner j = {.sink = sink, .user = user, .last = OPENING, .times = 1};
  for (size_t i = 0; i < count;) {
    const size_t taken = take_marker(&j, list[i], i + 1 < count ? list[i + 1] : NULL);
    if (taken == 0) {
      const bool unknown = strcmp(list[i], MARK_UNKNOWN) == 0;
      const thaw_status status = put_joined(&j, unknown ? "<unk>" : list[i], ctx);
      if (status != THAW_OK) return status;
    }
    i += taken ? taken : 1;
  }
  return THAW_OK;
}

static const thaw_tokenizer tokenizer = {.self_size = sizeof(word),
                                         .markers = markers,
                                         .pieces = pieces,
                                         .join = join,
                                         .destroy = destroy};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_TOKENIZER,
    .name = "word",
    .version = "1",
    .summary = "Words and punctuation marks, with the text rules of fastai",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.tokenizer = &tokenizer,
};
