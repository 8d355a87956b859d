# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# Subscribers are told once that a tracer attaches, and once that it detaches.
class WatcherTest < TracerCase
  Watcher = StaticTracing::Watcher

  def setup
    super
    Watcher.thread = false
    @told = []
    @one, @two = %i[one two].map { |name| StaticTracing::Tracepoint.new(@namespace, name, Integer) }
    StaticTracing.enable!
    @subscriptions = []
  end

  def teardown
    @subscriptions.each(&:cancel)
    Watcher.thread = true
    Watcher.interval = Watcher::INTERVAL
    super
  end

  def watch(*tracepoints, attached: -> { @told << :attached }, detached: -> { @told << :detached })
    @subscriptions << Watcher.watch(tracepoints, attached: attached, detached: detached)
    @subscriptions.last
  end

  # While the block runs, a tracer is attached.
  def attached(tracepoint = @one)
    watch = FireCount.new(tracepoint)
    yield
  ensure
    watch&.close
  end

  def test_that_the_first_tracer_and_the_last_are_told
    watch(@one, @two)
    refute Watcher.check
    attached do
      assert Watcher.check
      attached { refute Watcher.check }
      attached(@two) { refute Watcher.check }
      assert_equal %i[attached], @told
    end
    assert Watcher.check
    refute Watcher.check
    attached(@two) { Watcher.check }
    Watcher.check
    assert_equal %i[attached detached] * 2, @told
  end

  def test_that_each_subscription_is_told_of_its_own
    watch(@two)
    subscription = watch(@one, attached: -> { @told << :one })
    other = watch(@one, attached: -> { @told << :other })
    attached do
      Watcher.check
      assert_equal [true, true, false], [subscription, other, @subscriptions.first].map(&:attached?)
    end
    assert_equal %i[one other], @told
  end

  def test_that_cancel_detaches_and_tells_nothing_more
    subscription = watch(@one)
    attached do
      Watcher.check
      2.times { subscription.cancel }
      assert_equal [%i[attached detached], true, false], [@told, subscription.cancelled?, subscription.attached?]
      Watcher.check
    end
    watch(@one).cancel
    assert_equal %i[attached detached], @told
  end

  def test_that_a_callback_may_do_everything
    subscription = watch(@one, attached: lambda {
      @told << :attached
      Watcher.check
      subscription.cancel
      watch(@two)
    })
    attached { Watcher.check }
    assert_equal %i[attached detached], @told
    attached(@two) { Watcher.check }
    assert_equal %i[attached detached attached], @told
  end

  def test_that_an_error_of_a_callback_is_logged_once_and_what_follows_is_told
    watch(@one, attached: -> { raise IOError, 'no' })
    2.times do
      attached { assert Watcher.check }
      assert Watcher.check
    end
    assert_equal %i[detached detached], @told
    assert_equal 1, log.scan('no (IOError; logged once)').size, log
  end

  def test_that_what_is_not_rescued_reaches_who_checks_and_counts_as_told
    watch(@one, attached: -> { raise NoMemoryError })
    attached { assert_raises(NoMemoryError) { Watcher.check } }
    assert Watcher.check
    assert_equal %i[detached], @told
  end

  def test_that_another_threads_exception_waits_for_the_callback
    late = Class.new(StandardError)
    main = Thread.current
    watch(@one, attached: lambda {
      Thread.new { main.raise(late) }
      Thread.pass until Thread.pending_interrupt?
      @told << :attached
    })
    attached { assert_raises(late) { Watcher.check } }
    assert_equal %i[attached], @told
    assert_empty log
  end

  def test_that_a_provider_that_is_destroyed_detaches
    watch(@one)
    attached do
      Watcher.check
      StaticTracing.providers[@namespace].destroy
      assert Watcher.check
    end
    assert_equal %i[attached detached], @told
  end

  def test_that_looking_allocates_nothing_that_grows
    100.times { |number| watch(StaticTracing::Tracepoint.new(@namespace, "many#{number}")) }
    groups = @subscriptions.map(&:tracepoints)
    known = "\0".b * groups.size
    before = GC.stat(:total_allocated_objects)
    1000.times { StaticTracing::Native.changed(groups, known) }
    assert_operator GC.stat(:total_allocated_objects) - before, :<, 10
  end

  def test_that_a_safe_point_looks_once_in_an_interval
    watch(@one)
    Watcher.check
    attached do
      Watcher.interval = 1000
      refute Watcher.safe_point
      Watcher.interval = 1e-9
      assert Watcher.safe_point
      assert_equal %i[attached], @told
    end
  end

  def test_that_the_thread_looks_and_does_so_at_once_after_a_change
    queue = Queue.new
    watch(@one, attached: -> { queue << :attached }, detached: -> { queue << Thread.current.name })
    Watcher.interval = 1000
    Watcher.thread = true
    attached do
      Watcher.interval = 0.001
      assert_equal :attached, queue.pop
      refute Watcher.safe_point
    end
    assert_equal Watcher::NAME, queue.pop
    assert(Thread.list.find { |one| one.name == Watcher::NAME }.thread_variable_get(:fork_safe))
    thread = Thread.list.find { |one| one.name == Watcher::NAME }
    Watcher.thread = false
    thread.join
  end

  def test_that_wrong_arguments_are_named
    nothing = -> {}
    {
      [[:one], nothing, nothing] => 'only tracepoints can be watched, not :one (Symbol)',
      [[], nothing, nothing] => 'watch needs at least one tracepoint',
      [[@one], nothing, 7] => 'attached: and detached: must have the method call, not 7 (Integer)'
    }.each do |(tracepoints, attached, detached), message|
      error = assert_raises(ArgumentError) { Watcher.watch(tracepoints, attached: attached, detached: detached) }
      assert_equal message, error.message
    end
    [0, -1, nil, '1', Float::NAN, Float::INFINITY].each do |wrong|
      error = assert_raises(ArgumentError) { Watcher.interval = wrong }
      assert_match(/\Athe interval must be a number of seconds greater than 0, not /, error.message)
      assert_raises(StaticTracing::Configuration::InvalidValueError) { StaticTracing.configuration.interval = wrong }
    end
    assert_equal Watcher::INTERVAL, StaticTracing::Configuration.interval
    assert_raises(TypeError) { StaticTracing::Native.changed([[7]], "\0") }
    assert_raises(TypeError) { StaticTracing::Native.changed([7], "\0") }
  end

  # In one process, with all that it takes to start one: forks, a daemon, and an end.
  def test_that_children_are_told_and_that_the_end_is_quiet
    output = ruby(<<~RUBY)
      require 'support/self_watch'
      POINT = StaticTracing::Tracepoint.new(:shop, :order)
      StaticTracing.enable!
      Watcher = StaticTracing::Watcher
      Watcher.interval = 0.001
      TOLD = Queue.new
      Watcher.watch([POINT], attached: -> { TOLD << 'attached' }, detached: -> { TOLD << 'detached' })
      def child(name)
        watch = SelfWatch.new(POINT)
        told = TOLD.pop
        watch.close
        puts "\#{name} \#{told} \#{TOLD.pop}"
        $stdout.flush
      end
      child('parent')
      Process.wait(fork { child('child'); Process.wait(fork { child('grandchild') }) })
      Thread.new { Process.wait(fork { child('child of a thread') }) }.join

      # Forked while the thread is in a callback, which the child's thread begins again.
      main, release = Queue.new, Queue.new
      slow = Watcher.watch([POINT], attached: -> { main << 'begun'; release.pop }, detached: -> {})
      watch = SelfWatch.new(POINT)
      main.pop
      Process.wait(fork { puts "again \#{main.pop}"; release << 1 })
      release << 1
      watch.close
      slow.cancel

      # Not even a thread that lets nothing through begins one that can't be ended; nor does one that
      # waits within a callback keep the process.
      Watcher.thread = false
      Thread.handle_interrupt(Object => :never) { Watcher.thread = true }
      Watcher.watch([POINT], attached: -> { main << 'waits'; sleep }, detached: -> {})
      watch = SelfWatch.new(POINT)
      puts main.pop
      $stdout.flush
      if defined?(Ractor) && RUBY_VERSION >= '3.0'
        puts Ractor.new { StaticTracing::Watcher.check }.take
      end
      read, write = IO.pipe
      Process.wait(fork { Process.daemon(true, true); write.puts("daemon \#{Thread.list.size}"); exit!(0) })
      puts read.gets
    RUBY
    expected = ['parent attached detached', 'child attached detached', 'grandchild attached detached',
                'child of a thread attached detached', 'again begun', 'waits', 'false', 'daemon 2']
    expected.delete('false') if RUBY_VERSION < '3.0'
    assert_equal expected, output.lines(chomp: true)
  end
end
