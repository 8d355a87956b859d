# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# Registering that fails, or that is done while the program does something else.
class TracerRegistrationTest < TracerCase
  RegistrationError = Base::RegistrationError

  def test_that_registering_is_all_or_nothing
    klass = Class.new { def a; end; def b; end }
    StaticTracing::Tracepoint.new(@namespace, :b, Integer)
    Latency.enable!
    assert_raises(StaticTracing::Tracepoint::TracepointExistsError) {
      Latency.register(klass, :a, :b, provider: @namespace)
    }
    assert_empty Latency.registered.fetch(klass, [])
    assert_equal klass, klass.new.method(:a).owner
    assert_equal ['b'], StaticTracing.providers[@namespace].tracepoints.keys
    Latency.register(klass, :a, provider: @namespace)
    Latency.register(klass, :a, provider: "#{@namespace}_two")
    assert_nil StaticTracing.providers["#{@namespace}_two"]
    [nil, 5, [nil]].each do |name|
      assert_match(/a method's name must be a Symbol or a String, not /, assert_raises(RegistrationError) {
                                                                           Latency.register(klass, name)
                                                                         }.message)
    end
  end

  def test_that_a_refinement_cannot_be_registered
    error = nil
    Module.new do
      refine(String) do
        def shout; upcase; end
        error = begin Latency.register(self, :shout) rescue $! end
      end
    end
    assert_instance_of Base::RegistrationError, error
    assert_match(/refinement/, error.message)
  end

  def test_that_an_incomplete_tracer_cannot_be_registered
    klass = Class.new { def a; end }
    silent = Class.new(Base) { set_tracepoint_data_types Integer }
    assert_match(/must call set_values, or define self\.values/, assert_raises(RegistrationError) {
                                                                   silent.register(klass, :a)
                                                                 }.message)
    assert_raises(RegistrationError) { silent.register_all(klass) }
    assert_match(/must be a Proc or a Method, not 5/, assert_raises(ArgumentError) {
                                                        silent.set_wrapping_function(5)
                                                      }.message)
    wrong = Class.new(Base) { set_tracepoint_data_types :no_such_type }
    wrong.set_values { 1 }
    assert_raises(StaticTracing::Tracepoint::InvalidArgType) { wrong.register(klass, :a, provider: @namespace) }
    assert_empty wrong.registered.fetch(klass, [])
    silent.define_singleton_method(:values) { |_| [1] }
    register(silent, klass, :a)
    assert_equal 1, hits(:a_tracer) { klass.new.a }
  end

  def test_that_disabling_goes_on_when_a_class_cannot_be_restored
    klasses = Array.new(3) { Class.new { def a; :a; end } }
    klasses.each { |klass| register(Latency, klass, :a) }
    klasses[1].ancestors.first.freeze
    StaticTracing.disable!
    assert_equal [klasses[0], klasses[2]], [0, 2].map { |i| klasses[i].new.method(:a).owner }
    assert_equal :a, klasses[1].new.a
    assert_match(/frozen/, log)
    refute_predicate Latency, :enabled?
  end

  def test_that_a_tracer_is_not_asked_for_a_name_under_the_lock
    lock = Mutex.new
    entered = Queue.new
    klass = Class.new { def a; end }
    register(Latency, klass, :a)
    own = Class.new(tracer)
    own.define_singleton_method(:tracepoint_name) do |name|
      entered << name
      lock.synchronize { "#{name}_n" }
    end
    own.register_all(other = Class.new)
    other_defines = -> { other.class_eval { def late; end } }
    [-> { own.register(klass, :a, provider: @namespace) }, other_defines].each do |asks|
      lock.lock
      thread = Thread.new(&asks)
      entered.pop
      defining = Thread.new { Class.new(klass) { def a; end } && klass.class_eval { private :a } }
      assert defining.join(20), 'a method could not be defined'
      lock.unlock
      assert thread.join(20), 'it could not be registered'
    end
    assert_equal [[:a], [:late]], own.registered.values_at(klass, other)
  end

  # Names that Ruby's code, in UTF-8, can't contain.
  FOREIGN = [
    "\xff".b, "h\xe9".dup.force_encoding('ISO-8859-1'), "\x83\x5c!".dup.force_encoding('Shift_JIS'),
    "\xa4\xa2".dup.force_encoding('EUC-JP'), "\u00e9".encode('UTF-16LE')
  ].map(&:to_sym).freeze

  def test_that_a_method_name_in_any_encoding_is_wrapped
    FOREIGN.each do |name|
      klass = Class.new do
        define_method(name) { |one, two = 2, key: 3, &block| [one, two, key, block.call] }
        def last; :last; end
      end
      original = klass.instance_method(name)
      own = tracer
      register(own, klass, name, :last)
      assert_equal [name, :last], own.registered[klass]
      fired = hits(StaticTracing::Tracer::Names.probe(name) + '_n') {
        assert_equal [1, 2, 4, 5], klass.new.send(name, 1, key: 4) { 5 }, name.inspect
      }
      assert_equal 1, fired, name.inspect
      assert_equal 1, hits(:last_n) { klass.new.last }, name.inspect
      own.disable!
      assert_equal original, klass.instance_method(name)
    end
    assert_empty log
  end

  def test_that_a_method_name_of_any_length_is_wrapped
    [127, 128, 300].each do |size|
      name = 'm' * size
      klass = Class.new { define_method(name) { :long } }
      register(Latency, klass, name)
      register(Stack, klass, name)
      assert_equal(1, hits(size == 127 ? name : 'm' * 126) { klass.new.send(name) })
      assert_equal(1, hits("#{'m' * 120}_stack") { klass.new.send(name) })
    end
  end

  def test_that_keywords_in_any_encoding_are_passed_on
    key = "h\xe9".dup.force_encoding('ISO-8859-1').to_sym
    klass = Class.new
    klass.class_eval("def a(h\xe9: 1, \xfc: 2) [h\xe9, \xfc]; end".dup.force_encoding('ISO-8859-1'))
    register(own = tracer, klass, :a)
    assert_equal 1, hits(:a_n) { assert_equal [5, 2], klass.new.a(key => 5) }
    assert_equal({ key => 5 }, own.seen.first.keywords)
  end

  def test_that_a_name_that_no_method_can_have_is_refused
    klass = Class.new { def a; end }
    ["\xff", ".\xff", 'a'.encode('UTF-16LE')].each do |name|
      error = assert_raises(RegistrationError) { Latency.register(klass, :a, name) }
      assert_match(/has no method "\.?(\\xFF|a)"; it defines: :a/, error.message)
    end
    assert_empty Latency.registered.fetch(klass, [])
  end

  def test_that_nothing_is_said_about_initialize
    klass = Class.new { def initialize; end }
    _, said = capture_io do
      register(Latency, klass, :initialize)
      Latency.disable!
    end
    assert_equal '', said
  end
end
