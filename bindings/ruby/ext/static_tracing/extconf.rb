# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Builds static_tracing/native: the part of the gem that reads semaphores itself.

# Where C can't be called, nothing is built: the gem loads, and does nothing.
require_relative '../../lib/static_tracing/engine'
unless StaticTracing::CRUBY
  File.write('Makefile', "all install clean:\n\t@:\n")
  exit
end

require 'mkmf'

$INCFLAGS += ' -I$(srcdir)/../librst/include'
have_func('rb_postponed_job_preregister', 'ruby/debug.h') # from Ruby 3.3 on
# After a tracer's trap, each jump is a dear one, and calls into Ruby by a table would be two.
append_cflags(%w[-std=gnu11 -fvisibility=hidden -fno-plt])
create_makefile('static_tracing/native')
