# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# A wrapped method is, to those who call it, the method: watched or not, with whatever parameters.
class TracerTransparencyTest < TracerCase
  # A method's definition => the arguments of calls of it.
  METHODS = {
    'def m; block_given? ? yield(7) : :none; end' => ['', '{ |x| x + 1 }', '(&:to_s)', '(1)'],
    'def m(a); [a]; end' => ['(1)', '(a: 1)', '({ a: 1 })', '(nil)', '', '(1, 2)', '("a" => 1)'],
    'def m(a, b = a * 2, c = b * 2); [a, b, c]; end' => ['(1)', '(1, nil)', '(1, 2, 3)', '(1, 2, 3, 4)'],
    'def m(a, b = (return(:default) if a > 0), c); [a, b, c]; end' => ['(1, 2)', '(1, 2, 3)', '(1)'],
    'def m(*rest); rest; end' => ['', '(1, 2)', '(1, a: 2)', '(*[1, { a: 2 }])', '({})', '(**{})'],
    'def m(a = 1, *rest, z, &block); [a, rest, z, block && block.call]; end' =>
      ['(9)', '(1, 9)', '(1, 2, 3, 9) { :b }', '(1, x: 2)'],
    'def m(a:, b:); [a, b]; end' => ['(a: 1, b: 2)', '(a: 1)', '(a: 1, b: 2, c: 3)', '({ a: 1, b: 2 }.to_h, 1)'],
    'def m(a: 1); [a]; end' => ['', '(a: 2)', '(a: nil)', '(b: 1)', '(**{})'],
    'def m(x, a: x, b: a, c: b); [x, a, b, c]; end' =>
      ['(0)', '(0, a: 1)', '(0, b: 1)', '(0, c: 1)', '(0, a: 1, c: 2)', '(0, a: 1, b: 2, c: 3)'],
    'def m(x = 5, q:, a: x, b: a, c: b, d: c); [x, q, a, b, c, d]; end' =>
      ['(q: 0)', '(1, q: 0, a: 1)', '(q: 0, d: 4, b: 1)', '(1, q: 0, a: 1, b: 2, c: 3, d: 4)'],
    'def m(**rest); rest; end' => ['', '(a: 1)', '("b" => 2, c: 3)', '(**{})'],
    'def m(a, *r, k: 1, **o); [a, r, k, o]; end' => ['(1)', '(1, 2, k: 3, l: 4)', '(1, x: 2)', '(1, { y: 1 }, k: 2)'],
    'def m(a, **nil); [a]; end' => ['(1)', '(1, b: 2)'],
    'def m((a, b), c); [a, b, c]; end' => ['([1, 2], 3)', '(1, 2)'],
    'def m(_, _, a = 3); a; end' => ['(1, 2)', '(1, 2, 4)'],
    'def m(*); defined?(super) ? super : :end; end' => ['', '(1, 2)'],
    'def m(*a, &b); n(*a, &b); end; ruby2_keywords def n(*a); o(*a); end; def o(*a, **k); [a, k]; end' =>
      ['(1, 2)'],
    'ruby2_keywords def m(*a); o(*a); end; def o(*a, **k); [a, k]; end' => ['', '(1)', '(1, k: 2)', '({ k: 2 })'],
    'def o(*a, **k); [a, k, (yield if block_given?)]; end; def m(...); o(...); end' => ['(1, k: 2) { 3 }', ''],
    'def m(if:, class: 2, end: 3); binding.local_variable_get(:if); end' => ['(if: 1)', '(class: 1)'],
    'def m(a, __st_1 = 2, __st_call: 3); [a, __st_1, __st_call]; end' => ['(1)', '(1, 5, __st_call: 4)'],
    'def m(größe, été: 1); [größe, été]; end' => ['(1)', '(1, été: 2)'],
    'define_method(:m) { |a, b = 2, *c, d: 4, &e| [a, b, c, d, e && e.call] }' => ['(1)', '(1, 3, 4, d: 5) { 6 }', ''],
    'define_method(:m) { [_1, _2] }' => ['(1, 2)', '(1)'],
    'attr_accessor :x; alias m x=' => ['(1)', ''],
    'attr_reader :m' => ['', '(1)'],
    'define_method(:m, instance_method(:instance_of?))' => ['(Object)', '(1)', ''],
    'define_method(:m, instance_method(:instance_variable_get))' => ['(:@a)'],
    'define_method(:m, instance_method(:public_send))' => ['(:then) { 5 }', '(:frozen?)', ''],
    'def m(a); yield a; end' => ['(1) { |x| break x + 1 }', '(1) { next 3 }', '(1) { throw :out, 8 }',
                                 '(1) { raise "no" }'],
    'def m(a) raise KeyError, a; end' => ['("x")'],
    'def m; retried ||= 0; raise "x" if (retried += 1) < 3; retried; rescue StandardError; retry; end' => [''],
    'def m; __method__; end' => ['']
  }.freeze

  METHODS.each do |definition, calls|
    define_method("test_that_unwatched_a_call_is_as_without_a_wrapper: #{definition}") do
      klass, expected = wrap(definition, calls)
      assert_equal expected, outcomes(klass, calls)
      assert_equal '', log
    end
  end

  def test_that_watched_a_call_is_as_without_a_wrapper
    wrapped = METHODS.map { |definition, calls| [definition, calls, *wrap(definition, calls)] }
    counts = %i[m m_stack m_n].map do |name|
      hits(name) do
        wrapped.each do |definition, calls, klass, expected|
          assert_equal expected, outcomes(klass, calls), "#{definition}, #{name} watched"
        end
      end
    end
    assert_equal [counts.first] * 3, counts
    assert_operator counts.first, :>, 80
    assert_equal '', log
  end

  def test_that_arity_and_parameters_stay
    checked = METHODS.keys.grep(/\A(?!.*(if:|\(\(|_, _|\*\)|__st|\.\.\.|_1|x=|instance_method))/)
    checked.each do |definition|
      klass = class_of(definition)
      before = about(klass)
      register(Latency, klass, :m)
      assert_equal StaticTracing::Tracer::WrapperModule, klass.new.method(:m).owner.class
      assert_equal before, about(klass), definition
    end
    assert_operator checked.size, :>, 15
  end

  def test_that_a_name_is_any
    klass = Class.new do
      %i[[] []= + -@ ! =~ <=> ` a? a! a= A class if].each { |name| define_method(name) { |*a, &b| [name, a, b&.call] } }
      define_method(:'odd name') { |*a, **k, &b| [a, k, b&.call] }
      define_method(:'odd') { |a = 1| [a, block_given?] }
      define_method(:'a-b') { |a, b = 1, c: 2| [a, b, c] }
      define_method(:"\u00e9=") { |a| a }
    end
    names = klass.instance_methods(false)
    calls = lambda do
      object = klass.new
      (names - [:'a-b', :'odd']).map { |name| object.send(name, 1) { 2 } } +
        [object.send(:'a-b', 1), object.send(:'a-b', 1, 2, c: 3), object.send(:odd), object.send(:odd, 2) {},
         object.send(:'odd name', 1, k: 2) { 3 }]
    end
    expected = calls.call
    register(Latency, klass, *names)
    assert_equal expected, calls.call
    assert_equal 2, hits('odd_u0020name') { assert_equal expected, calls.call }
    assert_equal 2, hits('a_u002db') { assert_equal expected, calls.call }
    assert_equal 1, hits('index_set') { assert_equal expected, calls.call }
  end

  def test_that_unwatched_nothing_is_allocated
    klass = class_of('def m(a, b = nil); end; def n; end; def b(a) yield a; end; def d(a, &b) b; end')
    register(Latency, klass, :m, :n, :b, :d)
    register(Stack, klass, :m)
    object = klass.new
    assert_equal 0, allocations {
      object.m(1)
      object.m(1, 2)
      object.n
      object.b(1) { nil }
      object.d(1)
    }
  end

  # From Ruby 3.0 to 3.3, a `super` with keywords makes an object (of the interpreter's own).
  def test_that_unwatched_keywords_allocate_no_more_than_super_does
    klass = class_of('def m(a = 1, k:, o: 1, p: 2, q: 3, r: 4); end; def f(r) super(k: 1); end')
    register(Latency, klass, :m)
    object = klass.new
    supers = Class.new(klass) { def m(k:) super(k: k); end }.new
    plain = Class.new(class_of('def m(k:) end')) { def m(k:) super(k: k); end }.new
    cost = allocations { plain.m(k: 1) }
    assert_equal 2 * cost, allocations { supers.m(k: 1) }
    assert_equal cost, allocations { object.m(k: 1) }
    assert_equal cost, allocations { object.m(2, k: 1) }
    assert_equal cost, allocations { object.m(2, k: 1, o: 2, p: 3, q: 4, r: 5) }
    # Some, but not all: in a Hash.
    assert_operator allocations { object.m(2, k: 1, o: 2) }, :<=, 2000
  end

  def test_that_visibility_is_kept
    klass = class_of('def a; b + c(self); end; def c(o) o.d; end; ' \
                     'def b; 1; end; def d; 2; end; private :b; protected :d')
    register(Latency, klass, :a, :b, :c, :d)
    assert_equal 3, klass.new.a
    assert_match(/private/, assert_raises(NoMethodError) { klass.new.b }.message)
    assert_match(/protected/, assert_raises(NoMethodError) { klass.new.d }.message)
    assert_equal [%i[a c], [:b], [:d]],
                 [klass.public_instance_methods(false).sort, klass.private_instance_methods(false),
                  klass.protected_instance_methods(false)]
  end

  def test_that_super_and_subclasses_are_as_they_were
    base = class_of('def m(a) [:base, a]; end; def n; :n; end')
    klass = Class.new(base) { def m(a) [:middle, *super]; end }
    sub = Class.new(klass) do
      def m(a) [:sub, *super]; end
      def n; [:sub, super]; end
    end
    [base, klass, sub].each { |one| register(Latency, one, :m) }
    register(Latency, klass, :n)
    assert_equal [[:sub, :middle, :base, 1], [:sub, :n], :n], [sub.new.m(1), sub.new.n, klass.new.n]
    assert_equal 3, hits(:m) { sub.new.m(1) }
    assert_equal 1, hits(:n) { sub.new.n }
    assert_equal 0, hits(:n) { base.new.n }
  end

  def test_class_module_and_singleton_methods
    klass = Class.new { def self.find(x) [self, x]; end }
    mod = Module.new do
      extend self
      def ext; :ext; end

      module_function

      def fun; :fun; end
    end
    object = Object.new
    def object.own(a) [a]; end
    register(Latency, klass, :find)
    register(Latency, mod, '.fun')
    register(Latency, object.singleton_class, :own)
    sub = Class.new(klass)
    assert_equal [[klass, 1], [sub, 2], :fun, [3]], [klass.find(1), sub.find(2), mod.fun, object.own(3)]
    assert_equal 2, hits(:find) { [klass, sub].each { |one| one.find(1) } }
    assert_equal 1, hits(:fun) { mod.fun }
    assert_equal 1, hits(:own) { object.own(1) }
    assert_equal [:own], object.singleton_methods
  end

  def test_that_an_explicit_name_says_which
    klass = Class.new do
      def self.x; :class; end
      def x; :instance; end
    end
    register(Latency, klass, '.x')
    assert_equal 1, (hits(:x) { [klass.x, klass.new.x] })
    register(Latency, klass, :'#x')
    assert_equal 2, (hits(:x) { [klass.x, klass.new.x] })
  end

  def test_methods_of_a_module_that_is_included
    mod = Module.new { def m(a) [a]; end }
    register(Latency, mod, :m)
    klass = Class.new { include mod }
    assert_equal 1, hits(:m) { assert_equal [1], klass.new.m(1) }
  end

  def test_methods_of_a_module_that_was_included_before
    skip 'before Ruby 3, what is prepended to a module is not seen by who has included it' if RUBY_VERSION < '3'

    mod = Module.new { def m(a) [a]; end }
    klass = Class.new { include mod }
    register(Latency, mod, :m)
    assert_equal 1, hits(:m) { assert_equal [1], klass.new.m(1) }
  end

  def test_basic_objects
    klass = Class.new(BasicObject) { def m(a, b = a) [a, b]; end }
    register(Latency, klass, :m)
    register(Stack, klass, :m)
    assert_equal 1, (hits(:m) { assert_equal [1, 1], klass.new.m(1) })
    assert_equal 1, (hits(:m_stack) { klass.new.m(klass.new) })
  end

  def test_that_the_callers_line_is_found_by_warn
    klass = class_of("def m\nwarn('old', uplevel: 0)\nend")
    register(Latency, klass, :m)
    _, said = capture_io { klass.new.m }
    refute_match(/internal/, said)
  end

  def test_wrapped_methods_in_ractors
    skip 'there are no Ractors' unless defined?(Ractor)

    out = ruby(<<~'RUBY', '-rsupport/self_watch')
      class Cart; def total(a, k: 2) [a, k]; end; end
      class Own < StaticTracing::Tracer::Base
        set_tracepoint_data_types Integer
        set_values { 1 }
      end
      [StaticTracing::Tracer::Latency, StaticTracing::Tracer::Stack, Own].each { |t| t.register(Cart, :total) }
      StaticTracing.enable!
      calls = -> { Array.new(2) { Ractor.new { 10.times { Cart.new.total(1) }; Cart.new.total(1, k: 3) } }.map(&:take) }
      p calls.call
      unless SelfWatch.missing
        %i[total total_stack total_own].each do |name|
          p SelfWatch.count(StaticTracing::Tracepoint.fetch(:cart, name)) { p calls.call }
        end
      end
    RUBY
    lines = out.lines(chomp: true)
    assert_equal ['[[1, 3], [1, 3]]'], lines.reject { |line| line =~ /\A\d+\z/ }.uniq, out
    assert_equal %w[22 22 0], lines.grep(/\A\d+\z/) unless SelfWatch.missing
  end

  private

  def class_of(definition)
    Class.new { class_eval(definition) }
  end

  # @return [Integer] how many objects a thousand calls of the block make, rounded to thousands
  def allocations
    10.times { yield }
    before = GC.stat(:total_allocated_objects)
    1000.times { yield }
    (GC.stat(:total_allocated_objects) - before).round(-2)
  end

  def about(klass)
    method = klass.new.method(:m)
    # Ruby 3.1 shows keywords that are none, once ruby2_keywords marks a method.
    [method.arity, method.parameters - [%i[keyrest **]], klass.instance_method(:m).parameters]
  end

  # How each call ends.
  def outcomes(klass, calls)
    calls.map do |call|
      catch(:out) { [:returned, eval("klass.new.m#{call}", binding, 'call')] }
    rescue StandardError => e
      [:raised, e.class, e.message.gsub(/0x\h+/, '')]
    end
  end

  # @return [Array] the class, and how the calls end without a wrapper
  def wrap(definition, calls)
    klass = class_of(definition)
    expected = outcomes(klass, calls)
    [Latency, Stack, tracer { |call| [call.arguments, call.keywords] }].each { |one| register(one, klass, :m) }
    [klass, expected]
  end
end
