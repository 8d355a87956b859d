# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# Classes that are traced as a whole.
class ConcernsTest < TracerCase
  Concerns = StaticTracing::Tracer::Concerns

  def test_that_own_methods_are_wrapped_before_and_after_and_those_of_subclasses_are_not
    klass = Class.new do
      def initialize(x) @x = x; end
      def before; end
      include Concerns::Latency
      attr_reader :x

      def after; end
      protected def prot; end
      private def priv; end
      def self.of_class; end

      private

      def method_missing(name, *) super; end
      def respond_to_missing?(*) super; end
      def late; end
    end
    sub = Class.new(klass) { def other; end }
    assert_equal %i[after before late priv prot x], Latency.registered.fetch(klass).sort
    assert_nil Latency.registered[sub]
    Latency.enable!
    klass.class_eval { def later; :later; end }
    assert_includes Latency.registered[klass], :later
    assert_equal [%i[after before later x], [:prot], %i[initialize late method_missing priv respond_to_missing?]],
                 [klass.public_instance_methods(false).sort, klass.protected_instance_methods(false),
                  klass.private_instance_methods(false).sort]
    assert_equal 'global', StaticTracing::Tracepoint.fetch('global', 'later').provider_name
    object = sub.new(3)
    assert_equal [3, :later], [object.x, object.later]
    assert_raises(NoMethodError) { object.priv }
    assert_raises(NoMethodError) { object.prot }
    assert_raises(NoMethodError) { object.missing }
    @namespace = 'global'
    assert_equal 1, hits(:later) { object.later }
  end

  def test_that_visibility_that_is_given_later_is_kept_while_enabled
    Latency.enable!
    klass = Class.new do
      include Concerns::Latency
      def a; b; end
      def b; :b; end
      private :b
    end
    assert_equal :b, klass.new.a
    assert_raises(NoMethodError) { klass.new.b }
  end

  def test_that_both_concerns_and_twice_are_as_once
    klass = Class.new do
      include Concerns::Latency
      include Concerns::Stack
      include Concerns::Latency
      def both(a, k: 1) [a, k]; end
    end
    [Latency, Stack].each(&:enable!)
    @namespace = 'global'
    assert_equal 1, hits(:both) { assert_equal [1, 2], klass.new.both(1, k: 2) }
    assert_equal 1, hits(:both_stack) { klass.new.both(1) }
    assert_equal 2, klass.ancestors.grep(StaticTracing::Tracer::WrapperModule).size
  end

  def test_that_both_concerns_wrap_all_while_one_is_enabled
    Latency.enable!
    klass = Class.new do
      def before; end
      include Concerns::Latency
      include Concerns::Stack
      def after; end
    end
    assert_equal [%i[after before]] * 2, [Latency, Stack].map { |tracer| tracer.registered[klass].sort }
  end

  def test_that_what_the_program_prepended_hides_no_method
    klass = Class.new do
      prepend(Module.new do
        def a; [super, :prepended]; end
        def b; [super, :prepended]; end
      end)
      def a; :a; end
      include Concerns::Latency
      def b; :b; end
    end
    Latency.enable!
    assert_equal %i[a b], Latency.registered[klass].sort
    @namespace = 'global'
    assert_equal(1, hits(:a) { assert_equal %i[a prepended], klass.new.a })
    assert_equal(1, hits(:b) { assert_equal %i[b prepended], klass.new.b })
  end

  def test_class_methods_and_modules
    klass = Class.new do
      class << self
        include Concerns::Latency
        def find(x) x; end

        private

        def hidden; end
      end
    end
    mod = Module.new do
      include Concerns::Latency
      def mixed; :mixed; end
    end
    user = Class.new { include mod }
    Latency.enable!
    @namespace = 'global'
    assert_equal %i[find hidden], Latency.registered.fetch(klass.singleton_class).sort
    assert_equal 1, hits(:find) { assert_equal 4, klass.find(4) }
    assert_equal 1, hits(:mixed) { assert_equal :mixed, user.new.mixed }
    assert_raises(NoMethodError) { klass.hidden }
  end

  def test_that_the_methods_are_restored
    klass = Class.new do
      include Concerns::Latency
      def a; end
    end
    original = klass.instance_method(:a)
    Latency.enable!
    refute_equal klass, klass.new.method(:a).owner
    Latency.disable!
    assert_equal [original, klass], [klass.instance_method(:a), klass.new.method(:a).owner]
  end
end
