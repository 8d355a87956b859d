# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# What a program does to its classes while their methods are wrapped, and what is left afterwards.
class TracerChangesTest < TracerCase
  def test_that_removal_restores_the_method_exactly
    klass = Class.new do
      def a(x, y = 1, *z, k:, o: 2) [x, y, z, k, o]; end
      def b; end
      def c; end
      protected :b
      private :c
      def self.s(x) x; end
    end
    before = about(klass)
    [Latency, Stack].each { |tracer| register(tracer, klass, :a, :b, :c, :s) }
    refute_equal before, about(klass)
    Latency.disable!
    refute_equal before, about(klass)
    Stack.disable!
    assert_equal before, about(klass)
    Latency.enable!
    refute_equal before, about(klass)
    Latency.disable!
    assert_equal before, about(klass)
  end

  def test_that_enabling_and_disabling_twice_is_as_once
    klass = Class.new { def a; :a; end }
    original = klass.instance_method(:a)
    register(Latency, klass, :a)
    Latency.enable!
    wrappers = klass.ancestors.grep(StaticTracing::Tracer::WrapperModule)
    assert_equal 1, wrappers.size
    assert_equal 1, hits(:a) { klass.new.a }
    2.times { Latency.disable! }
    assert_equal original, klass.instance_method(:a)
    assert_equal klass, klass.new.method(:a).owner
    3.times { Latency.enable! }
    assert_equal wrappers, klass.ancestors.grep(StaticTracing::Tracer::WrapperModule)
  end

  def test_that_an_alias_of_a_wrapped_method_is_one_of_the_method
    klass = Class.new { def a; :a; end }
    original = klass.instance_method(:a)
    register(Latency, klass, :a)
    klass.class_eval { alias_method :b, :a }
    klass.class_eval { private(alias_method(:c, :a)) if RUBY_VERSION >= '3' }
    assert_equal original.source_location, klass.new.method(:b).source_location
    assert_equal 1, hits(:a) { [klass.new.a, klass.new.b] }
    Latency.disable!
    assert_equal original, klass.instance_method(:a)
  end

  def test_that_a_method_is_its_own_alias
    klass = Class.new { def a; :a; end }
    register(Latency, klass, :a)
    redefine { klass.class_eval { alias_method :a, :a } }
    assert_equal 1, hits(:a) { assert_equal :a, klass.new.a }
  end

  def test_that_a_method_is_redefined_by_an_alias
    klass = Class.new { def a(x) [x]; end }
    register(Latency, klass, :a)
    redefine do
      klass.class_eval do
        alias_method :old, :a
        def a(x, y) old(x) + [y]; end
      end
    end
    assert_equal 1, hits(:a) { assert_equal [1, 2], klass.new.a(1, 2) }
    Latency.disable!
    assert_equal [1, 2], klass.new.a(1, 2)
  end

  def test_that_a_method_is_redefined_by_its_object
    klass = Class.new do
      def a(x) [x]; end
      def self.s(x) [x]; end
    end
    register(Latency, klass, :a, :s)
    [klass, klass.singleton_class].zip(%i[a s]).each do |one, name|
      old = one.instance_method(name)
      redefine { one.send(:define_method, name) { |x, y| old.bind(self).call(x) + [y] } }
    end
    assert_equal 1, hits(:a) { assert_equal [1, 2], klass.new.a(1, 2) }
    assert_equal 1, hits(:s) { assert_equal [1, 2], klass.s(1, 2) }
  end

  def test_that_a_method_is_redefined_with_other_parameters
    klass = Class.new do
      def a(x) x; end
      def self.s(x) x; end
    end
    register(Latency, klass, :a, :s)
    redefine do
      klass.class_eval do
        def a(x, k:) [x, k]; end
        def self.s; :s; end
      end
    end
    assert_equal 1, hits(:a) { assert_equal [1, 2], klass.new.a(1, k: 2) }
    assert_equal 1, hits(:s) { assert_equal :s, klass.s }
    assert_equal [%i[req x], %i[keyreq k]], klass.new.method(:a).parameters
  end

  def test_that_an_inherited_method_is_redefined
    base = Class.new { def a(x) [x]; end }
    klass = Class.new(base)
    register(Latency, klass, :a)
    redefine { base.class_eval { def a(x, y) [x, y]; end } }
    assert_equal [1, 2], klass.new.a(1, 2)
    klass.class_eval { def a(k: 1) [k]; end }
    assert_equal 1, hits(:a) { assert_equal [3], klass.new.a(k: 3) }
    klass.send(:remove_method, :a)
    assert_equal 1, hits(:a) { assert_equal [1, 2], klass.new.a(1, 2) }
  end

  def test_that_a_method_is_removed_and_comes_back
    klass = Class.new { def a; :a; end }
    register(Latency, klass, :a)
    klass.send(:remove_method, :a)
    refute klass.method_defined?(:a)
    assert_match(/undefined method/, assert_raises(NoMethodError) { klass.new.a }.message)
    klass.class_eval { def a(x) x; end }
    assert_equal 1, hits(:a) { assert_equal 3, klass.new.a(3) }
    klass.send(:undef_method, :a)
    refute_respond_to klass.new, :a
  end

  def test_that_visibility_changes
    klass = Class.new do
      def a; :a; end
      def b; :b; end
      def self.s; :s; end
    end
    register(Latency, klass, :a, :b, :s)
    klass.class_eval do
      private :a
      protected 'b'
      private_class_method :s

      private

      def later; end
    end
    assert_equal [%i[a later], [:b]],
                 [klass.private_instance_methods(false).sort, klass.protected_instance_methods(false)]
    [-> { klass.new.a }, -> { klass.new.b }, -> { klass.s }].each { |call| assert_raises(NoMethodError, &call) }
    assert_equal 1, hits(:a) { assert_equal :a, klass.new.send(:a) }
    klass.class_eval { public :a }
    klass.public_class_method :s
    assert_equal %i[a s], [klass.new.a, klass.s]
    klass.singleton_class.class_eval { private :s }
    assert_raises(NoMethodError) { klass.s }
    assert_equal '', log
  end

  def test_that_a_module_makes_a_method_its_own
    mod = Module.new { def a; :a; end }
    register(Latency, mod, :a)
    mod.send(:module_function, :a)
    assert_equal :a, mod.a
    assert_raises(NoMethodError) { Object.new.extend(mod).a }
  end

  def test_that_hooks_of_the_class_are_called
    klass = Class.new do
      @told = []
      class << self
        attr_reader :told

        def method_added(name) @told << name; end
        def singleton_method_added(name) @told << name if @told; end
      end
      def a; end
    end
    register(Latency, klass, :a)
    klass.class_eval { def b; end }
    klass.define_singleton_method(:c) {}
    assert_equal %i[a b c], klass.told & %i[a b c]
  end

  def test_that_disabling_leaves_a_call_in_progress_alone
    klass = Class.new { def a; yield; end }
    register(Latency, klass, :a)
    original = klass.instance_method(:a)
    n = hits(:a) { assert_equal 5, (klass.new.a { Latency.disable!; 5 }) }
    assert_equal 1, n
    assert_equal [klass, original], [klass.new.method(:a).owner, klass.instance_method(:a)]
  end

  def test_threads_that_enable_disable_and_call
    klass = Class.new { def a(x, y = 2, k: 3) [x, y, k]; end }
    register(Latency, klass, :a)
    register(Stack, klass, :a)
    done = false
    call = -> { (klass.new.a(1, k: 4) == [1, 2, 4] || raise('wrong')) && Thread.pass }
    callers = Array.new(2) { Thread.new { call.call until done; :ok } }
    togglers = [Latency, Stack].map { |tracer| Thread.new { 60.times { tracer.disable!; tracer.enable! } } }
    togglers.each(&:join)
    done = true
    assert_equal %i[ok ok], callers.map(&:value)
    assert_equal 1, hits(:a) { klass.new.a(1) }
  end

  def test_that_anonymous_classes_are_collected
    modules = StaticTracing::Tracer::WrapperModule
    GC.start
    before = ObjectSpace.each_object(modules).count
    namespace = @namespace
    Thread.new do # whose stack is gone afterwards
      50.times do
        klass = Class.new { def a; end }
        Latency.register(klass, :a, provider: namespace)
        Latency.enable!
        klass.new.a
      end
      nil
    end.join
    4.times { GC.start }
    assert_operator ObjectSpace.each_object(modules).count - before, :<, 10
  end

  def test_that_classes_survive_compaction
    skip 'this Ruby does not compact' unless GC.respond_to?(:compact)

    classes = Array.new(20) { |i| Class.new { define_method(:a) { i } } }
    register(Latency, classes.first, :a)
    classes.each { |klass| Latency.register(klass, :a, provider: @namespace) }
    begin
      GC.compact
    rescue NotImplementedError => e
      skip e.message
    end
    Latency.disable!
    assert_equal classes, classes.map { |klass| klass.instance_method(:a).owner }
    assert_equal classes, classes & Latency.registered.keys
    Latency.enable!
    assert_equal 20, hits(:a) { assert_equal [*0..19], classes.map { |klass| klass.new.a } }
  end

  def test_that_a_destroyed_provider_harms_nobody_and_comes_back
    klass = Class.new { def a; :a; end }
    register(Latency, klass, :a)
    StaticTracing::Provider.fetch(@namespace).destroy
    assert_equal :a, klass.new.a
    Latency.disable!
    Latency.enable!
    assert_equal 1, hits(:a) { assert_equal :a, klass.new.a }
  end

  private

  def about(klass)
    %i[a b c].map { |name| one(klass, name) } << one(klass.singleton_class, :s)
  end

  def one(klass, name)
    method = klass.instance_method(name)
    object = klass.singleton_class? ? ObjectSpace.each_object(klass).first : klass.new
    [method, method.owner, method.source_location, method.arity, method.parameters, object.method(name).owner,
     object.method(name).source_location, object.method(name).unbind == method,
     [klass.public_method_defined?(name), klass.protected_method_defined?(name)]]
  end
end
