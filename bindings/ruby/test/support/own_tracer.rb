# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Loaded after support/subject.rb, this has a program watch itself, and show what bpftrace would: for
# tests of what the gem does, to which it makes no difference. bpftrace takes a second.
#
# RST_OWN_TRACER holds the actions in JSON: {tracepoint: 'printf("%ld\n", arg0);'}.

require 'json'
require 'support/fire_count'

class OwnTracer < FireCount
  SAYS = 'fired: '
  ACTION = /\Aprintf\("(?<format>.*)\\n"(?:, (?<values>.*))?\);\z/.freeze
  VALUES = { 'str(arg' => ->(word) { FFI::Pointer.new(word).read_string unless word.zero? },
             'arg' => ->(word) { [word].pack('Q').unpack1('q') } }.freeze

  @actions = JSON.parse(ENV.fetch('RST_OWN_TRACER'))
  @attached = {}.compare_by_identity

  class << self
    def attach(tracepoint)
      action = @actions[tracepoint.name]
      @attached[tracepoint] ||= new(tracepoint, action) if action
    end

    def detach
      @attached.each_value(&:close)
    end
  end

  def initialize(tracepoint, action)
    action = action.empty? ? nil : ACTION.match(action) || raise("only printf can be shown, not #{action}")
    @format = action && action[:format].gsub('%ld', '%d')
    @values = action ? action[:values].to_s.split(', ') : []
    super(tracepoint)
  end

  def hit(words)
    super
    return unless @format

    shown = @values.map { |value| VALUES.fetch(value[/\A\D+/]).call(words[Integer(value[/\d+/])]) }
    say("#{SAYS}#{format(@format, *shown)}")
  end

  # In the place of waiting for a tracer.
  module Watching
    private

    def await_watched(*tracepoints)
      tracepoints.each { |tracepoint| OwnTracer.attach(tracepoint) }
      super
    end

    def finish
      OwnTracer.detach
      super
    end
  end

  Object.prepend(Watching)
end
