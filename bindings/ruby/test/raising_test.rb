# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'
require 'timeout'

# Whose exception ends a watched block: what another thread raises is the program's and reaches it at
# once; what the block raises is the block's and is logged.
class RaisingTest < TracerCase
  class Late < StandardError; end

  def setup
    super
    @point = StaticTracing::Tracepoint.new(@namespace, :point, Integer)
    StaticTracing.enable!
    @watch = FireCount.new(@point)
  end

  def teardown
    @watch&.close
    super
  end

  # Another thread raises this in this one, while it runs the block that it is given.
  def raise_here(*what)
    main = Thread.current
    Thread.new { main.raise(*what) }
    Thread.pass until false
  end

  def fire(&block)
    @point.fire(&block)
  end

  def test_that_what_another_thread_raises_reaches_the_program
    [[Late], [Late, 'words'], [Late.new('made')]].each do |what|
      error = assert_raises(Late) { fire { raise_here(*what) } }
      assert(error.backtrace.any? { |line| line.include?('raise_here') })
    end
    assert_equal 'words', assert_raises(RuntimeError) { fire { raise_here('words') } }.message
    assert_raises(RuntimeError) { fire { raise_here } }
    assert_raises(Late) { Timeout.timeout(0.01, Late) { fire { Thread.pass until false } } }
    assert_raises(Late) { Timeout.timeout(0.01, Late) { fire { sleep } } }
    assert_raises(Timeout::Error) { Timeout.timeout(0.01) { fire { sleep } } }
    assert_empty log
    assert fire { 7 }
  end

  def test_that_what_the_block_raises_is_logged_whatever_other_threads_do
    own = Class.new(StandardError)
    cases = {
      # It rescues what another thread raised, and fails by itself.
      rescued: -> { raise_here(Late) rescue raise own },
      # Another thread's exception waits while it fails, and then takes the place of its own.
      waiting: lambda {
        Thread.handle_interrupt(Late => :never) do
          main = Thread.current
          Thread.new { main.raise(Late) }.join
          raise own
        end
      },
      timeout: -> { Timeout.timeout(0.01, Late) { sleep } },
      plain: -> { Timeout.timeout(0.01) { sleep } },
      other: -> { raise own },
      # To itself, a thread raises as `raise` does.
      itself: -> { Thread.current.raise(own) }
    }
    outcomes = cases.map do |name, block|
      point = StaticTracing::Tracepoint.new(@namespace, name, Integer)
      watch = FireCount.new(point)
      point.fire(&block)
    rescue Late
      :late
    ensure
      watch&.close
    end
    assert_equal cases.size - 1, log.scan('logged once').size, log
    assert_equal [false, :late, false, false, false, false], outcomes
  end

  def test_that_a_frozen_threads_exceptions_are_told_apart_too
    output = ruby(<<~RUBY)
      require 'support/fire_count'
      POINT = StaticTracing::Tracepoint.new(:shop, :point)
      StaticTracing.enable!
      StaticTracing.logger = Logger.new($stdout, formatter: ->(*, message) { "logged \#{message}\\n" })
      WATCH = FireCount.new(POINT)
      begin
        POINT.fire { raise 'own' }
        main = Thread.current.freeze
        POINT.fire { Thread.new { main.raise(IOError, 'foreign') }; Thread.pass until false }
      rescue IOError => e
        puts e.message
      end
    RUBY
    assert_equal "logged own (RuntimeError; logged once)\nforeign\n", output
  end
end
