#!/bin/sh
# thaw plugin new: what it writes is built, checked and trained with, through a pkg-config file that describes the
# build tree; and what it refuses.
set -u
. "$THAW_SOURCE/tests/cli/checks.sh"
cd "$work" || exit 1
export THAW_CACHE="$work/cache" XDG_DATA_HOME="$work/home"
templates=$THAW_SOURCE/plugins/template

# ---- The templates as they are ----

for kind in tokenizer encoder head schedule; do
  ran="$kind.c"
  check 'at most 60 lines were expected' [ "$(wc -l <"$templates/$kind.c")" -le 60 ]
  run 0 plugin show "$THAW_BUILD/plugins/template/.libs/$kind.so"
  prints "$kind my_plugin, version 1: "
  says_nothing
done

# ---- Four folders ----

for kind in tokenizer encoder head schedule; do
  run 0 plugin new $kind "new_$kind"
  line_is 1 "new_$kind/ has a plugin of the kind $kind that works:"
  prints "  new_$kind.c  "
  prints "  cd new_$kind"
  check 'lines of at most 80 columns were expected' narrow
  says_nothing
  ls -A "new_$kind" | sort >files
  printf '%s\n' .gitignore Makefile README.md "new_$kind.c" test.csv test.yaml | sort >expected
  check "other files were expected in new_$kind" cmp -s files expected
  check 'no placeholder was expected' lacks my_ "new_$kind/new_$kind.c"
  check 'no placeholder was expected' lacks my_ "new_$kind/README.md"
  check 'no placeholder was expected' lacks my_ "new_$kind/Makefile"
  check 'no placeholder was expected' lacks my_ "new_$kind/test.yaml"
  # What is not replaced is the same, every byte of it.
  sed "s/my_plugin/new_$kind/g" "$templates/$kind.c" >expected
  check 'the template was expected' cmp -s expected "new_$kind/new_$kind.c"
  check 'the data were expected' cmp -s "$templates/test.csv" "new_$kind/test.csv"
done

mkdir place
run 0 plugin new schedule a1 --folder place
line_is 1 'place/a1/ has a plugin of the kind schedule that works:'
check 'a file was expected' [ -f place/a1/a1.c ]

# ---- make, make check, make install ----

# thaw in the build tree is a script of libtool's, which finds its library.
mkdir -p include/thaw pc
ln -s "$THAW_SOURCE"/core/*/thaw/*.h include/thaw/
cat >pc/thaw.pc <<END
bindir=$THAW_BUILD
plugindir=$work/installed
Name: thaw
Description: the build tree
Version: 0
Cflags: -I$work/include
END
export PKG_CONFIG_PATH="$work/pc"
make_in() { # make_in STATUS FOLDER ARGUMENT…
  expected=$1 folder=$2
  shift 2
  ran="make -C $folder $*"
  MAKEFLAGS= make -C "$folder" "$@" >out 2>err
  status=$?
  check "exit status $expected was expected, found $status" [ $status = "$expected" ]
}
for kind in tokenizer encoder head schedule; do
  make_in 0 "new_$kind" CFLAGS='-O1 -Wall -Wextra -Werror' check
  check 'no warning was expected' lacks warning err
  check 'a run file was expected' [ -s "new_$kind/test.h5" ]
  make_in 0 "new_$kind" install
  check 'an installed plugin was expected' [ -f "home/thaw/plugins/new_$kind.so" ]
  make_in 0 "new_$kind" clean
  check 'a clean folder was expected' [ ! -e "new_$kind/new_$kind.so" ]
done
run 0 --plugin-path home/thaw/plugins plugin show new_head
prints 'positions'
make_in 0 new_head install DESTDIR="$work/dest" plugindir=/usr/lib/thaw
check 'DESTDIR was expected to count' [ -f dest/usr/lib/thaw/new_head.so ]

# A plugin that breaks is not said to be sound.
sed -i 's/\.name = "new_head"/.name = "New-Head"/' new_head/new_head.c
make_in 2 new_head check

# ---- Refused ----

refuses "there is no kind 'haed' of plugins; did you mean 'head'?" plugin new haed mine
refuses "there is no kind 'mine' of plugins; expected tokenizer, encoder, head or schedule" plugin new mine head
for name in '' My_head my-head 1head _head my.head ../mine 'my head' häd; do
  refuses "'$name' is no name for a plugin: lower case letters, digits and _" plugin new head "$name"
done
refuses "there is a head plugin called 'mean' already (" plugin new head mean
run 0 plugin new schedule mean
refuses 'mean is there already; nothing was written' plugin new schedule mean
: >file
refuses 'file is there already; nothing was written' plugin new head file
refuses 'something is missing: thaw plugin new KIND NAME' plugin new head
run 1 plugin new head mine --folder nowhere
says 'cannot make the folder nowhere/mine: No such file or directory'
check 'no output was expected' [ ! -s out ]

# Nothing stays where writing fails.
ran='thaw plugin new in a small space'
(ulimit -f 1 && trap '' XFSZ && "$thaw" plugin new head mine) >out 2>err
check 'exit status 1 was expected' [ $? = 1 ]
says 'cannot write mine/'
check 'no folder was expected' [ ! -e mine ]

end_checks
