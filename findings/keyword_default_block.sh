#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Ruby 3.1.2: a method that takes keywords as "*arguments" and is marked by ruby2_keywords gets a
# caller's "**hash" with its default block. Asking that Hash for a key that nobody gave runs the
# caller's code. "**options" gets it, too, and a dup keeps it; only "{ **hash }" drops it. So code
# that wraps methods, and looks up a keyword in what was passed, must not use [].
#
# Seen with Ruby 3.1.2 of Debian 12:
#
#     **options: "made up for :b"
#     ruby2_keywords: "made up for :b"
#     ruby2_keywords, its dup: "made up for :b"
#     ruby2_keywords, in a literal: nil
#     ruby2_keywords, by fetch: nil
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

package ruby3.1 3.1.2-7+deb12u1

cat >"$folder/program.rb" <<'RUBY'
def plain(**options) = options

ruby2_keywords def passed(*arguments) = arguments.last

given = Hash.new { |_, key| "made up for #{key.inspect}" }
given[:a] = 1
puts "**options: #{plain(**given)[:b].inspect}",
     "ruby2_keywords: #{passed(**given)[:b].inspect}",
     "ruby2_keywords, its dup: #{passed(**given).dup[:b].inspect}",
     "ruby2_keywords, in a literal: #{{ **passed(**given) }[:b].inspect}",
     "ruby2_keywords, by fetch: #{passed(**given).fetch(:b, nil).inspect}"
RUBY
ruby3.1 "$folder/program.rb" >"$folder/seen"

compare "$folder/seen"
