#!/bin/sh
# Makes the demo's data from Debian's package wordnet-base (WordNet 3.0): definitions of words.
#
#   tools/wordnet-data.sh FOLDER [WORDNET]
#
# writes FOLDER/test.csv     5,000 noun definitions with their classes
#        FOLDER/valid.csv    1,000 others, to choose recipes by
#        FOLDER/train.csv    500 others, at least one of each class
#        FOLDER/general.csv  the definitions of all parts of speech, without classes and without those of
#                            test.csv and valid.csv
#
# A class is the lexicographer file that a noun stands in (26: noun.act, noun.animal, ...). A definition is a
# gloss up to its first example sentence. No definition occurs twice in a file or in two of the labelled
# ones, whatever its case. The choice is pseudo-random and always the same.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: tools/wordnet-data.sh FOLDER [WORDNET]" >&2
  exit 2
fi
out=$1
wordnet=${2:-/usr/share/wordnet}
for part in noun verb adj adv; do
  if [ ! -r "$wordnet/data.$part" ]; then
    echo "wordnet-data.sh: $wordnet/data.$part cannot be read; Debian's package wordnet-base has it" >&2
    exit 1
  fi
done
mkdir -p "$out"
work=$(mktemp -d "$out/.wordnet.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
LC_ALL=C
export LC_ALL

# Lines of data.*: offset, lexicographer file, part of speech, words, pointers, " | ", gloss (wndb(5WN)); the
# licence at the top is indented. Out: random number, class number, definition; separated by tabs. The numbers
# are Park and Miller's "minimal standard" generator, exact in awk's floating point.
definitions='
  /^ / { next }
  {
    random = (random * 48271) % 2147483647
    text = $0
    if (!sub(/^[^|]*\| */, "", text)) next
    if (example = index(text, "; \"")) text = substr(text, 1, example - 1)
    gsub(/[ \t]+/, " ", text)
    sub(/^ /, "", text)
    sub(/[ ;]+$/, "", text)
    if (text == "" || (tolower(text) in seen)) next
    seen[tolower(text)] = 1
    printf "%d\t%d\t%s\n", random, $2, text
  }'
awk -v random=20240229 "$definitions" "$wordnet/data.noun" | sort -n -k 1,1 > "$work/nouns"
awk -v random=20240301 "$definitions" "$wordnet/data.noun" "$wordnet/data.verb" "$wordnet/data.adj" \
  "$wordnet/data.adv" > "$work/all"

# Names of the lexicographer files of nouns, numbers 3 to 28: lexnames(5WN).
awk -F '\t' -v folder="$work" '
  function quoted(text) {
    gsub(/"/, "\"\"", text)
    return "\"" text "\""
  }
  function put(file, text, class) {
    print quoted(text) ",noun." name[class - 2] > (folder "/" file ".csv")
    count[file]++
  }
  BEGIN {
    split("Tops act animal artifact attribute body cognition communication event feeling food group " \
          "location motive object person phenomenon plant possession process quantity relation shape " \
          "state substance time", name, " ")
    print "text,label" > (folder "/test.csv")
    print "text,label" > (folder "/valid.csv")
    print "text,label" > (folder "/train.csv")
    print "text" > (folder "/general.csv")
  }
  FILENAME ~ /nouns$/ {
    if (count["test"] < 5000) {
      held[tolower($3)] = 1
      put("test", $3, $2)
    } else if (count["valid"] < 1000) {
      held[tolower($3)] = 1
      put("valid", $3, $2)
    } else if (!($2 in trained)) {
      # One of each class first: 26 of the 500, of which most would have been drawn anyway.
      trained[$2] = 1
      put("train", $3, $2)
    } else if (others < 500 - 26) {
      others++
      put("train", $3, $2)
    }
    next
  }
  !(tolower($3) in held) {
    print quoted($3) > (folder "/general.csv")
    count["general"]++
    words += split($3, unused, " ")
  }
  END {
    printf "wordnet-data.sh: %d test, %d validation and %d training definitions with classes;\n", \
      count["test"], count["valid"], count["train"]
    printf "wordnet-data.sh: %d general definitions, %d words\n", count["general"], words
    if (count["test"] != 5000 || count["valid"] != 1000 || count["train"] != 500) {
      print "wordnet-data.sh: that is not what WordNet 3.0 gives" > "/dev/stderr"
      exit 1
    }
  }' "$work/nouns" "$work/all"

for file in test valid train general; do
  mv "$work/$file.csv" "$out/$file.csv"
done
