# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require_relative 'lib/static_tracing/version'

Gem::Specification.new do |spec|
  spec.name = 'ruby-static-tracing'
  spec.version = StaticTracing::VERSION
  spec.authors = ['the librst authors']
  spec.summary = 'Static tracepoints (USDT) that a Ruby program declares at run time'
  spec.description = <<~TEXT
    Places in a Ruby program that bpftrace, gdb, bcc, perf and other tools can watch while it runs in
    production, and that cost next to nothing while nobody does. On Linux; elsewhere the gem loads,
    and its tracepoints do nothing. It carries librst, the C library that it is made of.
  TEXT
  spec.license = 'MIT'
  spec.metadata = { 'rubygems_mfa_required' => 'true' }

  spec.required_ruby_version = '>= 2.7'
  spec.add_dependency 'ffi', '>= 1.12', '< 2'
  spec.add_dependency 'logger', '~> 1.4' # part of Ruby until 4.0, and a gem like any other since

  # ext/librst/src and ext/librst/include lead to librst's own; what is packed are the files.
  spec.files = Dir.chdir(__dir__) do
    Dir['{README.md,LICENSE,.yardopts}',
        'lib/**/*.rb', 'sig/**/*.{rbs,yaml}',
        'ext/*/extconf.rb', 'ext/static_tracing/*.{c,h}',
        'ext/librst/include/*.h', 'ext/librst/src/{,arch/,image/,backing/,runtime/,none/}*.{c,h,map}',
        'ext/librst/src/none/sources'].sort
  end

  spec.extensions = ['ext/librst/extconf.rb', 'ext/static_tracing/extconf.rb']
end
