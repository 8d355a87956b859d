# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Builds static_tracing/librst: librst itself, from the sources that the gem carries.
#
#   gem install ruby-static-tracing -- --with-system-librst
#
# doesn't build it, for machines where librst is installed. If librst can't be built, the gem is
# installed without it, and its tracepoints do nothing. The reason is in left-out.log, beside this
# file, because RubyGems keeps the log of only one extension.

# Where C can't be called, nothing is built: the gem loads, and does nothing.
require_relative '../../lib/static_tracing/engine'
unless StaticTracing::CRUBY
  File.write('Makefile', "all install clean:\n\t@:\n")
  exit
end

require 'mkmf'

def leave_out(reason)
  message("librst is not built: #{reason}\n")
  Logging.message('%s', "librst is not built: #{reason}\n")
  Logging.log_close
  FileUtils.cp('mkmf.log', 'left-out.log')
  # A Makefile that makes nothing, because the installer can't be told otherwise.
  File.write('Makefile', dummy_makefile('.').join)
  exit
end

leave_out('--with-system-librst asks for the installed one') if with_config('system-librst')
# Elsewhere than on Linux, librst's loader loads nothing, and says so. --with-loader=none, or
# RST_LOADER=none in the environment, chooses it on Linux, too.
loader = with_config('loader', ENV.fetch('RST_LOADER', RUBY_PLATFORM.include?('linux') ? 'linux' : 'none'))

# Relative to here, as mkmf sees it: RubyGems keeps spaces out of that, and of nothing else.
sources = File.join($srcdir, 'src')
$srcs = if loader == 'none'
          File.readlines(File.join(sources, 'none/sources'), chomp: true).map { |name| File.join(sources, name) }
        else
          Dir[File.join(sources, '{,arch/,image/,backing/,runtime/}*.c')].sort
        end
$VPATH.concat(%w[. arch image backing runtime none].map { |part| "$(srcdir)/src/#{part}" })
$INCFLAGS += ' -I$(srcdir)/include -I$(srcdir)/src'
$CPPFLAGS += ' -D_GNU_SOURCE' unless loader == 'none'
append_cflags(%w[-std=gnu11 -fvisibility=hidden -fno-omit-frame-pointer])

# Here, where it can still be left out, rather than when `make` fails; without ruby.h, which mkmf puts
# before a source, and which takes longer than all of it.
$srcs.each do |source|
  next if try_compile('', '-O0') { File.read(source) }

  leave_out("the compiler failed on #{File.basename(source)}; left-out.log has its messages")
end

# nodelete, as in librst's own build: its fork and exit handlers stay registered.
# Not every system's linker has either, and append_ldflags leaves out what it hasn't.
append_ldflags(["-Wl,--version-script=#{File.join(sources, 'librst.map')}", '-Wl,-z,nodelete'])
$libs = append_library($libs, 'dl') if have_library('dl', 'dlopen')
$libs = append_library($libs, 'pthread') if have_library('pthread', 'pthread_create')
$LIBRUBYARG = '' # it knows nothing of Ruby
create_makefile('static_tracing/librst')
