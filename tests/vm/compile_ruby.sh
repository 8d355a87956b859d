#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In a test machine of another CPU: compile the gem's C parts, which build.sh compiled for the machine that
# builds. They go where the tests of that build look for them.
#
# usage: compile_ruby.sh BUILD        (in the source)
set -eu
RST_RUBY_BUILD=$1/bindings/ruby
export RST_RUBY_BUILD

other=$(echo "$RST_RUBY_BUILD"/ruby-*)
rm -rf "$other"
rake --silent --rakefile bindings/ruby/Rakefile compile
ln -s "$(basename "$RST_RUBY_BUILD"/ruby-*)" "$other"
