# frozen_string_literal: true

require 'logger'
require 'open3'
require 'rbconfig'
require 'stringio'
require 'support/fire_count'

# What tests of tracers have in common: a provider of their own, a log to look at, and a world
# without tracers after each.
class TracerCase < Minitest::Test
  Latency = StaticTracing::Tracer::Latency
  Stack = StaticTracing::Tracer::Stack
  Base = StaticTracing::Tracer::Base

  @@count = 0

  def setup
    @namespace = "tracers_#{Process.pid}_#{@@count += 1}"
    @log = StringIO.new
    @old_logger = StaticTracing.logger
    StaticTracing.logger = Logger.new(@log)
  end

  def teardown
    StaticTracing.disable!
    provider = StaticTracing.providers[@namespace]
    provider.destroy if provider
    StaticTracing.logger = @old_logger
  end

  # A tracer that fires a number for whatever the block gives for a call, and keeps that in `seen`.
  def tracer(at: :return, &block)
    seen = []
    made = Class.new(Base) do
      set_tracepoint_data_types Integer
      set_values(at: at) do |call|
        seen << (block ? block.call(call) : call)
        1
      end
      define_singleton_method(:seen) { seen }
    end
    made.define_singleton_method(:tracepoint_name) { |name| "#{StaticTracing::Tracer::Names.probe(name)}_n" }
    made
  end

  def register(tracer, klass, *names)
    tracer.register(klass, *names, provider: @namespace)
    tracer.enable!
  end

  # @return [Integer] how often a tracepoint of the test's fired meanwhile
  def hits(name, &block)
    FireCount.count(StaticTracing::Tracepoint.fetch(@namespace, name), &block)
  end

  def log
    @log.string
  end

  # Without Ruby's warning that a method is redefined.
  def redefine
    verbose = $VERBOSE
    $VERBOSE = false
    yield
  ensure
    $VERBOSE = verbose
  end

  # Run a script in a Ruby of its own.
  def ruby(script, *options, environment: {})
    command = [environment, RbConfig.ruby, '-W', '-W:no-experimental', *options,
               *$LOAD_PATH.map { |path| "-I#{path}" }, '-rruby-static-tracing', '-e', script]
    output, status = Open3.capture2e(*command)
    assert status.success?, "#{status}: #{output}"
    output
  end
end
