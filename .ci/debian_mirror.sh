#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Say where this machine has its own Debian packages from, and the release: "URI CODENAME". Roots of other
# CPUs and releases are made of packages from there.
set -eu

# shellcheck disable=SC2016 # apt-get expands it
found=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' | grep '/debian/* ' | head -n 1) || true
if [ -z "$found" ]; then
    echo "apt-get has no Debian mirror, a URI that ends in /debian, to take packages from" >&2
    exit 1
fi
echo "$found"
