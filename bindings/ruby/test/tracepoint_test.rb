# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'helper'
require 'logger'
require 'stringio'
require 'support/values'

# What tracepoints take and refuse, with nobody watching.
class TracepointTest < Minitest::Test
  Tracepoint = StaticTracing::Tracepoint
  Provider = StaticTracing::Provider

  def setup
    @provider = Provider.register(:tracepoint_test)
  end

  def teardown
    @provider.destroy
    StaticTracing::Configuration.on_error = :raise_values
    StaticTracing.logger = nil
  end

  def declare(*types, **named)
    @provider.add_tracepoint("t#{@provider.tracepoints.size}", *types, **named)
  end

  def refused(tracepoint, *values)
    assert_raises(Tracepoint::InvalidArgumentError) { tracepoint.fire(*values) }.message
  end

  # ------------------------------------------------------------------------------ values --

  def test_that_every_value_of_every_type_fires_unwatched
    Values::ALL.each do |type, edges|
      tracepoint = declare(type)
      edges.each { |value| assert_equal false, tracepoint.fire(value), "#{tracepoint} #{value.inspect}" }
    end
  end

  RANGES = { Integer => 64, int8: 8, int16: 16, int32: 32, int64: 64 }.freeze

  def test_that_signed_integers_beyond_their_range_are_refused
    RANGES.each do |type, bits|
      tracepoint = declare(type)
      low = -(2**(bits - 1))
      high = 2**(bits - 1) - 1
      [low - 1, high + 1, -(2**64), 2**64, 2**200, -(2**200), -(2**64) - 1].each do |value|
        assert_includes refused(tracepoint, value), ", not #{value.to_s[0, 60]}"
        assert_includes refused(tracepoint, value), "argument 1 must be an Integer from #{low} to #{high}"
      end
    end
  end

  def test_that_unsigned_integers_beyond_their_range_are_refused
    [8, 16, 32, 64].each do |bits|
      tracepoint = declare(:"uint#{bits}")
      [-1, -(2**63), -(2**64), 2**bits, 2**64, 2**200, -(2**200)].each do |value|
        assert_includes refused(tracepoint, value), "argument 1 must be an Integer from 0 to #{2**bits - 1}, not "
      end
    end
    [-1, 2**64].each { |value| assert_includes refused(declare(:pointer), value), 'an address' }
  end

  STRANGERS = [nil, true, false, 1, 2**64, 1.5, 1r, 1i, 'text', :text, [], {}, Object.new, BasicObject.new,
               Class.new(String).new('sub'), 1..2].freeze
  # Those of STRANGERS that each type takes, by place.
  TAKEN = {
    Integer => [3], Float => [3, 4, 5], String => [0, 8, 14], Symbol => [0, 9],
    bool: [0, 1, 2], int8: [3], uint64: [3], float: [3, 4, 5], pointer: [0, 3]
  }.freeze

  def test_that_values_of_another_type_are_refused
    TAKEN.each do |type, taken|
      tracepoint = declare(type)
      STRANGERS.each_with_index do |value, index|
        if taken.include?(index)
          assert_equal false, tracepoint.fire(value)
        else
          assert_match(/: argument 1 must be .*, not /, refused(tracepoint, value))
        end
      end
    end
  end

  def test_that_a_refusal_says_what_it_got_and_what_it_wants
    checkout = @provider.add_tracepoint(:checkout, order: Integer, customer: String)

    assert_equal 'tracepoint_test:checkout: argument 1 (order) must be ' \
                 'an Integer from -9223372036854775808 to 9223372036854775807, not "x" (String)',
                 refused(checkout, 'x', 1)
    assert_equal 'tracepoint_test:checkout: argument 2 (customer) must be a String or nil, not :ada (Symbol)',
                 refused(checkout, 1, :ada)
    assert_equal 'tracepoint_test:checkout: got 1 value, expected 2 (int64 order, string customer)',
                 refused(checkout, 1)
    assert_equal 'tracepoint_test:checkout: got 0 values, expected 2 (int64 order, string customer)',
                 refused(checkout)
    assert_includes refused(declare(Integer), 'x' * 1_000_000), "#{'"' + 'x' * 59}... (String)"
    assert_includes refused(declare(String), BasicObject.new), 'not a BasicObject'
  end

  def test_that_an_integer_that_no_float_can_hold_is_refused
    tracepoint = declare(Float)
    assert_equal false, tracepoint.fire(10**300)
    assert_match(/argument 1 must be a Float or an Integer of at most 127 bytes, not 1000+\.\.\. \(Integer\)/,
                 refused(tracepoint, 10**400))
  end

  def test_that_names_are_names_in_every_encoding
    ['ab'.encode('UTF-16LE'), "a\0b", "\xff", 'é', '', '1a', "a\n"].each do |name|
      [-> { Provider.register(name) }, -> { @provider.add_tracepoint(name) }].each do |declaring|
        error = assert_raises(StaticTracing::LibraryError, &declaring)
        assert_match(/\A(provider|probe) name .* is not a name: a letter/, error.message)
        assert_equal Errno::EINVAL::Errno, error.errno
      end
    end
    assert_raises(Provider::ProviderMissingError) { Provider.fetch(:nobodys) }
  end

  def test_that_two_words_for_a_type_declare_the_same
    one = @provider.add_tracepoint(:same, Integer, String)
    assert_same one, @provider.add_tracepoint(:same, :int64, :string)
    error = assert_raises(Tracepoint::TracepointExistsError) { @provider.add_tracepoint(:same, Integer, Symbol) }
    assert_match(/\(\[Integer, String\], \[Integer, Symbol\]\)/, error.message)
  end

  def test_that_the_count_of_values_is_the_declared_one
    13.times do |count|
      tracepoint = declare(*[Integer] * count)
      13.times do |given|
        if given == count
          assert_equal false, tracepoint.fire(*[7] * given)
        else
          wanted = "got #{given} value#{'s' unless given == 1}, expected #{count}"
          assert_includes refused(tracepoint, *[7] * given), wanted
        end
      end
    end
  end

  def test_that_a_block_is_not_run_unwatched
    ran = false
    assert_equal false, (declare(Integer).fire { ran = true })
    refute ran
  end

  def test_that_nothing_is_allocated_unwatched
    tracepoint = declare(Integer, Float, String, Symbol, :bool, :uint64)
    values = [2**62, 1e300, 'text', :symbol, true, 2**64 - 1]
    fire_all = lambda do
      before = GC.stat(:total_allocated_objects)
      1000.times do
        tracepoint.fire(*values)
        tracepoint.fire { values }
        tracepoint.enabled?
      end
      GC.stat(:total_allocated_objects) - before
    end
    fire_all.call
    assert_operator fire_all.call, :<=, 1010 # `*values` makes an Array
  end

  # ------------------------------------------------------------------------------ on_error --

  def logged
    log = StringIO.new
    StaticTracing.logger = Logger.new(log)
    yield
    log.string.lines
  end

  def test_that_a_mistake_in_a_signals_handler_is_logged
    tracepoint = @provider.add_tracepoint(:s_logged, Integer)
    results = Queue.new
    log = Queue.new
    StaticTracing::Configuration.on_error = :log
    StaticTracing.logger = Logger.new(Struct.new(:queue) { def write(line) queue << line end; def close; end }.new(log))
    previous = trap(:USR1) { results << (begin tracepoint.fire('x') rescue $! end) }
    Process.kill(:USR1, Process.pid)
    assert_equal false, results.pop
    assert_match(/argument 1 must be .*, not "x"/, log.pop)
  ensure
    trap(:USR1, previous || 'DEFAULT')
  end

  def test_that_a_mistake_that_cannot_be_logged_raises_nothing
    tracepoint = @provider.add_tracepoint(:nothing, Integer)
    StaticTracing::Configuration.on_error = :log
    broken = Object.new
    def broken.warn(*) raise('no log') end
    def broken.error(*) raise('no log') end
    StaticTracing.logger = broken
    assert_output('', /could not be logged: RuntimeError/) { assert_equal false, tracepoint.fire('x') }
  end

  def test_that_what_is_no_logger_is_refused
    error = assert_raises(ArgumentError) { StaticTracing.logger = 'log' }
    assert_match(/a logger must have the methods warn and error, .* not "log" \(String\)/, error.message)
  end

  MISTAKES = {
    Tracepoint::ArityError => [[], [1], [1, 'Ada', 3]],
    Tracepoint::TypeMismatchError => [['1', 'Ada'], [nil, 'Ada'], [1.0, 'Ada'], [1, 2], [1, 2**64], [1, true]],
    Tracepoint::ValueRangeError => [[256, 'Ada'], [-1, 'Ada'], [2**64, 'Ada']]
  }.freeze

  def test_that_an_error_s_class_tells_what_is_wrong
    tracepoint = declare(id: :uint8, name: String)
    MISTAKES.each do |error, fires|
      fires.each { |values| assert_instance_of error, assert_raises(StaticTracing::Error) { tracepoint.fire(*values) } }
    end
    assert_instance_of Tracepoint::ValueRangeError,
                       assert_raises(Tracepoint::InvalidArgumentError) { declare(Float).fire(2**2000) }
  end

  def test_that_with_log_what_is_wrong_is_logged_once_for_a_tracepoint
    first = declare(Integer)
    second = declare(String)
    lines = logged do
      StaticTracing::Configuration.on_error = :log
      3.times { assert_equal false, first.fire('x') }
      3.times { assert_equal false, first.fire }
      3.times { assert_equal false, second.fire(1) }
    end
    assert_equal 2, lines.size, lines
    assert_match(/t0: argument 1 must be .*, not "x" \(String\) \(.*TypeMismatchError; logged once/, lines[0])
    assert_match(/t1: argument 1 must be .*, not 1 \(Integer\)/, lines[1])
  end

  def test_that_with_log_what_is_wrong_is_put_into_words_once
    tracepoint = @provider.add_tracepoint(:worded, Integer)
    words = 0
    lines = logged do
      StaticTracing::Configuration.on_error = :log
      TracePoint.new(:call) { |event| words += 1 if event.method_id == :wrong_value }.enable do
        3.times { tracepoint.fire('x') }
      end
    end
    assert_equal [1, 1], [words, lines.size]
  end

  def test_that_no_method_of_a_value_is_called
    value = Class.new(String) do
      (String.instance_methods - Object.instance_methods + %i[inspect to_s class]).each do |name|
        define_method(name) { |*| raise "#{name} was called" }
      end
    end.new('x')
    assert_match(/argument 1 must be .*, not "x" \(#<Class:/, refused(declare(Integer), value))
    StaticTracing::Configuration.on_error = :log
    lines = logged { assert_equal false, @provider.add_tracepoint(:valued, Integer).fire(value) }
    assert_match(/argument 1 must be .*, not "x"/, lines.join)
  end

  def test_that_classes_have_their_article
    assert_includes refused(declare(Integer), []), 'not an Array'
    assert_includes refused(declare(Integer), {}), 'not a Hash'
  end

  def test_that_nsec_is_the_monotonic_clock
    clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) }
    times = Array.new(100) { [clock.call, StaticTracing.nsec, clock.call] }.flatten
    assert_equal times.sort, times
  end

  # ------------------------------------------------------------------------------ declaring --

  def test_that_a_tracepoint_says_what_it_is
    tracepoint = Tracepoint.new('tracepoint_test', 'said', :int8, Float, path: String, what: Symbol)

    assert_equal [:int8, Float, String, Symbol], tracepoint.args
    assert_equal [nil, nil, 'path', 'what'], tracepoint.arg_names
    assert_equal 'int8, double, string path, string what', tracepoint.signature
    assert_equal 'tracepoint_test:said(int8, double, string path, string what)', tracepoint.to_s
    assert_equal "#<StaticTracing::Tracepoint #{tracepoint}>", tracepoint.inspect
    assert_equal %w[tracepoint_test said], [tracepoint.provider_name, tracepoint.name]
    assert_same @provider, tracepoint.provider
    assert_predicate tracepoint, :frozen?
    refute_predicate tracepoint, :enabled?
  end

  def test_that_declaring_the_same_again_finds_it
    tracepoint = Tracepoint.new(:tracepoint_test, :same, Integer, name: String)

    assert_same tracepoint, Tracepoint.new('tracepoint_test', 'same', Integer, name: String)
    assert_same tracepoint, Tracepoint.new(@provider, :same, Integer, name: String)
    assert_same tracepoint, Tracepoint.fetch(:tracepoint_test, 'same')
    assert_same tracepoint, @provider.add_tracepoint(tracepoint)
    error = assert_raises(Tracepoint::TracepointExistsError) { @provider.add_tracepoint(:same, Integer, other: String) }
    assert_equal 'tracepoint_test:same(int64, string name) is already declared, ' \
                 'and can\'t be declared again as tracepoint_test:same(int64, string other)', error.message
    assert_raises(Tracepoint::TracepointExistsError) { @provider.add_tracepoint(:same, :uint64, name: String) }
  end

  def test_that_a_tracepoint_like_one_of_another_provider_can_be_made
    other = Provider.register(:tracepoint_other)
    tracepoint = declare(:int8, order: Integer)
    like = other.add_tracepoint(tracepoint)

    refute_same tracepoint, like
    assert_equal [tracepoint.name, tracepoint.signature, tracepoint.args], [like.name, like.signature, like.args]
    assert_equal 'tracepoint_other', like.provider_name
  ensure
    other.destroy
  end

  def test_that_what_is_no_type_is_refused
    [Array, nil, 'Integer', :int128, Object, Numeric, 8].each do |type|
      error = assert_raises(Tracepoint::InvalidArgType) { @provider.add_tracepoint(:odd, Integer, arg: type) }
      assert_includes error.message, "tracepoint_test:odd: argument 2 (arg) can't be #{type.inspect}; "
    end
    error = assert_raises(Tracepoint::InvalidArgType) { @provider.add_tracepoint(:odd, BasicObject.new) }
    assert_includes error.message, "argument 1 can't be a BasicObject; "
    error = assert_raises(Tracepoint::InvalidArgType) { @provider.add_tracepoint(:odd, *[Integer] * 13) }
    assert_equal 'tracepoint_test:odd: 13 arguments; at most 12 are allowed', error.message
    assert_empty @provider.tracepoints
  end

  def test_that_what_librst_refuses_raises_in_its_words
    { 'a-b' => 'a-b', '' => '', '1st' => '1st', "a\0b" => 'a\u0000b' }.each do |name, quoted|
      error = assert_raises(StaticTracing::LibraryError) { @provider.add_tracepoint(name) }
      assert_equal Errno::EINVAL::Errno, error.errno
      assert_includes error.message, quoted
      assert_raises(StaticTracing::LibraryError) { Provider.register(name) }
    end
    error = assert_raises(StaticTracing::LibraryError) { @provider.add_tracepoint(:fine, 'not fine': Integer) }
    assert_includes error.message, 'not fine'
    long = { 59 => -> { Provider.register('p' * 59) }, 128 => -> { @provider.add_tracepoint('p' * 128) } }
    long.each do |size, declare|
      error = assert_raises(StaticTracing::LibraryError, &declare)
      assert_equal Errno::ENAMETOOLONG::Errno, error.errno
      assert_includes error.message, "has #{size} bytes; at most #{size - 1} are allowed"
    end
    assert_empty @provider.tracepoints
  end

  def test_that_a_missing_tracepoint_is_named_beside_those_there_are
    @provider.add_tracepoint(:here)
    error = assert_raises(Tracepoint::TracepointMissingError) { Tracepoint.fetch(:tracepoint_test, :gone) }
    assert_equal 'there is no tracepoint "gone" in the provider tracepoint_test; its tracepoints are: here',
                 error.message
    assert_raises(Provider::ProviderMissingError) { Tracepoint.fetch(:no_such, :gone) }
  end

  def test_that_a_copy_of_a_tracepoint_is_the_tracepoint
    tracepoint = declare(Integer)
    assert_same tracepoint, tracepoint.dup
    assert_same tracepoint, tracepoint.clone
    assert_same tracepoint, tracepoint.clone(freeze: false)
  end
end
