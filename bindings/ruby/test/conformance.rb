# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# The subject of the conformance test for Ruby; tests/conformance/README.md has the commands.

require 'ruby-static-tracing'

$stdout.sync = true

# Errors' classes => their kind in the protocol.
KINDS = {
  StaticTracing::LibraryError => 'invalid',
  StaticTracing::Tracepoint::InvalidArgType => 'invalid',
  StaticTracing::Tracepoint::TracepointExistsError => 'exists',
  StaticTracing::Tracepoint::ArityError => 'arity',
  StaticTracing::Tracepoint::TypeMismatchError => 'type',
  StaticTracing::Tracepoint::ValueRangeError => 'range'
}.freeze

FLOATS = { 'nan' => Float::NAN, 'inf' => Float::INFINITY, '-inf' => -Float::INFINITY }.freeze

# A value's letter => how its text is read.
VALUES = {
  'i' => ->(text) { Integer(text, 10) },
  'd' => ->(text) { FLOATS.fetch(text) { Float(text) } },
  's' => ->(text) { text.gsub(/%(\h\h)/) { $1.hex.chr }.force_encoding('UTF-8') },
  'b' => ->(text) { text == 'true' },
  'n' => ->(_) {}
}.freeze

def values(words)
  words.map { |word| VALUES.fetch(word[0]).call(word[2..-1]) }
end

# @return [Array(Array<Symbol>, Hash{Symbol => Symbol})] the types without names, and those with
def declared(signature)
  types = []
  named = {}
  signature.split(',', -1).each do |part|
    type, name = part.split(' ', 2)
    name ? named[name.to_sym] = type.to_sym : types << type.to_s.to_sym
  end
  [types, named]
end

COMMANDS = {
  'provider' => lambda do |name|
    @provider = StaticTracing::Provider.register(name)
    nil
  end,
  'add' => lambda do |name, signature|
    types, named = declared(signature)
    @provider.add_tracepoint(name, *types, **named)
    nil
  end,
  'load' => lambda do
    @provider.enable
    nil
  end,
  'unload' => lambda do
    @provider.disable
    nil
  end,
  'path' => ->(name) { @provider.tracepoints.fetch(name).path },
  'enabled' => ->(name) { @provider.tracepoints.fetch(name).enabled? },
  'fire' => lambda do |name, *words|
    @provider.tracepoints.fetch(name).fire(*values(words))
    nil
  end,
  'lazy' => lambda do |name, *words|
    runs = 0
    @provider.tracepoints.fetch(name).fire do
      runs += 1
      values(words)
    end
    runs
  end,
  'pid' => -> { Process.pid },
  'quit' => -> { exit }
}.freeze

$stdin.each_line(chomp: true) do |line|
  command, *fields = line.split("\t", -1)
  answer = COMMANDS.fetch(command).call(*fields)
  puts ['ok', answer].compact.join(' ')
rescue StaticTracing::Error => e
  puts "error #{KINDS.fetch(e.class)}"
end
