# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Loaded before the gem, this has every call of a method that has a signature compared with it. What
# it found is written to the file RST_TYPED, as JSON: {calls: {"a method": how often}, errors: [...]}.
#
# A call that the signature refuses must be one that the method refuses, by an exception: tests are
# full of them.

require 'json'
require 'rbs/test/setup'

module Typed
  @calls = Hash.new(0)
  @errors = []
  @mutex = Mutex.new

  class << self
    def count(name)
      @mutex.synchronize { @calls[name] += 1 }
    end

    def blame(error)
      @mutex.synchronize { @errors |= [error.message] }
    end

    def report
      JSON.generate(calls: @calls, errors: @errors)
    end
  end

  # In the place of RBS's own, which raises into the caller.
  def call(receiver, trace)
    Typed.count("#{self_class.inspect}#{format_method_name(trace.method_name)}")
    super
  rescue RBS::Test::Tester::TypeError => e
    Typed.blame(e) unless trace.method_call.exception?
  end

  RBS::Test::Tester::MethodCallTester.prepend(self)
end

parent = Process.pid
at_exit do
  next unless Process.pid == parent # a test may fork

  File.write(ENV.fetch('RST_TYPED'), Typed.report)
end
