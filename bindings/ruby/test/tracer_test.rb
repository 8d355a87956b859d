# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'
require 'support/tracers'
require 'timeout'

# Registering, and what tracers fire.
class TracerTest < TracerCase
  RegistrationError = Base::RegistrationError

  class Shop
    class HTTPCart
      def save!; end
      def valid?; end
      def self.load; end
    end
  end

  def test_names_of_providers_and_tracepoints
    Latency.register(Shop::HTTPCart, :save!, :valid?, :load)
    Stack.register(Shop::HTTPCart, 'save!')
    Latency.register(Shop::HTTPCart.singleton_class, :load)
    provider = StaticTracing::Provider.fetch(:tracer_test_shop_http_cart)
    assert_equal %w[save_bang valid_p load save_bang_stack], provider.tracepoints.keys
    assert_equal ['string method, int64 nanoseconds', 'string method, string stack, int64 bytes'],
                 [provider.tracepoints['load'].signature, provider.tracepoints['save_bang_stack'].signature]
    refute provider.enabled?
  ensure
    provider.destroy if provider
  end

  def test_names_of_everything_can_be_probes
    names = StaticTracing::Tracer::Names
    probes = (Object.instance_methods + Integer.instance_methods + [:'a b', "\xff".b.to_sym,
                                                                    :"\u00e9"]).uniq.map { |name|
      names.probe(name)
    }
    assert_empty probes.grep_v(/\A[A-Za-z_][A-Za-z0-9_]*\z/)
    klass = Class.new
    self.class.const_set("Long#{'Name' * 20}", klass)
    assert_match(/\A[a-z_]{57,58}\z/, names.provider(klass))
    assert_equal 'global', names.provider(Class.new)
  end

  def test_that_registering_twice_is_as_once
    klass = Class.new { def a; end }
    2.times { register(Latency, klass, :a, :a) }
    assert_equal [:a], Latency.registered[klass]
    assert_equal 1, hits(:a) { klass.new.a }
  end

  def test_that_registering_while_enabled_wraps_at_once_and_else_later
    klass = Class.new { def a; end }
    StaticTracing.disable!
    Latency.register(klass, :a, provider: @namespace)
    assert_equal klass, klass.new.method(:a).owner
    StaticTracing.enable!
    refute_equal klass, klass.new.method(:a).owner
    late = Class.new { def a; end }
    fresh = tracer
    fresh.register(late, :a, provider: @namespace)
    assert_predicate fresh, :enabled?
    assert_equal 1, hits(:a_n) { late.new.a }
    StaticTracing.disable!
    assert_equal [klass, late], [klass.new.method(:a).owner, late.new.method(:a).owner]
    refute_predicate fresh, :enabled?
  end

  def test_what_cannot_be_registered
    klass = Class.new { def total; end }
    error = assert_raises(RegistrationError) { Latency.register(klass, :totl) }
    assert_match(/has no method "totl"; did you mean :total\?/, error.message)
    error = assert_raises(RegistrationError) { Latency.register(klass) }
    assert_match(/needs the name of a method/, error.message)
    error = assert_raises(RegistrationError) { Latency.register(klass, '.total') }
    assert_match(/has no method "\.total"/, error.message)
    error = assert_raises(RegistrationError) { Latency.register(klass.dup.freeze, :total) }
    assert_match(/is frozen/, error.message)
    error = assert_raises(RegistrationError) { Latency.register(klass.new, :total) }
    assert_match(/only a class or a module can be registered/, error.message)
    error = assert_raises(RegistrationError) { Class.new(Base).register(klass, :total) }
    assert_match(/must call set_tracepoint_data_types/, error.message)
    assert_raises(ArgumentError) { Class.new(Base).set_values(at: :never) { [] } }
    assert_raises(ArgumentError) { Class.new(Base).set_values }
    other = Class.new(Latency) do
      set_tracepoint_data_types Integer
      def self.tracepoint_name(name) name.to_s; end
    end
    Latency.register(klass, :total, provider: @namespace)
    assert_raises(StaticTracing::Tracepoint::TracepointExistsError) {
      other.register(klass, :total, provider: @namespace)
    }
    assert_empty other.registered.fetch(klass, [])
  end

  def test_that_an_unknown_name_registers_none_of_the_others
    klass = Class.new { def a; end }
    assert_raises(RegistrationError) { Latency.register(klass, :a, :b) }
    assert_nil Latency.registered[klass]
  end

  def test_that_a_class_that_was_frozen_later_is_logged
    klass = Class.new { def a; :a; end }
    own = tracer
    own.register(klass, :a, provider: @namespace)
    klass.freeze
    own.enable!
    assert_match(/frozen/, log)
    assert_equal :a, klass.new.a
  end

  def test_what_a_call_has
    klass = Class.new { def a(x, y = 0, *z, k: 1, **o) [x, y, z, k, o]; end }
    own = tracer { |call|
      [call.method_name, call.receiver, call.arguments, call.keywords, call.result, call.exception]
    }
    register(own, klass, :a)
    object = klass.new
    hits(:a_n) do
      object.a(1)
      object.a(1, 2, 3, k: 4, l: 5)
    end
    assert_equal [['a', object, [1], {}, [1, 0, [], 1, {}], nil],
                  ['a', object, [1, 2, 3], { k: 4, l: 5 }, [1, 2, [3], 4, { l: 5 }], nil]], own.seen
  end

  def test_arguments_of_a_method_whose_parameters_cannot_be_mirrored
    klass = Class.new { def a(x, if:) binding.local_variable_get(:if) + x; end }
    own = tracer { |call| [call.arguments, call.keywords, call.result] }
    register(own, klass, :a)
    hits(:a_n) { klass.new.a(1, if: 2) }
    assert_equal [[[1], { if: 2 }, 3]], own.seen
  end

  def test_that_a_call_is_seen_however_it_ends
    klass = Class.new { def a; yield; end }
    own = tracer { |call| [call.result, call.exception&.message, call.nanoseconds.class] }
    register(own, klass, :a)
    object = klass.new
    n = hits(:a_n) do
      object.a { 1 }
      error = assert_raises(IOError) { object.a { raise IOError, 'x' } }
      assert_match(/in .*#{__method__}/, error.backtrace.first)
      assert_raises(SystemExit) { object.a { exit } }
      catch(:out) { object.a { throw :out } }
      object.a { break 2 }
      begin
        raise 'outer'
      rescue StandardError => outer
        object.a { 3 }
        assert_raises(RuntimeError) { object.a { raise outer } }
      end
      Thread.new { object.a { Thread.current.kill } }.join
    end
    assert_equal [[1, nil], [nil, 'x'], [nil, 'exit'], [nil, nil], [nil, nil], [3, nil], [nil, 'outer'], [nil, nil]],
                 (own.seen.map { |seen| seen.take(2) })
    assert_equal [Integer], own.seen.map(&:last).uniq
    assert_equal 8, n
  end

  def test_that_an_exception_is_raised_once
    klass = Class.new { def a; raise IOError, 'x'; end }
    register(Latency, klass, :a)
    raised = []
    hits(:a) do
      TracePoint.new(:raise) { |point| raised << point.raised_exception }.enable do
        assert_raises(IOError) { klass.new.a }
      end
    end
    assert_equal ['x'], (raised.map(&:message).select { |message| message == 'x' })
  end

  def test_fibers_and_recursion
    klass = Class.new do
      def count(n) n.zero? ? 0 : 1 + count(n - 1); end
      def each(&block) 3.times(&block); end
    end
    own = tracer { |call| [call.method_name, call.result] }
    register(own, klass, :count, :each)
    assert_equal 11, hits(:count_n) { assert_equal 10, klass.new.count(10) }
    assert_equal (0..10).map { |n| ['count', n] }, own.seen
    assert_equal 2, (hits(:each_n) { assert_equal [0, 1], klass.new.to_enum(:each).lazy.first(2); klass.new.each {} })
  end

  def test_that_nothing_of_a_tracer_reaches_the_program
    klass = Class.new { def a(x) x; end }
    failing = [-> { raise 'broken' }, -> { raise NotImplementedError, 'broken' }, -> { {}.fetch(:x) },
               -> { throw :nowhere }]
    failing.each do |failure|
      own = tracer { failure.call }
      register(own, klass, :a)
    end
    wrong = Class.new(Base) do
      set_tracepoint_data_types Integer
      set_values { |_| %w[two values] }
    end
    register(wrong, klass, :a)
    hits(:a_n) { hits(:a_tracer) { 3.times { assert_equal 1, klass.new.a(1) } } }
    assert_equal failing.size + 1, log.scan('logged once').size, log
  end

  def test_that_what_ends_a_program_ends_it_in_a_tracer_too
    klass = Class.new { def a; end }
    own = tracer { raise Interrupt }
    register(own, klass, :a)
    assert_equal 0, hits(:a_n) { 2.times { assert_raises(Interrupt) { klass.new.a } } }
    assert_equal '', log
  end

  def test_that_a_timeout_is_not_swallowed
    klass = Class.new { def a; end }
    queue = Queue.new
    own = tracer do
      queue << :in
      Thread.pass until queue.empty?
      :done
    end
    register(own, klass, :a)
    hits(:a_n) do
      thread = Thread.new do
        Thread.current.report_on_exception = false
        klass.new.a
      end
      queue.pop
      queue << :wait
      thread.raise(IOError, 'from another thread')
      queue.clear
      assert_raises(IOError) { thread.join }
    end
    assert_equal [:done], own.seen
    assert_equal '', log
  end

  def test_that_a_tracer_may_have_a_timeout_of_its_own
    late = Class.new(StandardError)
    klass = Class.new { def a; :a; end }
    own = tracer do
      Timeout.timeout(0.05, late) { Queue.new.pop }
    rescue late
      :rescued
    end
    register(own, klass, :a)
    assert_equal(1, hits(:a_n) { assert_equal :a, klass.new.a })
    assert_equal [[:rescued], ''], [own.seen, log]
  end

  def test_that_what_a_tracer_calls_is_not_traced
    klass = Class.new { def a; :a; end }
    own = tracer { |call| call.receiver.a }
    register(own, klass, :a)
    assert_equal 1, (hits(:a_n) { klass.new.a })
    assert_equal [:a], own.seen
  end

  # In a Ruby of its own, for these are methods of everybody's.
  def test_that_what_wrappers_call_themselves_can_be_traced
    need(SelfWatch.missing)

    all = { 'Class, :new' => 'Object.new', 'Integer, :-' => '7.send(:-, 2)', 'Kernel, :class' => '1.class' }
    all.delete('Kernel, :class') if RUBY_VERSION < '3' # whose includers don't see what is prepended later
    parts = all.each_with_index.map do |(what, call), index|
      <<~RUBY
        [StaticTracing::Tracer::Latency, StaticTracing::Tracer::Stack].each do |tracer|
          tracer.register(#{what}, provider: 'own#{index}')
        end
        StaticTracing.enable!
        StaticTracing.providers['own#{index}'].tracepoints.each_value do |tracepoint|
          watch = SelfWatch.of_this_thread(tracepoint)
          #{call}
          puts "\#{tracepoint.name} \#{watch.count.positive?}"
        end
        StaticTracing.disable!
      RUBY
    end
    out = ruby(parts.join, '-rsupport/self_watch')
    names = all.keys.map { |what| { 'new' => 'new', '-' => 'minus', 'class' => 'class' }.fetch(what[/:(.*)/, 1]) }
    assert_equal names.flat_map { |name| ["#{name} true", "#{name}_stack true"] }, out.lines(chomp: true)
  end

  def test_that_a_frozen_thread_is_not_disturbed
    klass = Class.new { def a; :a; end }
    register(Latency, klass, :a)
    register(Stack, klass, :a)
    %i[a a_stack].each do |name|
      hits(name) { assert_equal :a, Thread.new { Thread.current.freeze; klass.new.a }.value }
    end
    assert_match(/frozen/i, log)
  end

  def test_that_several_tracers_see_one_method
    klass = Class.new { def a; :a; end }
    at_call = tracer(at: :call) { |call| [:call, call.result, call.nanoseconds] }
    at_return = Class.new(Latency)
    register(Latency, klass, :a)
    register(Stack, klass, :a)
    register(at_call, klass, :a)
    register(at_return, klass, :a)
    %i[a a_stack a_n a_tracer].each { |name| assert_equal(1, hits(name) { assert_equal :a, klass.new.a }, name.to_s) }
    assert_equal [[:call, nil, nil]], at_call.seen
  end

  def test_a_wrapping_function_as_the_predecessor_had_it
    klass = Class.new { def a(x, k: 1) [x, k, yield]; end }
    calls = []
    namespace = @namespace
    own = Class.new(Base) do
      set_wrapping_function(lambda do |*args, &block|
        result = super(*args, &block)
        calls << __method__
        StaticTracing::Tracepoint.fetch(namespace, __method__.to_s).fire(__method__.to_s, StaticTracing.nsec)
        result
      end)
      set_tracepoint_data_types(String, Integer)
    end
    original = klass.instance_method(:a)
    register(own, klass, :a)
    assert_equal 1, (hits(:a) { assert_equal [1, 2, 3], (klass.new.a(1, k: 2) { 3 }) })
    assert_equal [:a], calls
    klass.class_eval { alias_method :b, :a }
    klass.new.b(1) { 2 }
    own.disable!
    assert_equal [[:a], original], [calls, klass.instance_method(:a)]
    assert_equal 'shop_http_cart', StaticTracing::Tracer::Helpers.underscore('Shop::HTTPCart')
  end

  def test_that_a_subclass_of_a_tracer_is_a_tracer_of_its_own
    parent = tracer { |call| call.result }
    child = Class.new(parent)
    klass = Class.new { def a; :a; end }
    child.define_singleton_method(:tracepoint_name) { |_| 'child' }
    register(child, klass, :a)
    refute_predicate parent, :enabled?
    assert_equal 1, hits(:child) { klass.new.a }
  end

  def test_the_stack_begins_with_the_caller
    klass = Class.new { def a; end }
    stacks = []
    own = Class.new(Stack) { define_singleton_method(:values) { |call| super(call).tap { |values| stacks << values } } }
    [Latency, own, Latency].each { |tracer| register(tracer, klass, :a) }
    place = nil
    hits(:a_tracer) { klass.new.a; place = "#{__FILE__}:#{__LINE__}" }
    method, stack, bytes = stacks.fetch(0)
    assert_equal ['a', stack.bytesize], [method, bytes]
    assert stack.start_with?("#{place}:in "), stack
    refute_match(/lib.static_tracing|<internal:static/, stack)
    assert_operator stack.lines.size, :>, 5
  end

  # The kernel counts a child's fires, too.
  def test_that_a_forked_child_fires
    need(SelfWatch.missing)
    klass = Class.new { def a; end }
    register(Latency, klass, :a)
    n = SelfWatch.count(StaticTracing::Tracepoint.fetch(@namespace, :a)) do
      klass.new.a
      Process.wait(fork { klass.new.a; exit!(0) })
      assert_predicate $?, :success?
    end
    assert_equal 2, n
  end

  # What arrives in a tracer.
  def test_values_that_bpftrace_sees
    need(Tracers.bpftrace_refusal)

    klass = Class.new { def work(n) sleep(n); end }
    register(Latency, klass, :work)
    register(Stack, klass, :work)
    site = ->(name) { "usdt:#{StaticTracing::Tracepoint.fetch(@namespace, name).path}:#{@namespace}:#{name}" }
    script = "#{site[:work]} { printf(\"L %s %ld\\n\", str(arg0), arg1); exit(); } " \
             "#{site[:work_stack]} { printf(\"S %s %s %d\\n\", str(arg0), str(arg1), arg2); }"
    line = nil
    output = bpftrace(script) do
      klass.new.work(0.02); line = __LINE__
    end
    assert_match(/^L work (\d+)$/, output)
    assert_includes 20_000_000..2_000_000_000, output[/^L work (\d+)$/, 1].to_i
    stack = "#{__FILE__}:#{line}:in"
    assert_includes output, "S work #{stack[0, 63]}" # bpftrace reads no more
    assert_operator output[/ (\d+)\n/, 1].to_i, :>, 100
  end

  private

  # @return [String] what bpftrace says of what the block does, when it has ended itself
  def bpftrace(script)
    tool = Bpftrace.new(script)
    tool.await
    yield
    tool.printed.join("\n")
  ensure
    tool&.close
  end
end
