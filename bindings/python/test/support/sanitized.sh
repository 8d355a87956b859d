#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The tests that are about the C parts, under AddressSanitizer and UBSan, with gcc; and, without
# running it, what clang warns of. Usage: sanitized.sh PYTHON DIRECTORY, for what is built.
#
# Python itself knows nothing of the sanitizers, and doesn't give back everything at its end.
set -e
python=$(command -v "$1")
tests=$(dirname "$(dirname "$(realpath "$0")")")
warnings='-Wall -Wextra -Wshadow -Wmissing-prototypes -Werror'
sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
CC=clang CFLAGS=$warnings "$tests/../build.sh" "$python" "$2/clang"
CC=gcc CFLAGS="-g -O1 $sanitizers $warnings" LDFLAGS=$sanitizers \
    "$tests/../build.sh" "$python" "$2/sanitized"
cd "$tests"
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
    ASAN_OPTIONS=detect_leaks=0:use_sigaltstack=0 PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH="$2/sanitized/lib" \
    "$python" -m pytest -p no:cacheprovider -q -k 'not allocates and not keeps and not leave_nothing' \
    test_declaring.py test_values.py test_firing.py test_life.py test_fork.py
