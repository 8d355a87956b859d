#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# RubyGems 3.3.15: "gem build --force" leaves SOURCE_DATE_EPOCH out of the gem's metadata, and the
# gem has no date: each reader sees the day of reading. Without --force, the date is that of
# SOURCE_DATE_EPOCH.
#
# --force is documented as skipping validation, and Gem::Package#build skips only that. But nothing
# else sets the date: Specification#date sets it when it is first read, and the validation of
# required attributes is what reads it. Specification#date= takes today for an empty one.
#
# The same gem is built twice, with SOURCE_DATE_EPOCH=86400.
# Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     gem build: metadata has "date: 1970-01-02 00:00:00.000000000 Z"
#     gem build: read back, it is of 1970-01-02
#     gem build --force: metadata has "date:"
#     gem build --force: read back, it is of today
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

package ruby-rubygems 3.3.15-2+deb12u1
command -v ruby >/dev/null || package ruby3.1 3.1.2-7+deb12u1

cat >"$folder/shop.gemspec" <<'RUBY'
Gem::Specification.new do |spec|
  spec.name = 'shop'
  spec.version = '1'
  spec.summary = 'A shop'
  spec.authors = ['Ada']
end
RUBY

# date_of FILE: the date that RubyGems reads from it.
date_of() {
    ruby -rrubygems/package -e 'puts Gem::Package.new(ARGV[0]).spec.date.strftime("%F")' "$1"
}

cd "$folder"
today=$(date --utc +%F)
for command in "gem build" "gem build --force"; do
    SOURCE_DATE_EPOCH=86400 $command shop.gemspec --output shop.gem >"$folder/gem" 2>&1 ||
        not_run "$(tail -n 1 "$folder/gem")"
    line=$(tar --extract --to-stdout --file shop.gem metadata.gz | zcat | grep '^date:')
    date=$(date_of shop.gem)
    [ "$date" != "$today" ] || date=today
    echo "$command: metadata has \"${line% }\""
    echo "$command: read back, it is of $date"
done >"$folder/seen"

compare "$folder/seen"
