# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# The program's logger: it may do whatever it likes.
class LoggerTest < TracerCase
  # Seconds.
  DEADLINE = 30

  # A logger that is told something => what it does.
  def self.logger(&block)
    Class.new do
      define_method(:error) { |message| block.call(message) }
      define_method(:warn) { |message| block.call(message) }
    end.new
  end

  # What may be logged in => what is done there; providers can't be loaded meanwhile.
  ENTRIES = {
    'StaticTracing.enable!' => -> { StaticTracing.enable! },
    'StaticTracing.toggle_tracing!' => -> { StaticTracing.toggle_tracing! },
    'Provider.enable!' => -> { StaticTracing::Provider.enable! },
    'the configuration' => -> { StaticTracing.configure { |config| config.mode = 'ON' } },
    'a late tracepoint' => lambda {
      StaticTracing.enable!
      StaticTracing::Provider.register(@namespace).add_tracepoint(:late)
    },
    'a batch' => lambda {
      StaticTracing.enable!
      StaticTracing::Provider.register(@namespace).batch { |provider| provider.add_tracepoint(:late) }
    },
    'a tracer' => lambda {
      Latency.enable!
      Latency.register(Class.new { def a; end }, :a, provider: @namespace)
    },
    'a method that is defined' => lambda {
      Latency.enable!
      Latency.register_all(klass = Class.new, provider: @namespace)
      klass.class_eval { def a; end }
    }
  }.freeze

  ENTRIES.each do |name, act|
    define_method("test_that_it_is_called_under_no_lock: #{name}") do
      StaticTracing::Tracepoint.new(@namespace, :early)
      free = []
      StaticTracing.logger = LoggerTest.logger { free << others_go_on? }
      unloadable(&act)
      assert_includes free, true
      refute_includes free, false
    end
  end

  ENTRIES.each do |name, act|
    define_method("test_that_one_that_raises_raises_nothing: #{name}") do
      StaticTracing::Tracepoint.new(@namespace, :early)
      StaticTracing.logger = LoggerTest.logger { raise 'full' }
      assert_output('', /could not be logged: RuntimeError/) { unloadable(&act) }
    end
  end

  def test_that_it_may_declare_a_tracepoint_where_there_is_no_librst
    output = ruby(<<~RUBY, environment: { 'LIBRST_PATH' => '/nonexistent' })
      logger = Object.new
      def logger.error(*) end
      def logger.warn(message) puts StaticTracing::Tracepoint.new(:log, :line, String).fire(message) end
      StaticTracing.logger = logger
      2.times { puts StaticTracing::Tracepoint.new(:shop, :order).fire }
    RUBY
    assert_equal %w[false false false], output.lines(chomp: true)
  end

  def test_that_one_that_raises_raises_nothing_where_there_is_no_librst
    output = ruby(<<~RUBY, environment: { 'LIBRST_PATH' => '/nonexistent' })
      logger = Object.new
      def logger.error(*) end
      def logger.warn(*) raise 'full' end
      StaticTracing.logger = logger
      2.times { puts StaticTracing::Tracepoint.new(:shop, :order).fire }
      StaticTracing.enable!
    RUBY
    assert_equal ['static_tracing: an error could not be logged: RuntimeError', 'false', 'false'],
                 output.lines(chomp: true)
  end

  private

  # Whether another thread can take every lock of the gem.
  def others_go_on?
    thread = Thread.new do
      StaticTracing::Tracer.all
      StaticTracing::Provider.all.each_value(&:tracepoints)
      StaticTracing.configuration.configure { nil }
    end
    return true if thread.join(DEADLINE)

    thread.kill
    false
  end

  def unloadable(&act)
    before = ENV['RST_BACKING']
    ENV['RST_BACKING'] = 'nonsense'
    instance_exec(&act)
  ensure
    ENV['RST_BACKING'] = before
    StaticTracing.configuration.mode = 'OFF'
  end
end
