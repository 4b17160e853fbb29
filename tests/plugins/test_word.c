/* The tokenizer `word`: fastai's rules, what every text must survive, and the way back to text. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unictype.h>
#include <unistr.h>

#include "tokenizer_bench.h"

static void set_up(void) {
  bench_begin("word");
}

static void all_off(void) {
  set("lower", "false");
  set("repetitions", "false");
  set("html", "false");
  set("contractions", "false");
  set("longest", "1000000");
}

/* ---- Rules ---------------------------------------------------------------------------------- */

typedef struct example {
  const char *text, *pieces;
} example;

static void check_examples(const example *examples, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const char *found = cut(examples[i].text);
    ck_assert_msg(strcmp(found, examples[i].pieces) == 0, "'%s': expected '%s', found '%s'",
                  examples[i].text, examples[i].pieces, found);
  }
}

#define CHECK(...)                               \
  check_examples((const example[]){__VA_ARGS__}, \
                 sizeof((const example[]){__VA_ARGS__}) / sizeof(example))

START_TEST(case_is_marked_as_in_fastai) {
  CHECK({"I'M SHOUTING", "xxup i 'm xxup shouting"},
        {"I am speaking normally", "i am speaking normally"},
        {"Jeremy Howard", "xxmaj jeremy xxmaj howard"},
        {"I don't think there is any maj here", "i do n't think there is any maj here"},
        {"This isn't a problem", "xxmaj this is n't a problem"},
        {"\"Hello\" (World)", "\" xxmaj hello \" ( xxmaj world )"}, {"A b C", "a b c"},
        {"iPhone McDonald 3D 4x4 A1", "iphone mcdonald 3d 4x4 a1"},
        {"B2B USA2", "xxup b2b xxup usa2"},
        {"ÉCOLE Été ΣΊΣΥΦΟΣ Straße STRASSE",
         "xxup école xxmaj été xxup σίσυφος xxmaj straße xxup strasse"},
        {"ǅungla", "xxmaj ǆungla"}, {"Jean-Luc", "xxmaj jean - xxmaj luc"});
  set("lower", "false");
  CHECK({"I'M SHOUTING, Jeremy", "I 'M SHOUTING , Jeremy"});
}
END_TEST

START_TEST(repetitions_are_counted_as_in_fastai) {
  CHECK({"aa", "aa"}, {"aaaa", "xxrep 4 a"}, {"cccc", "xxrep 4 c"}, {"ah ah", "ah ah"},
        {"ah ah ah", "xxwrep 3 ah"}, {"ah ah   ah  ah", "xxwrep 4 ah"},
        {"ah ah ah ah ", "xxwrep 4 ah"}, {"ah ah ah ah.", "xxwrep 4 ah ."},
        {"ah ah ahi", "ah ah ahi"}, {"word word word", "xxwrep 3 word"},
        {"so soooo good!!!", "so s xxrep 4 o good xxrep 3 !"}, {"looove", "l xxrep 3 o ve"},
        {"NO NO NO", "xxwrep 3 xxup no"}, {"No no no", "xxmaj no no no"}, {"AAAA", "xxrep 4 a"},
        {"😂😂😂", "xxrep 3 😂"}, {"❤️❤️❤️", "xxrep 3 ❤️"},
        {"e\u0301e\u0301e\u0301 ", "xxrep 3 e\u0301"}, {"aae\u0301", "aae\u0301"},
        {"aaa\u0301", "aaa\u0301"}, {"哈哈哈", "xxrep 3 哈"}, {"ah, ah, ah", "ah , ah , ah"},
        {"ah-ah-ah", "ah - ah - ah"}, {"1000 10000 1,000,000", "1000 10000 1,000,000"},
        {"1 1 1", "xxwrep 3 1"}, {"it's it's it's", "it 's it 's it 's"}, {"-----", "xxrep 5 -"});
  set("repetitions", "false");
  CHECK({"aaaa ah ah ah", "aaaa ah ah ah"});
}
END_TEST

