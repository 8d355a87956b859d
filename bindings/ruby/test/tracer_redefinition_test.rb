# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# What programs do with Method objects, aliases and copies of wrapped classes, and with classes that
# have methods by the names of Ruby's own.
class TracerRedefinitionTest < TracerCase
  # How a program gets hold of a method => the names of what it then defines anew.
  OBJECTS = {
    'klass.method(:s)' => :s, 'klass.singleton_method(:s)' => :s, 'klass.public_method(:s)' => :s,
    'sub.method(:s)' => :s, 'klass.new.method(:a).unbind' => :a, 'sub.instance_method(:a)' => :a,
    'sub.new.public_method(:a).unbind' => :a, 'klass.method(:s).unbind' => :s
  }.freeze

  OBJECTS.each do |expression, name|
    define_method("test_that_a_method_is_redefined_by #{expression}") do
      klass = Class.new do
        def a(x, y = 2, *z, k: 4, &b) [x, y, z, k, b.call(1)]; end
        def self.s(x, *y) [x, y, yield(1)]; end
      end
      sub = Class.new(klass)
      [Latency, Stack].each { |tracer| register(tracer, klass, :a, :s) }
      old = binding.tap { |b| b.local_variable_set(:klass, klass) }.eval(expression)
      holder = name == :s ? klass.singleton_class : klass
      redefine do
        holder.send(:define_method, name) do |one, *others, &block|
          (old.is_a?(Method) ? old : old.bind(self)).call(one, *others, &block) << :new
        end
      end
      expected = { a: [1, 3, [5], 4, 2, :new], s: [1, [3, 5], 2, :new] }.fetch(name)
      call = -> { (name == :s ? sub : sub.new).send(name, 1, 3, 5) { |x| x + 1 } }
      2.times do
        assert_equal expected, call.call
        assert_equal(1, hits(name) { assert_equal expected, call.call })
        Latency.disable!
        assert_equal expected, call.call
        Latency.enable!
      end
    end
  end

  def test_that_a_method_is_redefined_by_its_object_while_not_wrapped
    klass = Class.new { def a(x) [x]; end }
    register(Latency, klass, :a)
    old = klass.new.method(:a).unbind
    Latency.disable!
    redefine { klass.send(:define_method, :a) { |x| old.bind(self).call(x) + [:new] } }
    assert_equal [1, :new], klass.new.a(1)
    Latency.enable!
    assert_equal(1, hits(:a) { assert_equal [1, :new], klass.new.a(1) })
  end

  def test_that_a_subclass_alias_is_of_the_method_it_was_made_for
    klass = Class.new { def a(x) [x, yield]; end }
    register(Latency, klass, :a)
    sub = Class.new(klass) { alias_method :old, :a }
    assert_equal(1, hits(:a) { assert_equal [1, 2], (sub.new.old(1) { 2 }) })
    Latency.disable!
    assert_equal(0, hits(:a) { assert_equal [1, 2], (sub.new.old(1) { 2 }) })
    Latency.enable!
    redefine { klass.class_eval { def a(x, y, z) [x, y, z, :new]; end } }
    assert_equal [1, 2], (sub.new.old(1) { 2 })
    assert_equal [1, 2, 3, :new], sub.new.a(1, 2, 3)
  end

  def test_that_a_method_object_of_what_the_program_prepended_is_that
    klass = Class.new { def a(x) [x]; end }
    register(Latency, klass, :a)
    mod = Module.new { def a(x) super + [:prepended]; end }
    klass.send(:prepend, mod)
    assert_equal mod, klass.instance_method(:a).owner
    assert_equal [1, :prepended], klass.instance_method(:a).bind(klass.new).call(1)
    Latency.disable!
    Latency.enable!
    redefine do
      klass.class_eval do
        alias_method :old, :a
        def a(x) [x, :new]; end
      end
    end
    assert_equal [1, :new, :prepended], klass.new.a(1)
  end

  def test_that_a_wrapper_before_what_the_program_prepended_takes_what_that_takes
    klass = Class.new { def a(x) [x]; end }
    register(Latency, klass, :a)
    klass.send(:prepend, Module.new { def a(x, y = 0, z: 0) super(x) + [y, z]; end })
    register(Stack, klass, :a)
    [:a, :a_stack].each do |name|
      assert_equal [1, 2, 3], klass.new.a(1, 2, z: 3)
      assert_equal(1, hits(name) { assert_equal [1, 2, 3], klass.new.a(1, 2, z: 3) })
    end
    old = klass.instance_method(:a)
    assert_equal [%i[req x], %i[opt y], %i[key z]], old.parameters
    redefine { klass.class_eval { def a(x) [x, :new]; end } }
    assert_equal [1, :new, 2, 3], klass.new.a(1, 2, z: 3)
    Latency.disable!
    Stack.disable!
    assert_equal [1, :new, 2, 3], klass.new.a(1, 2, z: 3)
  end

  # On copies of a class; none is traced.
  %i[dup clone].each do |copy|
    define_method("test_that_a_copy_is_a_class_of_its_own: #{copy}") do
      skip('Ruby 2.7 itself copies no class to which a module was prepended') if RUBY_VERSION < '3'

      klass = Class.new do
        def a(x) [x]; end
        def b; :b; end
        def c; :c; end
        def self.s(x) [x]; end
      end
      [Latency, Stack].each { |tracer| register(tracer, klass, :a, :b, :c, :s) }
      old = klass.new.method(:a).unbind
      other = klass.send(copy)
      assert_equal other, other.instance_method(:a).owner
      assert_equal __FILE__, other.method(:s).source_location.first
      assert_equal 0, hits(:a) { assert_equal [1], other.new.a(1) }
      redefine do
        other.class_eval do
          private :b
          remove_method :c
          alias_method :old, :a
          def a(x, y) old(x) << y; end
          def self.s; :s; end
        end
      end
      assert_equal [[1, 2], :s], [other.new.a(1, 2), other.s]
      assert_raises(NoMethodError) { other.new.b }
      refute_respond_to other.new, :c
      assert_equal 1, hits(:a) { assert_equal [[1], :b, :c], [klass.new.a(1), klass.new.b, klass.new.c] }
      assert_equal 1, hits(:s) { assert_equal [1], klass.s(1) }
      redefine { klass.send(:define_method, :a) { |x| old.bind(self).call(x) << :new } }
      assert_equal [[1, :new], [3, 4]], [klass.new.a(1), other.new.a(3, 4)]
      register(Latency, other, :a)
      assert_equal 1, hits(:a) { assert_equal [1, 2], other.new.a(1, 2) }
      Latency.disable!
      Stack.disable!
      assert_equal [klass, other], [klass, other].map { |one| one.instance_method(:a).owner }
      assert_equal '', log
    end
  end

  def test_that_what_a_class_has_by_a_hooks_name_stays_as_it_is
    klass = Class.new do
      class << self
        def public; [:published]; end
        def private(one, key: 2) [one, key, yield]; end
        def protected(*) :mine; end
        def method_added(name) (@added ||= []) << name; end
        def instance_method(name, place = nil, k: 1) [name, place, k]; end
        def dup(one) one; end

        private

        def clone; :clone; end
      end
      def a; :a; end
    end
    added = klass.method_added(:x)
    [klass, klass.singleton_class].each { |one| register(Latency, one, one.equal?(klass) ? :a : :dup) }
    assert_equal [[:published], [1, 3, 4], :mine], [klass.public, klass.private(1, key: 3) { 4 }, klass.protected(5)]
    assert_equal added + [:y], klass.method_added(:y)
    assert_equal [[:b, :c, 2], [:b, nil, 1], 7],
                 [klass.instance_method(:b, :c, k: 2), klass.instance_method(:b), klass.dup(7)]
    assert_raises(NoMethodError) { klass.clone }
    plain = Class.new { def a; end }
    messages = [plain, plain.tap { |one| register(Latency, one, :a) }].map do |one|
      names = %i[instance_method public_instance_method]
      names.map { |name| assert_raises(ArgumentError) { one.send(name) }.message } +
        [assert_raises(TypeError) { one.instance_method(5) }.message]
    end
    assert_equal messages.first, messages.last
    assert_equal '', log
  end

  def test_that_a_class_may_have_methods_by_the_names_of_rubys
    names = %i[send __send__ instance_method public_instance_method method_defined? public_method_defined?
               private_method_defined? protected_method_defined? singleton_class ancestors prepend is_a? name to_s
               inspect remove_method define_method instance_methods private_instance_methods instance_variable_get
               instance_variable_set instance_variable_defined? singleton_class? <= private public alias_method]
    names.each do |name|
      klass = Class.new { def a(x) [x]; end }
      own = [[name, ->(*) { raise "its own #{name}" }], [:frozen?, ->(*) { true }]]
      verbose, $VERBOSE = $VERBOSE, nil
      own.each { |one, body| klass.define_singleton_method(one, &body) }
      $VERBOSE = verbose
      register(Latency, klass, :a)
      assert_equal 1, hits(:a) { assert_equal [1], klass.new.a(1) }
      redefine do
        Module.instance_method(:alias_method).bind(klass).call(:old, :a)
        Module.instance_method(:define_method).bind(klass).call(:a) { |x, y| old(x) + [y] }
      end
      assert_equal 1, hits(:a) { assert_equal [[1, 2], [1]], [klass.new.a(1, 2), klass.new.old(1)] }
      Latency.disable!
      assert_equal klass, Class.instance_method(:instance_method).bind(klass).call(:a).owner
    end
    assert_equal '', log
  end

  def test_that_a_class_is_changed_in_another_ractor
    skip 'there are no Ractors' unless defined?(Ractor)

    out = ruby(<<~'RUBY')
      class Shop
        def été; 1; end
        def a; 2; end
        def self.s; 3; end
      end
      StaticTracing::Tracer::Latency.register(Shop, :été, :a, :s)
      StaticTracing.enable!
      p Ractor.new { [Shop.new.été, Shop.new.a, Shop.s] }.take
      p Ractor.new { class Shop; def zz; 4; end; end; Shop.new.zz }.take
      p Ractor.new { class Sub < Shop; def zz; 5; end; end; Sub.new.zz }.take
      p Ractor.new { def Shop.t; 6; end; Shop.t }.take
    RUBY
    assert_equal ['[1, 2, 3]', '4', '5', '6'], out.lines(chomp: true)
  end
end
