#!/bin/sh
exec "$THAW_SOURCE/tests/variants/numeric.sh" x86-64-v3 Haswell