START_TEST(html_is_undone_as_in_fastai) {
  CHECK({"#39;bli#146;", "' bli '"}, {"Sarah amp; Duck...", "xxmaj sarah & xxmaj duck …"},
        {"a nbsp; #36;", "a $"}, {"\\\" <unk>", "\" xxunk"}, {"quot;  @.@  @-@ ", "\" . -"},
        {"<br />text\\n", "text"}, {"a<br>b<BR/>c", "a b c"},
        {"Sarah &amp; Duck", "xxmaj sarah & xxmaj duck"},
        {"it #39;s 5 &lt; 6 &gt; 4", "it 's 5 < 6 > 4"}, {"&#x41;&#65;&#233;&eacute;", "aaéé"},
        {"10 @,@ 000 well @-@ known 3 @.@ 5", "10,000 well - known 3.5"},
        {"the <unk> 's", "the xxunk 's"},
        {"camp; #1; &nothing; &#xabcdefab; &", "camp ; # 1 ; & nothing ; & # xabcdefab ; &"},
        {"&#00; &#26; &#xd800;", "\ufffd"}, {"one\x1atwo", "one two"}, {"<unk", "< unk"},
        {"&", "&"}, {"#", "#"}, {"&#", "& #"}, {"&#3", "& # 3"}, {"<br", "< br"}, {"..", ". ."},
        {"\\", "\\"});
  set("html", "false");
  CHECK({"&lt;<br />", "& lt ; < br / >"}, {"<unk>", "< unk >"}, {"one\x1atwo", "one two"});
}
END_TEST

START_TEST(words_and_marks_are_cut) {
  CHECK({"This isn't the easiest text.", "xxmaj this is n't the easiest text ."},
        {"don't DON'T can’t", "do n't xxup do n't ca n’t"},
        {"it's John's they've we'll I'd you're",
         "it 's xxmaj john 's they 've we 'll xxmaj i 'd you 're"},
        {"shouldn't've o'clock rock'n'roll", "should n't 've o'clock rock'n'roll"},
        {"do n't it 's", "do n't it 's"}, {"'quoted' dogs'", "' quoted ' dogs '"},
        {"3.14 1,000.50 $5 10% 1st", "3.14 1,000.50 $ 5 10 % 1st"},
        {"and/or #fastai a_b", "and / or # fastai a_b"}, {"\\\\fastai", "\\ \\ fastai"},
        {"e-mail me@x.org", "e - mail me @ x.org"}, {"日本語", "日 本 語"},
        {"👨‍👩‍👧 🇩🇪🇫🇷 👍🏽",
         "👨‍👩‍👧 🇩🇪 🇫🇷 👍🏽"},
        {"a\u00a0b\u202fc\u2003d\u2028e\xc2\x85"
         "f",
         "a b c d e f"},
        {"a\x01\x7f\tb\r\n", "a b"}, {"\u200e \u200b\u200b\u200b x\u200by", "x y"}, {"", ""},
        {"  \n ", ""});
  set("contractions", "false");
  CHECK({"don't it's 's", "don't it's ' s"});
}
END_TEST

/* Only the plugin may write a marker: in a text, one is cut in two. */
START_TEST(markers_in_a_text_are_no_markers) {
  CHECK({"xxmaj hello", "xx maj hello"}, {"XXMAJ", "xxup xx maj"},
        {"xxbos xxpad xxunk", "xx bos xx pad xx unk"},
        {"xxrep 4 c xxwrep xxup's", "xx rep 4 c xx wrep xx up 's"},
        {"xxmajor xxx", "xxmajor xxrep 3 x"});
  set("longest", "5");
  CHECK({"abcdexxmajxxup", "abcde xx maj xx up"});
  all_off();
  CHECK({"xxmaj XXMAJ", "xx maj XXMAJ"});
  ck_assert_str_eq(join("xx maj"), "xxmaj");
  size_t count = 0;
  static const char *const expected[] = {"xxmaj", "xxup", "xxrep", "xxwrep"};
  for (; plugin->api.tokenizer->markers[count]; count++) {
    ck_assert_str_eq(plugin->api.tokenizer->markers[count], expected[count]);
  }
  ck_assert_uint_eq(count, 4);
}
END_TEST

