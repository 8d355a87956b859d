# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# All or nothing: what is wrapped when something raises halfway.
class TracerFailuresTest < TracerCase
  WrapperModule = StaticTracing::Tracer::WrapperModule

  # What is raised: an ordinary error is the tracer's, Ctrl-C and the like are the program's.
  FAILURES = [RuntimeError, Interrupt, NoMemoryError].freeze

  def teardown
    repair
    super
  end

  # From now on, the block is called when a wrapper of this name is there, and may raise; or when it is gone.
  def break_at(name, hook = :method_added, &block)
    WrapperModule.define_method(hook) { |added| block.call(self) if added == name }
    @broken = hook
  end

  def repair
    WrapperModule.remove_method(@broken) if @broken
    @broken = nil
  end

  def subject
    Class.new do
      def a; :a; end
      def b; :b; end
      def c; :c; end
      def self.d; :d; end
    end
  end

  # Those of the names whose method is a wrapper.
  def wrapped(klass, *names)
    names.select { |name| WrapperModule === klass.allocate.method(name).owner }
  end

  def test_that_registering_wraps_all_or_none_whatever_is_raised
    FAILURES.each do |failure|
      klass = subject
      register(Latency, klass, :a, :d)
      own = tracer
      register(own, klass, :c)
      break_at(:b) { raise failure, 'halfway' }
      assert_raises(failure) { own.register(klass, :a, :c, :d, :b, provider: @namespace) }
      assert_equal [:c], own.registered[klass]
      assert_empty own.registered.fetch(klass.singleton_class, [])
      assert_equal %i[a c], wrapped(klass, :a, :b, :c)
      assert_equal [1, 0], [hits(:a) { klass.new.a }, hits(:a_n) { klass.new.a }]
      assert_equal [1, 0], [hits(:d) { klass.d }, hits(:d_n) { klass.d }]
      repair
      own.register(klass, :a, :b, :d, provider: @namespace)
      assert_equal %i[a b c], wrapped(klass, :a, :b, :c)
      assert_equal [1, 1], [hits(:a_n) { klass.new.a }, hits(:d_n) { klass.d }]
    end
  end

  def test_that_register_all_wraps_all_or_none
    FAILURES.each do |failure|
      klass = subject
      Latency.enable!
      break_at(:b) { raise failure, 'halfway' }
      assert_raises(failure) { Latency.register_all(klass, provider: @namespace) }
      repair
      klass.class_eval { def later; end }
      assert_empty wrapped(klass, :a, :b, :c, :later)
      assert_empty Latency.registered.fetch(klass, [])
      Latency.register_all(klass, provider: @namespace)
      assert_equal %i[a b c later], wrapped(klass, :a, :b, :c, :later)
    end
  end

  def test_that_register_all_again_leaves_the_first_as_it_is_when_it_fails
    klass = subject
    Latency.register_all(klass, provider: @namespace)
    Latency.enable!
    instead_of(Latency, :tracepoint_name, ->(_) { raise 'no name' }) do
      assert_raises(RuntimeError) { Latency.register_all(klass, provider: @namespace) }
    end
    klass.class_eval { def later; end }
    assert_equal %i[a b c later], wrapped(klass, :a, :b, :c, :later)
  end

  def test_that_enabling_wraps_all_of_a_class_or_none
    klass, other = subject, subject
    [klass, other].each { |one| Latency.register(one, :a, :b, :c, provider: @namespace) }
    break_at(:b) { |wrappers| raise 'halfway' if klass.ancestors.include?(wrappers) }
    Latency.enable!
    assert_match(/halfway/, log)
    repair
    redefine { klass.class_eval { def a; :anew; end } }
    klass.class_eval { private :c }
    assert_empty wrapped(klass, :a, :b, :c)
    assert_equal %i[a b c], wrapped(other, :a, :b, :c)
    Latency.enable!
    assert_equal %i[a b c], wrapped(klass, :a, :b, :c)
  end

  def test_that_what_is_not_the_tracers_leaves_it_disabled
    klasses = Array.new(2) { subject }
    klasses.each { |klass| Latency.register(klass, :a, :b, provider: @namespace) }
    break_at(:b) { |wrappers| raise Interrupt if klasses[1].ancestors.include?(wrappers) }
    assert_raises(Interrupt) { Latency.enable! }
    refute_predicate Latency, :enabled?
    assert_empty(klasses.flat_map { |klass| wrapped(klass, :a, :b) })
  end

  def test_that_everything_is_enabled_or_nothing
    klass = subject
    own = tracer
    [Latency, own].each { |one| one.register(klass, :a, :b, provider: @namespace) }
    break_at(:b) { |wrappers| raise Interrupt if wrappers.inspect.include?(own.inspect) }
    [StaticTracing::Tracer, StaticTracing].each do |all|
      assert_raises(Interrupt) { all.enable! }
      assert_equal [false] * 3, [StaticTracing, Latency, own].map(&:enabled?)
      assert_empty wrapped(klass, :a, :b)
    end
    refute_predicate StaticTracing.providers[@namespace], :enabled?
  end

  def test_that_disabling_restores_all_that_it_can
    FAILURES.each do |failure|
      klasses = Array.new(2) { subject }
      klasses.each { |klass| register(Latency, klass, :a, :b, :c) }
      break_at(:a, :method_removed) { raise failure, 'halfway' }
      failure == RuntimeError ? Latency.disable! : assert_raises(failure) { StaticTracing.disable! }
      repair
      refute_predicate Latency, :enabled?
      assert_empty(klasses.flat_map { |klass| wrapped(klass, :a, :b, :c) })
    end
    assert_match(/halfway/, log)
  end

  def test_that_one_tracers_failure_is_not_anothers
    klass = subject
    own = tracer
    [own, Latency].each { |one| register(one, klass, :a, :b) }
    break_at(:a) { |wrappers| raise 'halfway' if wrappers.inspect.include?(own.inspect) }
    redefine { klass.class_eval { def a; :anew; end } }
    assert_match(/halfway/, log)
    assert_equal [0, 1], [hits(:a_n) { klass.new.a }, hits(:a) { klass.new.a }]
    klass.class_eval { private :a, :b }
    assert_equal %i[a b], klass.private_instance_methods.sort & %i[a b]
    assert_equal [1, 1], [hits(:b_n) { klass.new.send(:b) }, hits(:b) { klass.new.send(:b) }]
  end

  def test_that_a_new_method_is_wrapped_by_one_concern_when_another_fails
    klass = subject
    own = tracer
    [own, Latency].each { |one| one.register_all(klass, provider: @namespace) }
    [own, Latency].each(&:enable!)
    instead_of(own, :tracepoint_name, ->(_) { raise 'no name' }) { klass.class_eval { def later; end } }
    assert_match(/no name/, log)
    assert_equal 1, hits(:later) { klass.new.later }
    refute_includes own.registered[klass], :later
  end

  def test_that_a_timeout_waits_until_all_is_wrapped
    klass = subject
    own = tracer
    own.enable!
    entered, go = Queue.new, Queue.new
    late = Class.new(StandardError)
    break_at(:b) { [entered << true, go.pop] }
    thread = Thread.new { own.register(klass, :a, :b, :c, provider: @namespace) }
    thread.report_on_exception = false
    entered.pop
    thread.raise(late)
    go << true
    assert_raises(late) { thread.join }
    assert_equal %i[a b c], own.registered[klass]
    assert_equal %i[a b c], wrapped(klass, :a, :b, :c)
  end

  def test_that_a_frozen_class_stays_wrapped_when_it_is_copied
    klass = subject
    register(Latency, klass, :a)
    klass.freeze
    assert_equal :a, klass.dup.new.a
    assert_equal 1, hits(:a) { klass.new.a }
  end
end
