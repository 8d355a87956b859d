# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'support/traced'

# What becomes of fires, and of their blocks, while a tracer watches.
class BlocksTest < TracedTest
  NUMBER = { order: 'printf("%ld\n", arg0);' }.freeze
  ORDER = "order = declare(:order, Integer)\n"

  # A script whose only tracepoint is `order`, with one Integer. It watches itself.
  def trace_order(script)
    trace_itself(NUMBER, ORDER + script)
  end

  # The same, watched by bpftrace.
  def trace_by_bpftrace(script)
    trace(NUMBER, ORDER + script)
  end

  # The same, where what it logs is looked at.
  # @return [Array(Array<String>, Subject)]
  def watch_order(script)
    traced = watch_itself(NUMBER, ORDER + script)
    [traced.fired, traced]
  end

  def test_that_a_fire_says_whether_somebody_watches
    shown, said = trace_by_bpftrace(<<~RUBY)
      say order.enabled?, order.fire(0), order.fire { [0] }
      watched { say order.enabled?, order.fire(1), order.fire { [2] } }
      await_unwatched(order)
      say order.enabled?, order.fire(3), order.fire { [4] }
    RUBY
    assert_equal ['true true true', 'false false false'], said
    assert_equal %w[1 2], shown
  end

  def test_that_a_block_runs_once_for_a_fire
    shown, said = trace_order(<<~RUBY)
      runs = 0
      order.fire { runs += 1 }
      watched { 3.times { order.fire { runs += 1 } } }
      await_unwatched(order)
      order.fire { runs += 1 }
      say runs
    RUBY
    assert_equal [%w[1 2 3], %w[3]], [shown, said]
  end

  def test_that_a_block_gives_one_value_or_an_array
    shown, = trace_itself({ one: 'printf("one %ld\n", arg0);', two: 'printf("two %ld %s\n", arg0, str(arg1));',
                            none: 'printf("none\n");' }, <<~RUBY)
      one = declare(:one, Integer)
      two = declare(:two, order: Integer, customer: String)
      none = declare(:none)
      watched do
        one.fire { 1 }
        one.fire { [2] }
        two.fire { [3, 'Ada'] }
        two.fire { [4, nil] }
        none.fire { 5 }
        none.fire { [6, 7] }
        none.fire {}
        none.fire
      end
    RUBY
    assert_equal ['one 1', 'one 2', 'two 3 Ada', 'two 4 ', 'none', 'none', 'none', 'none'], shown
  end

  def test_that_values_go_before_a_block
    shown, = trace_order('watched { order.fire(1) { abort "ran" } }')
    assert_equal %w[1], shown
  end

  def test_that_with_raise_wrong_values_of_a_block_raise_and_do_not_fire
    shown, said = trace_order(<<~RUBY)
      wrong = [nil, 'x', [], [1, 2], ['x'], 2**63, [1] * 13, [1] * 50, {}]
      StaticTracing::Configuration.on_error = :raise
      watched do
        wrong.each do |values|
          order.fire { values }
          say 'fired'
        rescue StaticTracing::Tracepoint::InvalidArgumentError => e
          say e.message[/got .*?,|not .*/]
        end
        order.fire { 7 }
      end
    RUBY
    assert_equal ['not nil', 'not "x" (String)', 'got 0 values,', 'got 2 values,', 'not "x" (String)',
                  'not 9223372036854775808 (Integer)', 'got 13 values,', 'got 50 values,', 'not a Hash'], said
    assert_equal %w[7], shown
  end

  def test_that_a_block_can_be_left_in_every_way
    shown, said = trace_order(<<~RUBY)
      StaticTracing::Configuration.on_error = :raise
      def returns(order)
        order.fire { return :returned }
      end
      watched do
        say order.fire { break :broken }
        say catch(:thrown) { order.fire { throw :thrown, :caught } }
        say returns(order)
        say order.fire { next 1 }
        begin
          order.fire { raise IOError, 'raised' }
        rescue IOError => e
          say e.message
        end
        say [1, 2].each { |number| order.fire { break number } }.inspect
        fiber = Fiber.new { order.fire { Fiber.yield; 2 } }
        fiber.resume
        say fiber.resume
      end
    RUBY
    assert_equal ['broken', 'caught', 'returned', 'true', 'raised', '[1, 2]', 'true'], said
    assert_equal %w[1 2], shown
  end

  def test_that_a_block_can_fire
    shown, said = trace_itself(NUMBER.merge(inner: 'printf("inner %ld\n", arg0);'), <<~RUBY)
      order = declare(:order, Integer)
      inner = declare(:inner, Integer)
      depth = 0
      nest = lambda do
        depth += 1
        order.fire(&nest) if depth < 5
        depth
      end
      watched do
        say order.fire { inner.fire(1); inner.fire { 2 }; order.fire(3); 4 }
        order.fire(&nest)
      end
    RUBY
    assert_equal ['true'], said
    assert_equal ['inner 1', 'inner 2', '3', '4', *['5'] * 5], shown
  end

  def test_that_a_provider_can_be_disabled_within_a_block
    shown, said = trace_by_bpftrace(<<~RUBY)
      watched do
        say order.fire { PROVIDER.disable; 1 }
        PROVIDER.enable
        await_watched(order)
        say order.fire(2)
        say order.fire { PROVIDER.disable; PROVIDER.enable; await_watched(order); 3 }
      end
    RUBY
    assert_equal %w[false true true], said
    assert_equal %w[2 3], shown
  end

  def test_that_a_provider_can_be_destroyed_within_a_block
    shown, said = trace_by_bpftrace(<<~RUBY)
      watched { say order.fire { PROVIDER.destroy; 1 }, order.enabled?, order.fire(2) }
    RUBY
    assert_equal [[], ['false false false']], [shown, said]
  end

  def test_that_a_provider_of_the_same_name_is_watched_anew
    gone, said = trace_by_bpftrace(<<~RUBY)
      watched { order.fire(1) }
      PROVIDER.destroy
      again = StaticTracing::Tracepoint.new(:subject, :order, String)
      again.load
      say order.fire(2), order.enabled?, again.fire('x')
      say 'at', 'subject', 'again', again.path
    RUBY
    assert_equal [%w[1], 'false false false'], [gone, said.first]
  end

  def test_that_tracepoints_added_to_an_enabled_provider_are_watched_beside_the_others
    shown, = trace(NUMBER.merge(late: 'printf("late %s\n", str(arg0));', later: 'printf("later %ld\n", arg0);'),
                   <<~RUBY)
      order = declare(:order, Integer)
      PROVIDER.enable
      late = declare(:late, String)
      later = declare(:later, Integer)
      watched do
        order.fire(1)
        late.fire('two')
        latest = declare(:latest, Integer)
        latest.fire(0)
        later.fire(3)
        order.fire(4)
      end
    RUBY
    assert_equal ['1', 'late two', 'later 3', '4'], shown
  end

  # ------------------------------------------------------------------------------ on_error --

  def test_that_unless_told_otherwise_values_raise_and_what_is_wrong_with_a_block_is_logged
    traced = watch_itself(NUMBER.merge(other: ''), <<~RUBY)
      order = declare(:order, Integer)
      other = declare(:other, Integer)
      watched do
        say order.fire { raise IOError, 'raised' }
        say other.fire { 'wrong' }
        begin
          order.fire('wrong')
        rescue StaticTracing::Tracepoint::InvalidArgumentError
          say 'refused'
        end
        say order.fire { 7 }
      end
    RUBY
    assert_equal %w[false false refused true], traced.said
    assert_equal %w[7], traced.fired
    assert_equal 2, traced.errors.lines.size, traced
    assert_match(/ERROR .*: raised \(IOError; logged once\)$/, traced.errors)
    assert_match(/ERROR .*:other: argument 1 must be .*, not "wrong" \(String\)/, traced.errors)
  end

  def test_that_what_another_thread_raises_is_not_the_blocks
    shown, said = trace_order(<<~RUBY)
      require 'timeout'
      late = Class.new(StandardError)
      watched do
        begin
          Timeout.timeout(0.05, late) do
            order.fire do
              Thread.pass until Thread.pending_interrupt?
              5
            end
          end
          say 'went on'
        rescue late
          say 'late'
        end
      end
    RUBY
    assert_equal %w[late], said
    assert_empty shown
  end

  def test_that_a_plain_timeout_gets_through_to_a_block_that_waits
    shown, said = trace_order(<<~RUBY)
      require 'timeout'
      watched do
        Timeout.timeout(0.05) { order.fire { hear } }
        say 'went on'
      rescue Timeout::Error
        say 'late'
      end
    RUBY
    assert_equal %w[late], said
    assert_empty shown
  end

  def test_that_a_block_may_have_a_timeout_of_its_own
    shown, traced = watch_order(<<~RUBY)
      require 'timeout'
      late = Class.new(StandardError) { def self.name; 'Late'; end }
      watched do
        rescued = order.fire do
          Timeout.timeout(0.05, late) { hear }
        rescue late
          7
        end
        say rescued, order.fire { Timeout.timeout(0.05, late) { hear } }
      end
    RUBY
    assert_equal ['true false'], traced.said
    assert_equal %w[7], shown
    assert_equal 1, traced.errors.lines.size, traced
    assert_match(/ERROR .*execution expired/, traced.errors)
  end

  def test_that_a_block_that_returns_its_tracepoint_is_told_that_it_is_no_value
    shown, traced = watch_order(<<~RUBY)
      watched { say order.fire { order } }
    RUBY
    assert_equal %w[false], traced.said
    assert_empty shown
    assert_match(/argument 1 must be .*, not a StaticTracing::Tracepoint \(/, traced.errors)
  end

  def test_that_a_block_beside_values_is_not_run
    shown, said = trace_order("watched { say order.fire(7) { abort 'run' } }")
    assert_equal [%w[7], %w[true]], [shown, said]
  end

  def test_that_with_log_what_blocks_raise_is_logged_once_and_everything_else_passes
    shown, traced = watch_order(<<~RUBY)
      StaticTracing::Configuration.on_error = :log
      watched do
        say order.fire { raise IOError, 'raised' }
        say order.fire { raise IOError, 'raised again' }
        say order.fire { 'wrong' }, order.fire { [1, 2] }, order.fire('wrong')
        say order.fire { break :broken }
        say catch(:thrown) { order.fire { throw :thrown, :caught } }
        begin
          order.fire { raise NotImplementedError, 'no StandardError' }
        rescue NotImplementedError => e
          say e.message
        end
        begin
          order.fire { exit 3 }
        rescue SystemExit => e
          say e.status
        end
        say order.fire { 7 }, order.fire(8)
      end
    RUBY
    assert_equal ['false', 'false', 'false false false', 'broken', 'caught', 'no StandardError', '3', 'true true'],
                 traced.said
    assert_equal %w[7 8], shown
    assert_equal 1, traced.errors.lines.size, traced
    assert_match(/ERROR .*: raised \(IOError; logged once\)/, traced.errors)
  end
end
