# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'
require 'tmpdir'

# In mode AUTO, methods are wrapped only while somebody watches them.
class AutoTest < TracerCase
  Watcher = StaticTracing::Watcher

  def setup
    super
    StaticTracing.configure do |config|
      config.watcher_thread = false
      config.mode = 'AUTO'
    end
  end

  def teardown
    StaticTracing::Configuration.mode = 'OFF'
    Watcher.thread = true
    super
  end

  # While a tracer is attached to one of the test's tracepoints.
  def watching(name)
    watch = FireCount.new(StaticTracing::Tracepoint.fetch(@namespace, name))
    assert Watcher.check
    result = yield
    [watch.count, result]
  ensure
    watch&.close
    Watcher.check
  end

  def wrapped?(klass, name)
    klass.new.method(name).owner.is_a?(StaticTracing::Tracer::WrapperModule)
  end

  def cart
    Class.new do
      def total(item, tax = 0, *rest, currency: 'EUR', &block) [item, tax, rest, currency, block&.call]; end

      def self.find(id) id; end

      def other; end
    end
  end

  # What the program, RSpec and Sorbet can see of a method.
  def facts(klass)
    method = klass.new.method(:total)
    unbound = klass.instance_method(:total)
    [method.owner, method.source_location, method.parameters, method.arity, unbound.owner, method.unbind == unbound,
     klass.public_method_defined?(:total, false), klass.singleton_methods.sort, klass.method(:find).owner]
  end

  def test_that_unwatched_nothing_differs
    klass = cart
    before = facts(klass) + [klass.ancestors, klass.singleton_class.ancestors]
    Latency.register(klass, :total, :find, provider: @namespace)
    Stack.register(klass, :total, provider: @namespace)
    assert_equal before, facts(klass) + [klass.ancestors, klass.singleton_class.ancestors]
    assert Latency.enabled?
    assert StaticTracing::Tracepoint.fetch(@namespace, :total).path
  end

  def test_that_watched_a_method_is_wrapped_and_what_can_be_kept_is_kept
    klass = cart
    before = facts(klass)
    Latency.register(klass, :total, :other, :find, provider: @namespace)
    hits, result = watching(:total) do
      assert wrapped?(klass, :total)
      refute wrapped?(klass, :other)
      kept = facts(klass)
      assert_equal before.values_at(2, 3, 4, 6), kept.values_at(2, 3, 4, 6)
      klass.new.total(1, 2, 3, currency: 'DKK') { 4 }
    end
    assert_equal [1, [1, 2, [3], 'DKK', 4]], [hits, result]
    assert_equal [1, 7], watching(:find) { klass.find(7) }
    now = facts(klass)
    assert_equal before.values_at(0..6), now.values_at(0..6)
    assert_empty log
  end

  def test_that_each_tracer_comes_and_goes_by_itself
    klass = cart
    Latency.register(klass, :total, provider: @namespace)
    Stack.register(klass, :total, provider: @namespace)
    hits, = watching(:total_stack) do
      inner, = watching(:total) { klass.new.total(1) }
      assert_equal 1, inner
      assert_equal [Stack], tracers(klass)
      klass.new.total(1)
    end
    assert_equal 2, hits
    assert_empty tracers(klass)
  end

  def tracers(klass)
    modules = klass.ancestors.grep(StaticTracing::Tracer::WrapperModule)
    modules.select { |one| one.method_defined?(:total, false) }.map { |one| one.to_s[/Latency|Stack/] }
           .map { |name| StaticTracing::Tracer.const_get(name) }
  end

  def test_that_modes_change_what_is_wrapped
    klass = cart
    Latency.register(klass, :total, provider: @namespace)
    states = %w[ON AUTO SIGNAL OFF AUTO OFF].map do |mode|
      StaticTracing::Configuration.mode = mode
      wrapped?(klass, :total)
    end
    assert_equal [true, false, true, false, false, false], states
    StaticTracing::Configuration.mode = 'AUTO'
    Latency.disable!
    assert_equal 0, FireCount.count(StaticTracing::Tracepoint.fetch(@namespace, :total)) {
      Watcher.check
      refute wrapped?(klass, :total)
    }
    Latency.enable!
    assert_equal 1, watching(:total) { klass.new.total(1) }.first
  end

  def test_that_a_mode_that_cannot_be_set_changes_nothing
    klass = cart
    Latency.register(klass, :total, provider: @namespace)
    assert_raises(RuntimeError) do
      StaticTracing.configure do |config|
        config.mode = 'ON'
        raise 'no'
      end
    end
    assert_equal 'AUTO', StaticTracing.configuration.mode
    refute wrapped?(klass, :total)
  end

  def test_that_the_class_may_change_before_and_while_it_is_watched
    klass = cart
    Latency.register(klass, :total, provider: @namespace)
    redefine { klass.class_eval { def total(one) [:new, one]; end } }
    assert_equal [2, [:newer, 2]], watching(:total) {
      assert_equal [:new, 1], klass.new.total(1)
      redefine { klass.class_eval { def total(one) [:newer, one]; end } }
      klass.new.total(2)
    }
    before = Module.new { def total(*) [:before, *super]; end }
    after = Module.new { def total(*) [:after, *super]; end }
    klass.prepend(before)
    hits, = watching(:total) do
      klass.prepend(after)
      assert_equal %i[after before newer], klass.new.total(1).first(3)
    end
    assert_equal 1, hits
    assert_equal %i[after before newer], klass.new.total(1).first(3)
    klass.class_eval { remove_method :total }
    assert_empty log
  end

  def test_that_a_class_that_is_frozen_meanwhile_is_reported_and_works
    klass = cart.freeze
    thawed = cart
    Latency.register(thawed, :total, provider: @namespace)
    thawed.freeze
    watching(:total) { assert_equal 1, thawed.new.total(1).first }
    assert_match(/frozen|FrozenError/, log)
    assert_raises(StaticTracing::Tracer::Base::RegistrationError) { Latency.register(klass, :total) }
  end

  def test_that_a_concern_is_followed
    namespace = @namespace
    klass = cart
    Latency.register_all(klass, provider: namespace)
    klass.class_eval { def late; 5; end }
    refute wrapped?(klass, :late)
    assert_equal [1, 5], watching(:late) { klass.new.late }
  end

  def test_that_a_reloaded_class_is_wrapped_at_once_and_the_old_one_is_collected
    old = cart
    Latency.register(old, :total, provider: @namespace)
    hits, = watching(:total) do
      klass = cart
      Latency.register(klass, :total, provider: @namespace)
      assert [old, klass].all? { |one| wrapped?(one, :total) }
      klass.new.total(1)
    end
    assert_equal 1, hits
    # The last ones made stay on the stack or in the code that YJIT compiled.
    made = Array.new(100) do
      cart.tap { |klass| Latency.register(klass, :total, provider: @namespace) }.object_id
    end
    watching(:total) {}
    clear_stack
    GC.start
    living = ObjectSpace.each_object(Class).map(&:object_id)
    assert_operator (made & living).size, :<, 50
  end

  def clear_stack(depth = 50)
    depth.zero? ? nil : clear_stack(depth - 1)
  end

  def test_that_a_wrapping_function_runs_only_while_its_tracepoint_is_watched
    klass = cart
    ran = 0
    made = Class.new(Base) do
      set_tracepoint_data_types Integer
      set_wrapping_function(lambda do |*arguments, &block|
        ran += 1
        super(*arguments, &block)
      end)
    end
    made.enable!
    made.register(klass, :other, provider: @namespace)
    klass.new.other
    watching(:other) { klass.new.other }
    klass.new.other
    assert_equal 1, ran
  end

  def test_that_calls_from_threads_never_notice
    klass = Class.new { def total(one, two: 2) yield one + two; end }
    Latency.register(klass, :total, provider: @namespace)
    done = false
    threads = Array.new(3) do
      Thread.new do
        object = klass.new
        calls = 0
        wrong = 0
        until done
          calls += 1
          wrong += 1 unless object.total(calls) { |sum| sum } == calls + 2
        end
        [calls, wrong]
      end
    end
    5.times { watching(:total) { Thread.pass } }
    done = true
    counts = threads.map(&:value)
    assert_equal [0] * 3, counts.map(&:last)
    assert(counts.all? { |calls, _| calls.positive? })
    assert_empty log
  end

  def test_that_rspec_stubs_any_instance_unless_somebody_watches
    begin
      quietly = $VERBOSE
      $VERBOSE = nil # -w is for this gem
      require 'rspec/mocks/standalone'
    rescue LoadError => e
      need(e.message)
    ensure
      $VERBOSE = quietly
    end
    klass = cart
    Latency.register(klass, :total, provider: @namespace)
    watching(:total) {}
    mocks = Object.new.extend(RSpec::Mocks::ExampleMethods)
    RSpec::Mocks.with_temporary_scope do
      mocks.allow_any_instance_of(klass).to mocks.receive(:total).and_return(:stubbed)
      assert_equal :stubbed, klass.new.total(1)
    end
    assert_equal 1, klass.new.total(1).first
    watching(:total) do
      error = assert_raises(RSpec::Mocks::MockExpectationError) do
        RSpec::Mocks.with_temporary_scope do
          mocks.allow_any_instance_of(klass).to mocks.receive(:total).and_return(:stubbed)
        end
      end
      assert_match(/prepended module/, error.message)
    end
  end

  def test_that_a_class_that_zeitwerk_reloads_holds_in_children_too
    need('zeitwerk is not installed') if Gem::Specification.find_all_by_name('zeitwerk').empty?
    Dir.mktmpdir do |directory|
      File.write(File.join(directory, 'cart.rb'), "class Cart\n  def total(tax: 1) tax; end\nend\n")
      output = ruby(<<~RUBY, environment: { 'DIRECTORY' => directory })
        require 'support/self_watch'
        verbose, $VERBOSE = $VERBOSE, nil
        require 'zeitwerk'
        $VERBOSE = verbose
        loader = Zeitwerk::Loader.new
        loader.push_dir(ENV.fetch('DIRECTORY'))
        loader.enable_reloading
        loader.on_load('Cart') { StaticTracing::Tracer::Latency.register(Cart, :total) }
        loader.setup
        StaticTracing.configure do |config|
          config.mode = :auto
          config.interval = 0.001
        end
        def owner; Cart.new.method(:total).owner; end
        def await(wrapped) Thread.pass until wrapped == (owner != Cart); end
        first = Cart
        point = StaticTracing::Tracepoint.fetch(:cart, :total)
        puts owner == Cart
        watch = SelfWatch.new(point)
        await(true)
        Cart.new.total
        loader.reload
        puts first.equal?(Cart), owner != Cart, Cart.new.total(tax: 3), watch.count
        Process.wait(fork { Cart.new.total; loader.reload; puts owner != Cart; Cart.new.total })
        puts watch.count
        watch.close
        await(false)
        loader.reload
        puts owner == Cart, Cart.new.total
      RUBY
      assert_equal %w[true false true 3 2 true 4 true 1], output.split
    end
  end

  def test_that_children_and_ractors_hold
    output = ruby(<<~RUBY)
      require 'support/self_watch'
      class Cart
        def total(tax: 1) tax; end
      end
      StaticTracing.configure do |config|
        config.mode = :auto
        config.interval = 0.001
      end
      StaticTracing::Tracer::Latency.register(Cart, :total)
      point = StaticTracing::Tracepoint.fetch(:cart, :total)
      def await(wrapped) Thread.pass until wrapped == (Cart.new.method(:total).owner != Cart); end
      Process.wait(fork do
        watch = SelfWatch.new(point)
        await(true)
        Cart.new.total
        puts watch.count
      end)
      await(false)
      if RUBY_VERSION >= '3.0'
        ractors = Array.new(2) { Ractor.new(Cart) { |klass| object = klass.new; 30_000.times.count { object.total != 1 } } }
        watch = SelfWatch.new(point)
        await(true)
        watch.close
        puts ractors.map(&:take).sum
      end
    RUBY
    assert_equal RUBY_VERSION >= '3.0' ? %w[1 0] : %w[1], output.split
  end
end
