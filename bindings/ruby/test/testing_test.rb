# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# Fires that are recorded for an application's own tests.
class TestingTest < TracerCase
  Testing = StaticTracing::Testing
  Tracepoint = StaticTracing::Tracepoint

  def setup
    super
    @order = Tracepoint.new(@namespace, :order, Integer, customer: String)
  end

  def test_what_is_recorded
    fires = Testing.record do
      assert_equal [true, true], [@order.enabled?, @order.watched?]
      assert @order.fire(1, 'Ada')
      assert(@order.fire { [2, nil] })
    end

    assert_equal ["#{@namespace}:order(1, \"Ada\")", "#{@namespace}:order(2, nil)"], fires.map(&:to_s)
    assert_equal({ 0 => 1, 'customer' => 'Ada' }, fires.first.to_h)
    assert_equal [@order, [1, 'Ada'], "#{@namespace}:order"], [fires[0].tracepoint, fires[0].values, fires[0].name]
  end

  def test_that_nothing_is_recorded_before_and_afterwards
    refute @order.fire(1, '')
    assert_empty(Testing.record { nil })
    refute Testing.recording?
    refute @order.enabled?
    refute @order.fire(2, '')
    refute(@order.fire { abort })
  end

  def test_that_it_ends_if_the_block_raises_or_leaves
    assert_raises(RuntimeError) { Testing.record { raise 'no' } }
    assert_equal 5, (catch(:done) { Testing.record { throw :done, 5 } })
    refute Testing.recording?
    refute @order.enabled?
  end

  def test_that_what_is_declared_meanwhile_is_recorded_and_then_not_watched
    late = nil
    fires = Testing.record { assert((late = Tracepoint.new(@namespace, :late)).fire) }
    assert_equal ["#{@namespace}:late()"], fires.map(&:to_s)
    refute late.enabled?
  end

  def test_that_only_what_is_named_is_recorded
    other = Tracepoint.new(@namespace, :other)
    far = Tracepoint.new("#{@namespace}_far", :order)
    act = -> { [other, far].each(&:fire) && @order.fire(1, '') }
    assert_equal(%w[order], Testing.record("#{@namespace}:order", &act).map { |one| one.tracepoint.name })
    assert_equal(%w[other order], Testing.record(@namespace.to_sym, &act).map { |one| one.tracepoint.name })
    assert_equal 2, Testing.record(far.provider_name, "#{@namespace}:other", &act).size
    assert_equal 3, Testing.record(&act).size
  ensure
    far.provider.destroy
  end

  # Which is why there are recordings.
  def test_that_a_tracepoint_cannot_be_stubbed
    begin
      verbose, $VERBOSE = $VERBOSE, nil
      require 'rspec/mocks/standalone'
    rescue LoadError => e
      skip e.message
    ensure
      $VERBOSE = verbose
    end
    mocks = Object.new.extend(RSpec::Mocks::ExampleMethods)
    RSpec::Mocks.with_temporary_scope do
      error = assert_raises(ArgumentError, FrozenError) { mocks.allow(@order).to mocks.receive(:fire) }
      assert_match(/frozen/, error.message)
    end
  end

  def test_that_a_misspelt_name_raises
    assert_raises(Tracepoint::TracepointMissingError) { Testing.record("#{@namespace}:ordr") { abort } }
    assert_raises(StaticTracing::Provider::ProviderMissingError) { Testing.record('no_such') { abort } }
    refute Testing.recording?
  end

  def test_that_recordings_can_be_in_each_other
    inner = nil
    outer = Testing.record do
      @order.fire(1, '')
      inner = Testing.record { @order.fire(2, '') }
      assert @order.fire(3, '')
    end
    assert_equal [[1, 2, 3], [2]], ([outer, inner].map { |fires| fires.map { |one| one.values.first } })
  end

  def test_that_a_string_is_recorded_as_it_was
    text = +'Ada'
    fires = Testing.record { @order.fire(1, text) && text << ' L.' }
    assert_equal 'Ada', fires.first.values.last
  end

  def test_that_mistakes_are_what_they_always_are
    fires = Testing.record do
      assert_raises(Tracepoint::InvalidArgumentError) { @order.fire('1', '') }
      refute(@order.fire { ['1', ''] })
      refute(@order.fire { raise 'no' })
    end
    assert_empty(fires.select { |fire| fire.tracepoint.equal?(@order) }) # the lines logged are fires, too
    assert_match(/argument 1 must be an Integer/, log)
  end

  def test_that_fires_of_all_threads_are_recorded
    fires = Testing.record { Array.new(4) { |n| Thread.new { 50.times { @order.fire(n, '') } } }.each(&:join) }
    assert_equal [[0, 50], [1, 50], [2, 50], [3, 50]], fires.map { |one| one.values.first }.tally.sort
  end

  def test_that_tracers_are_recorded
    klass = Class.new { def total() 7; end }
    register(Latency, klass, :total)
    fires = Testing.record { assert_equal 7, klass.new.total }
    assert_equal([["#{@namespace}:total", 'total']], fires.map { |fire| [fire.name, fire.values.first] })
  end

  # The thread that looks finds nothing here in an hour: the recording itself has methods wrapped.
  def test_that_methods_are_wrapped_for_a_recording_in_mode_auto
    StaticTracing.configure { |config| [config.mode = 'AUTO', config.interval = 3600] }
    klass = Class.new { def total() 7; end }
    register(Latency, klass, :total)
    told = []
    subscription = StaticTracing::Watcher.watch([@order], attached: -> { told << :on }, detached: -> { told << :off })
    inner = nil
    fires = Testing.record do
      refute_equal klass, klass.new.method(:total).owner
      inner = Testing.record { klass.new.total }
      klass.new.total
    end
    assert_equal [2, 1], [fires, inner].map(&:size)
    assert_equal klass, klass.new.method(:total).owner
    assert_equal %i[on off], told
  ensure
    subscription&.cancel
    StaticTracing.configure { |config| [config.mode = 'OFF', config.interval = StaticTracing::Watcher::INTERVAL] }
  end

  def test_that_recording_waits_for_what_another_thread_is_telling
    begun = Queue.new
    go_on = Queue.new
    told = []
    watch = StaticTracing::Watcher.watch([@order], attached: -> { [begun << true, go_on.pop, told << :on] },
                                                   detached: -> { told << :off })
    teller = Thread.new { Testing.record { nil } }
    begun.pop
    other = Thread.new { Testing.record { told << :recording } }
    assert_empty told
    go_on.close # and so it stays: if the first recording ends before the other begins, it is told again
    [teller, other].each(&:join)
    assert_equal :on, told.first
    assert_includes told, :recording
  ensure
    watch&.cancel
  end

  # A callback of the watcher's may record, too: nobody waits for it but itself.
  def test_that_a_callback_may_record
    fires = nil
    watch = StaticTracing::Watcher.watch([@order], attached: -> { fires = Testing.record { @order.fire(1, '') } },
                                                   detached: -> {})
    Testing.record { nil }
    assert_equal [1], fires.map { |fire| fire.values.first }
  ensure
    watch&.cancel
  end

  def test_that_a_tracer_goes_on_seeing
    @order.provider.enable
    fires = nil
    assert_equal 2, (hits(:order) do
      @order.fire(1, 'Ada')
      fires = Testing.record { assert @order.fire(2, 'Ada') }
    end)
    assert_equal [2], (fires.map { |one| one.values.first })
  end

  def test_that_a_provider_can_be_destroyed_meanwhile
    fires = Testing.record do
      @order.provider.destroy
      @order.fire(1, '')
    end
    assert_empty fires
    refute @order.enabled?
    refute @order.fire(1, '')
  end

  # Without librst, there is no probe; and a Ractor's fires aren't recorded.
  def test_elsewhere
    output = ruby(<<~'RUBY', environment: { 'LIBRST_PATH' => '/nonexistent' })
      StaticTracing.logger = Logger.new(IO::NULL)
      ORDER = StaticTracing::Tracepoint.new(:shop, :order, Integer)
      puts StaticTracing::Testing.record {
        p ORDER.fire(1)
        StaticTracing::Tracepoint.new(:shop, :late, Symbol).fire(:a)
        Ractor.new { ORDER.fire(2) }.then { |one| one.respond_to?(:take) ? one.take : one.value } if defined?(Ractor)
      }
      p ORDER.enabled?, ORDER.fire(1)
    RUBY
    assert_equal "true\nshop:order(1)\nshop:late(:a)\nfalse\nfalse\n", output
  end

  def test_that_it_goes_on_in_a_forked_child
    fires = Testing.record do
      pid = fork { exit!(@order.fire(1, '') ? 0 : 1) }
      assert Process.wait2(pid).last.success?
    end
    assert_empty fires
  end
end