START_TEST(long_words_are_cut) {
  set("longest", "4");
  CHECK({"abcdefghij", "abcd efgh ij"}, {"ABCDEFGH", "xxup abcd efgh"}, {"éèêëàâä", "éèêë àâä"},
        {"abcd", "abcd"}, {"abcdefgh's", "abcd efgh 's"});
}
END_TEST

/* ---- Back to text --------------------------------------------------------------------------- */

START_TEST(pieces_become_text) {
  static const example examples[] = {
      {"Sarah & Duck: \"we DON'T know\", she said (Twice).",
       "xxmaj sarah & xxmaj duck : \" we xxup do n't know \" , she said ( xxmaj twice ) ."},
      {"It's a well-known e-mail, $5 or 10%…",
       "xxmaj it 's a well - known e - mail , $ 5 or 10 % …"},
      {"wow!!!! no no no", "wow xxrep 4 ! xxwrep 3 no"},
      {"NO NO NO", "xxwrep 3 xxup no"},
      {"日本語 and 10", "日 本 語 and 10"},
      {"the <unk>'s", "the xxunk 's"},
      {"SHOULDN'T'VE they", "xxup should n't 've they"},
      {"Élan ÉCOLE", "xxmaj élan xxup école"},
      {"XXMAJ xxup", "xxup xx maj xx up"},
      {"start", "xxbos xxpad start"},
      {"a", "xxrep a"},
      {"", "xxmaj"},
      {"4x", "xxrep 4x"},
      {"", ""},
      {"", "xxrep"},
      {"", "xxrep 3"},
      {"", "xxrep 0 a"},
      {"99999999 a", "xxrep 99999999 a"}};
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    const char *found = join(examples[i].pieces);
    ck_assert_msg(strcmp(found, examples[i].text) == 0, "'%s': expected '%s', found '%s'",
                  examples[i].pieces, examples[i].text, found);
  }
}
END_TEST

START_TEST(joined_text_is_cut_into_the_same_pieces) {
  static const char *const texts[] = {
      "Sarah &amp; Duck: \"I DON'T know, soooo sorry sorry sorry!!!\"",
      "This isn't the easiest text; it's 3.14 (or 1,000) e-mails... They've SEEN xxmaj, and 'so "
      "on'.",
      "Mr. <unk> said #39;no#39; and/or yes <br /><br />10 @,@ 000 $5 #1", "日本語のテキスト。",
      "The film is GREAT 😂😂😂 ❤️! A+++ L'Été, Straße"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char *first = strdup(cut(texts[i]));
    char *text = strdup(join(first));
    const char *second = cut(text);
    ck_assert_msg(strcmp(first, second) == 0, "'%s' became '%s', then '%s', then '%s'", texts[i],
                  first, text, second);
    free(first);
    free(text);
  }
}
END_TEST

/* ---- Any text ------------------------------------------------------------------------------- */

static bool is_white(ucs4_t c) {
  return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Z | UC_CATEGORY_MASK_Cc);
}

static void check_piece(void *user, const char *piece, size_t bytes) {
  (void)user;
  const uint8_t *p = (const uint8_t *)piece;
  if (bytes == 0 || u8_check(p, bytes) != NULL) ck_abort_msg("a piece is empty or not UTF-8");
  for (size_t i = 0; i < bytes;) {
    ucs4_t c;
    i += (size_t)u8_mbtouc(&c, p + i, bytes - i);
    if (is_white(c)) ck_abort_msg("U+%04X in a piece", (unsigned)c);
  }
}

START_TEST(pieces_of_any_text_are_clean) {
  uint8_t text[600];
  for (uint64_t seed = 0; seed < 3000; seed++) {
    const size_t bytes = random_text(seed, text, sizeof text);
    char *exact = malloc(bytes + 1); /* the sanitizer sees a step beyond its end */
    memcpy(exact, text, bytes);
    set("lower", seed & 1 ? "true" : "false");
    set("html", seed & 2 ? "true" : "false");
    set("repetitions", seed & 4 ? "true" : "false");
    set("longest", seed & 8 ? "100" : "3");
    exact = realloc(exact, bytes ? bytes : 1);
    ck_assert_int_eq(
        plugin->api.tokenizer->pieces(self, settings, exact, bytes, check_piece, NULL, ctx),
        THAW_OK);
    const char *pieces = cut_bytes(exact, bytes);
    char *copy = strdup(pieces);
    ck_assert_str_eq(copy, cut_bytes(exact, bytes));
    const char *joined = join(copy);
    ck_assert(u8_check((const uint8_t *)joined, strlen(joined)) == NULL);
    free(copy);
    free(exact);
  }
}
END_TEST

