# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Builds static_tracing/native: the part of the gem that reads semaphores itself.

require 'mkmf'

$INCFLAGS += ' -I$(srcdir)/../librst/include'
have_func('rb_postponed_job_preregister', 'ruby/debug.h') # from Ruby 3.3 on
append_cflags(%w[-std=gnu11 -fvisibility=hidden])
create_makefile('static_tracing/native')
