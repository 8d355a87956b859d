# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# What `verify:` does: of tracepoints, of tracers, and of the configuration. Blocks run because their
# fires are recorded.
class VerifyTest < TracerCase
  Verifier = StaticTracing::Verifier
  Tracepoint = StaticTracing::Tracepoint

  # Seconds.
  DEADLINE = 30

  def setup
    super
    Verifier.forget
  end

  def teardown
    StaticTracing::Configuration.verify = false
    StaticTracing::Configuration.on_error = :raise_values
    super
  end

  def tracepoint(name, *types, **named)
    Tracepoint.new(@namespace, name, *types, **named)
  end

  # What a tracepoint that is fired with an unknown object's size does.
  # The lines logged are fires, too, once another test has required `static_tracing/log_lines`.
  def record(&block)
    StaticTracing::Testing.record(&block).reject { |fire| fire.tracepoint.provider_name == 'log' }
  end

  # @return [Array] what fire returned, and what was recorded
  def fire_size(tracepoint, object = 'abc')
    fired = nil
    fires = record { fired = tracepoint.fire { object.size } }
    [fired, fires.map { |fire| fire.values.first }]
  end

  REASON = ".size: an unknown object's size may be any method"

  # ------------------------------------------------------------------ tracepoints

  def test_that_a_refused_block_does_not_run_and_is_logged_once
    one = tracepoint(:one, Integer, verify: true)
    2.times { assert_equal [false, []], fire_size(one) }

    assert_equal 1, log.scan(REASON).size, log
    assert_match(/ERROR .* #{one.provider_name}:one\(int64\): the block is refused: #{__FILE__}:\d+: /, log)
    assert_includes log, 'StaticTracing::Verifier::RefusedError; logged once'
  end

  def test_that_a_block_that_passes_runs
    one = tracepoint(:one, Integer, verify: true)
    order = 5
    fires = record do
      assert one.fire { [StaticTracing::Peek.integer(order)] }
      assert one.fire { 6 }
      assert one.fire(7)
    end

    assert_equal [[5], [6], [7]], fires.map(&:values)
    assert_empty log
  end

  def test_that_warn_logs_once_and_runs_it
    one = tracepoint(:one, Integer, verify: :warn)
    2.times { assert_equal [true, [3]], fire_size(one) }
    assert_equal 1, log.scan(REASON).size, log
  end

  def test_that_with_false_and_by_default_no_block_is_looked_at
    StaticTracing::Configuration.verify = true
    assert_equal [true, [3]], fire_size(tracepoint(:off, Integer, verify: false))
    StaticTracing::Configuration.verify = false
    assert_equal [true, [3]], fire_size(tracepoint(:one, Integer))
    assert_empty log
  end

  def test_that_the_configuration_is_for_what_says_nothing_itself
    one = tracepoint(:one, Integer)
    expected = { true => [false, []], warn: [true, [3]], false => [true, [3]] }
    expected.each do |mode, result|
      StaticTracing.configure { |config| config.verify = mode }
      assert_equal mode, StaticTracing.configuration.verify
      assert_equal result, fire_size(one)
    end
  end

  def test_that_with_raise_a_refusal_raises
    StaticTracing::Configuration.on_error = :raise
    error = assert_raises(Verifier::RefusedError) { fire_size(tracepoint(:one, Integer, verify: true)) }

    assert_includes error.message, REASON
    assert_equal [[__FILE__, '.size']], (error.refusals.map { |one| [one.path, one.construct] })
    assert_equal [true, [3]], fire_size(tracepoint(:two, Integer, verify: :warn))
  end

  def test_that_unwatched_no_block_is_looked_at
    one = tracepoint(:one, Integer, verify: true)
    refute one.fire { abort }
    assert_empty log
  end

  def test_that_an_error_of_the_verifier_reaches_nobody
    one = tracepoint(:one, Integer, verify: true)
    code = Verifier::Code.method(:of)
    redefine { Verifier::Code.define_singleton_method(:of) { |_| raise 'broken' } }
    assert_equal [false, []], fire_size(one)
    assert_match(/broken \(RuntimeError; logged once\)/, log)
  ensure
    redefine { Verifier::Code.define_singleton_method(:of, code) }
  end

  def test_that_an_argument_can_be_called_verify
    one = tracepoint(:one, id: Integer, verify: :bool, name: String)
    assert_equal %w[id verify name], one.arg_names
    assert_nil one.verify
  end

  def test_that_a_tracepoint_says_how_its_blocks_are_verified
    [{ verify: true }, { verify: :warn }, { verify: false }, {}].each_with_index do |mode, at|
      made = tracepoint("tracepoint_#{at}", Integer, **mode).verify
      mode.empty? ? assert_nil(made) : assert_equal(mode[:verify], made)
    end
  end

  def test_that_another_verify_is_another_declaration
    one = tracepoint(:one, Integer, verify: true)
    assert_same one, tracepoint(:one, Integer, verify: true)
    assert_same one, tracepoint(:one, Integer)
    error = assert_raises(Tracepoint::TracepointExistsError) { tracepoint(:one, Integer, verify: false) }
    assert_match(/:one\(int64\) is already declared with verify: true, and can't be declared again with verify: false/,
                 error.message)
    tracepoint(:two, Integer)
    error = assert_raises(Tracepoint::TracepointExistsError) { tracepoint(:two, Integer, verify: :warn) }
    assert_includes error.message, 'is already declared without verify'
  end

  def test_that_one_like_another_is_verified_like_it
    one = tracepoint(:one, Integer, verify: true)
    other = StaticTracing::Provider.register("#{@namespace}_2")
    assert_equal [true, 'int64'], [other.add_tracepoint(one).verify, other.add_tracepoint(one).signature]
  ensure
    other.destroy
  end

  # An object that answers `+`.
  class Odd
    def +(other)
      other
    end
  end

  def test_that_what_changes_is_noticed_after_a_while
    self.class.const_set(:CHANGING, 5)
    one = tracepoint(:one, Integer, verify: true)
    block = proc { CHANGING + 1 }
    end_at = StaticTracing.nsec + DEADLINE * 1_000_000_000
    fires = record do
      assert one.fire(&block)
      self.class.send(:remove_const, :CHANGING)
      self.class.const_set(:CHANGING, Odd.new)
      Thread.pass while one.fire(&block) && StaticTracing.nsec < end_at
    end
    assert_equal [6, 1], fires.flat_map(&:values).uniq
    assert_includes log, "an unknown object's + may be any method"
  end

  # ------------------------------------------------------------------ tracers

  def tracer_class(**options, &block)
    Class.new(Base) do
      set_tracepoint_data_types Integer
      set_values(**options, &block)
    end
  end

  def test_that_a_tracers_block_is_refused_when_it_is_set
    error = assert_raises(Verifier::RefusedError) { tracer_class(verify: true) { |call| call.result.size } }
    assert_includes error.message, REASON
    StaticTracing::Configuration.verify = true
    assert_raises(Verifier::RefusedError) { tracer_class { |call| call.result.size } }
    assert tracer_class(verify: false) { |call| call.result.size }
  end

  def test_that_a_time_is_known_only_when_the_call_is_over
    assert tracer_class(verify: true) { |call| call.nanoseconds / 1000 }
    error = assert_raises(Verifier::RefusedError) do
      tracer_class(at: :call, verify: true) { |call| call.nanoseconds / 1000 }
    end
    assert_includes error.message, 'NilClass#/ isn\'t on the list'
  end

  def test_that_a_tracers_block_that_passes_is_fired
    tracer = tracer_class(verify: true) { |call| StaticTracing::Peek.size(call.result) || 0 }
    assert_equal [3], fired_by(tracer)
    assert_empty log
  end

  def test_that_a_tracers_block_is_logged_once_with_warn
    tracer = tracer_class(verify: :warn) { |call| call.result.size }
    assert_equal [3], fired_by(tracer)
    assert_equal 1, log.scan(REASON).size, log
  end

  def test_that_a_tracers_block_is_looked_at_again_while_it_is_used
    tracer = tracer_class { |call| call.result.size }
    StaticTracing::Configuration.verify = true
    assert_empty fired_by(tracer)
    assert_equal 1, log.scan(REASON).size, log
  end

  def test_that_what_a_block_is_called_with_makes_a_difference
    block = proc { |call| call.nanoseconds }
    assert_equal 1, fired_by(tracer_class(verify: true, &block)).size
    one = tracepoint(:one, Integer, verify: true)
    assert_empty(record { refute one.fire(&block) })
    assert_includes log, ".nanoseconds: an unknown object's nanoseconds may be any method"
  end

  def test_that_a_procs_own_call_is_not_run
    block = proc { 5 }
    tracer = tracer_class(verify: true, &block)
    block.define_singleton_method(:call) { |_| abort }
    assert_equal [5], fired_by(tracer)
  end

  # What is fired for a call of a method that returns 'abc'.
  def fired_by(tracer)
    klass = Class.new { def text() 'abc'; end }
    register(tracer, klass, :text)
    record { assert_equal 'abc', klass.new.text }.flat_map(&:values)
  end

  # ------------------------------------------------------------------ what is allowed

  def test_what_an_application_allows
    assert_nil Verifier.allow('#verify_test_id', bound: 'an attribute', returns: [Integer, nil])
    assert_equal 'an attribute', Verifier.allowed['#verify_test_id']
    assert_empty Verifier.check(proc { |order| "#{order.verify_test_id}" })
    Verifier.allow('VerifyTest::Shop.current', bound: 'a variable')
    assert_empty Verifier.check(proc { Shop.current })
    refute_empty Verifier.check(proc { Shop.other })
    refute_empty Verifier.check(proc { |one| one.current })
  end

  Shop = Module.new

  def test_that_a_block_that_was_refused_passes_when_its_method_is_allowed
    one = tracepoint(:one, Integer, verify: true)
    object = Struct.new(:verify_test_count).new(4)
    fires = record do
      [1, 2].each do |round|
        one.fire { object.verify_test_count }
        Verifier.allow('#verify_test_count', bound: 'an attribute') if round == 1
      end
    end
    assert_equal [[4]], fires.map(&:values)
  end

  # What can't be allowed => the error's words.
  WRONG = {
    ['id', 'b'] => 'name must be as \'#id\' or \'Shop.current\', not "id" (String)',
    [:'#id', 'b'] => 'not :"#id" (Symbol)',
    ['shop.id', 'b'] => 'name must be as',
    ['#id', ''] => 'bound must say how long #id takes at most, not "" (String)',
    ['#id', nil] => 'bound must say how long #id takes at most, not nil',
    ['#eval', 'b'] => "#eval can't be allowed: it runs code that is not in the block",
    ['#send', 'b'] => "#send can't be allowed: it calls a method whose name isn't in the code",
    ['Shop.require', 'b'] => "Shop.require can't be allowed: it loads code",
    ['#raise', 'b'] => "#raise can't be allowed: it leaves the block",
    ['#puts', 'b'] => "#puts can't be allowed: it writes or reads outside",
    ['#name=', 'b'] => "#name= can't be allowed: it assigns",
    ['#[]=', 'b'] => "#[]= can't be allowed: it assigns",
    ['#<<', 'b'] => "#<< can't be allowed: it assigns"
  }.freeze

  # ------------------------------------------------------------------ other blocks

  def test_that_a_tracer_made_of_a_block_is_verified
    define = ->(mode, &block) { StaticTracing::Tracer.define(:rows, Integer, verify: mode, &block) }
    error = assert_raises(Verifier::RefusedError) { define.call(true) { |call| call.result.size } }
    assert_match(/\A#<StaticTracing::Tracer::Base rows>: the block is refused: /, error.message)
    assert_includes error.message, REASON
    klass = Class.new { def rows() [1, 2]; end }
    register(define.call(true) { |call| StaticTracing::Peek.size(call.result) || 0 }, klass, :rows)
    assert_equal [2], record { klass.new.rows }.flat_map(&:values)
    assert_empty log
    define.call(:warn) { |call| call.result.size }
    assert_includes log, REASON
    named = StaticTracing::Tracer.define(:other, verify: Integer) { 1 }
    named.register(klass, :rows, provider: @namespace)
    assert_equal ['verify'], Tracepoint.fetch(@namespace, :rows_other).arg_names
  end

  def test_that_the_block_of_a_declared_tracepoint_is_verified
    verified = ->(object) { StaticTracing.tracepoint(@namespace, :one, Integer, verify: true) { object.size } }
    assert_empty(record { refute verified.call('abc') })
    assert_includes log, REASON
    passes = -> { StaticTracing.tracepoint(@namespace, :one, Integer, verify: true) { 5 } }
    assert_equal([5], record { assert passes.call }.flat_map(&:values))
    assert_equal true, StaticTracing.tracepoint(@namespace, :one, Integer).verify
    assert_raises(Tracepoint::TracepointExistsError) do
      StaticTracing.tracepoint(@namespace, :one, Integer, verify: :warn) { 5 }
    end
  end

  # What the program itself runs isn't, nor are the values that it has given.
  def test_that_a_measured_block_is_not_verified
    StaticTracing::Configuration.verify = true
    fires = record do
      assert_equal([2], StaticTracing.measure(@namespace, :render, verify: 7) { [1].map { |one| one + 1 } })
    end
    assert_equal([7], fires.map { |fire| fire.to_h['verify'] })
    assert_empty log
  end

  def test_that_the_tracers_of_this_gem_run_whatever_is_verified
    StaticTracing::Configuration.verify = true
    klass = Class.new { def total(item, tax = 0) item + tax; end }
    %i[Latency Stack Arguments Return Allocations].each do |name|
      register(StaticTracing::Tracer.const_get(name), klass, :total)
    end
    fires = record { assert_equal 7, klass.new.total(7) }
    assert_equal %w[total total_allocations total_arguments total_return total_stack],
                 fires.map { |fire| fire.tracepoint.name }.sort
    assert_equal({ 'method' => 'total', 'item' => '7', 'tax' => '' },
                 fires.find { |fire| fire.tracepoint.name == 'total_arguments' }.to_h)
    assert_empty log
  end

  # ------------------------------------------------------------------ what is wrong

  def test_that_what_is_wrong_cannot_be_allowed
    WRONG.each do |(name, bound), words|
      error = assert_raises(ArgumentError) { Verifier.allow(name, bound: bound) }
      assert_includes error.message, words
    end
    error = assert_raises(ArgumentError) { Verifier.allow('#id', bound: 'b', returns: Array) }
    assert_includes error.message, "#id can't be said to return a Class; it can be Integer, Float, String"
  end

  def test_that_a_wrong_verify_raises
    [1, 'true', :on, nil, BasicObject.new].each do |mode|
      error = assert_raises(StaticTracing::Configuration::InvalidValueError) {
        StaticTracing::Configuration.verify = mode
      }
      assert_match(/verify must be true, :warn or false, not /, error.message)
    end
    assert_raises(ArgumentError) { tracer_class(verify: :on) { 1 } }
    assert_raises(Tracepoint::InvalidArgType) { tracepoint(:one, verify: :on) }
  end

  # ------------------------------------------------------------------ Ractors

  def test_that_another_ractor_runs_no_block_that_has_to_be_verified
    skip 'this Ruby has no Ractors' unless defined?(Ractor)
    output = ruby(<<~'RUBY', '-rsupport/self_watch')
      exit if SelfWatch.missing
      ONE = StaticTracing::Tracepoint.new(:ractors, :one, Integer, verify: true)
      WARN = StaticTracing::Tracepoint.new(:ractors, :two, Integer, verify: :warn)
      StaticTracing.enable!
      SelfWatch.count(ONE) do
        SelfWatch.count(WARN) do
          ractor = Ractor.new { [ONE.fire { 1 }, WARN.fire { 1 }, ONE.fire(1)] }
          p ractor.respond_to?(:take) ? ractor.take : ractor.value
        end
      end
    RUBY
    assert_includes ['', "[false, true, true]\n"], output
  end
end