typedef struct walk {
  const char *text;
  size_t bytes, position;
} walk;

/* Between the pieces of a text stands only white space, and what cannot be seen. */
static void skip_to(walk *w, const char *piece, size_t bytes) {
  while (w->position + bytes <= w->bytes) {
    if (bytes > 0 && memcmp(w->text + w->position, piece, bytes) == 0) return;
    if (w->position == w->bytes) return;
    ucs4_t c;
    const uint8_t *p = (const uint8_t *)w->text + w->position;
    w->position += (size_t)u8_mbtouc(&c, p, w->bytes - w->position);
    if (!is_white(c) && !uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cf)) {
      ck_abort_msg("U+%04X was lost", (unsigned)c);
    }
  }
  ck_abort_msg("a piece that is not in the text");
}

static void step(void *user, const char *piece, size_t bytes) {
  skip_to(user, piece, bytes);
  ((walk *)user)->position += bytes;
}

START_TEST(without_rules_nothing_is_lost) {
  uint8_t text[600];
  all_off();
  for (uint64_t seed = 0; seed < 3000; seed++) {
    walk w = {(const char *)text, random_text(seed, text, sizeof text), 0};
    ck_assert_int_eq(plugin->api.tokenizer->pieces(self, settings, w.text, w.bytes, step, &w, ctx),
                     THAW_OK);
    skip_to(&w, "", 0);
  }
}
END_TEST

/* ---- Large texts ---------------------------------------------------------------------------- */

static void count_piece(void *user, const char *piece, size_t bytes) {
  (void)piece, (void)bytes;
  ++*(size_t *)user;
}

static size_t count_pieces(const char *text, size_t bytes) {
  size_t count = 0;
  ck_assert_int_eq(
      plugin->api.tokenizer->pieces(self, settings, text, bytes, count_piece, &count, ctx),
      THAW_OK);
  return count;
}

START_TEST(large_texts_are_cut_in_time) {
  static const char *const units[] = {"The film isn't good, but it's Nice. ",
                                      "q",
                                      "ab",
                                      "\u0301",
                                      "\u200d",
                                      "🇩🇪",
                                      "👩‍",
                                      "é",
                                      "'",
                                      "哈",
                                      "a.",
                                      "&amp;",
                                      "ah "};
  enum { BYTES = 1 << 20 };
  char *text = malloc(BYTES + 64);
  for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
    const size_t unit = strlen(units[u]);
    size_t bytes = 0;
    for (; bytes < BYTES; bytes += unit) memcpy(text + bytes, units[u], unit);
    const clock_t begin = clock();
    const size_t count = count_pieces(text, bytes);
    const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    ck_assert_msg(seconds < 5, "1 MB of '%s' took %.1f s", units[u], seconds);
    if (u == 0) ck_assert_uint_gt(count, 200000);
  }
  free(text);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("word");
  TCase *tests = tcase_create("word");
  tcase_add_checked_fixture(tests, set_up, bench_end);
  tcase_add_test(tests, case_is_marked_as_in_fastai);
  tcase_add_test(tests, repetitions_are_counted_as_in_fastai);
  tcase_add_test(tests, html_is_undone_as_in_fastai);
  tcase_add_test(tests, words_and_marks_are_cut);
  tcase_add_test(tests, markers_in_a_text_are_no_markers);
  tcase_add_test(tests, long_words_are_cut);
  tcase_add_test(tests, pieces_become_text);
  tcase_add_test(tests, joined_text_is_cut_into_the_same_pieces);
  tcase_add_test(tests, pieces_of_any_text_are_clean);
  tcase_add_test(tests, without_rules_nothing_is_lost);
  tcase_add_test(tests, large_texts_are_cut_in_time);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
