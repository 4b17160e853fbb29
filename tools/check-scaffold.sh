#!/bin/bash
# What `thaw plugin new` of an installed thaw writes: tools/check-scaffold.sh PREFIX FOLDER
# All four kinds are made in FOLDER, checked and installed by their own Makefile; the lines that their README has for
# Autotools, CMake and Meson build the same plugin. PREFIX may have been moved there after the installation.
set -euo pipefail
prefix=$1 folder=$2
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib XDG_DATA_HOME=$folder/home
# The prefix that thaw.pc names is not where the files lie.
printf '#!/bin/sh\nexec pkg-config --define-variable=prefix=%s "$@"\n' "$prefix" >"$folder/pkg-config"
chmod +x "$folder/pkg-config"
export PKG_CONFIG=$folder/pkg-config
thaw=$prefix/bin/thaw

for kind in tokenizer encoder head schedule; do
  "$thaw" plugin new $kind "new_$kind" --folder "$folder"
  make -C "$folder/new_$kind" PKG_CONFIG="$PKG_CONFIG"
  make -C "$folder/new_$kind" PKG_CONFIG="$PKG_CONFIG" check
  make -C "$folder/new_$kind" PKG_CONFIG="$PKG_CONFIG" install
  "$thaw" --plugin-path "$XDG_DATA_HOME/thaw/plugins" plugin show "new_$kind"
done

lines() { # lines LANGUAGE: what the README has in this language
  sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$folder/new_head/README.md" | grep -v '^```'
}
begin() { # begin NAME: a folder for one build system
  rm -rf "${folder:?}/$1" && mkdir "$folder/$1" && cp "$folder/new_head/new_head.c" "$folder/$1/" && cd "$folder/$1"
}

(begin autotools
 cat >configure.ac <<'END'
AC_INIT([new_head], [1])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AM_PROG_AR
LT_INIT
PKG_CHECK_MODULES([THAW], [thaw])
PKG_CHECK_VAR([plugindir], [thaw], [plugindir])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
END
 lines automake >Makefile.am
 autoreconf -i && ./configure && make && make install DESTDIR="$PWD/out"
 "$thaw" plugin show "$PWD/out$("$PKG_CONFIG" --variable=plugindir thaw)/new_head.so")

if command -v cmake; then
  (begin cmake
   { printf 'cmake_minimum_required(VERSION 3.13)\nproject(new_head C)\nfind_package(PkgConfig REQUIRED)\n'
     lines cmake; } >CMakeLists.txt
   cmake -S . -B out -DPKG_CONFIG_EXECUTABLE="$PKG_CONFIG" && cmake --build out
   "$thaw" plugin show "$PWD/out/new_head.so")
else
  echo 'cmake is not installed: its lines were not tried'
fi

if command -v meson; then
  (begin meson
   lines meson >meson.build
   meson setup out && meson compile -C out
   "$thaw" plugin show "$PWD/out/new_head.so")
else
  echo 'meson is not installed: its lines were not tried'
fi
