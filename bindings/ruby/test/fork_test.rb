# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'support/traced'

# A preforking server's workers are watched, all by one path, and each by its own.
class ForkTest < TracedTest
  COUNT = '@hits[pid] = count();'
  WORKERS = 4

  # What the workers run: each in turn says where its own tracepoints are, and all fire when they
  # are told to.
  WORKERS_SCRIPT = <<~RUBY
    ORDER = declare(:order, Integer, String)
    def in_turn
      File.open(ORDER.path) { |file| file.flock(File::LOCK_EX) && yield }
    end
    def work(times)
      told = false
      trap(:USR1) { told = true }
      in_turn do
        say 'worker', Process.pid
        tell_paths
      end
      await('the word to fire') { told }
      await_watched(ORDER, FINISH)
      fired = times.times.count { |index| index.odd? ? ORDER.fire(index, 'Ada') : ORDER.fire { [index, 'Ada'] } }
      say 'fired', Process.pid, fired
    end
    def fork_workers
      #{WORKERS}.times.map { |number| fork { work(number + 1); yield; exit!(0) } }
    end
  RUBY

  # @return [Hash{Integer => Hash}] the workers' tracepoints by their process ids
  def await_workers(traced, count)
    count.times.to_h do
      pid = Integer(traced.wait_for(/\Aworker (\d+)\z/)[1])
      traced.tracepoints.clear
      traced.await_ready
      [pid, traced.tracepoints.dup]
    end
  end

  def fired(lines)
    lines.map { |line| line[/\Afired (.*)/, 1] }.compact.to_h { |words| words.split.map(&:to_i) }
  end

  def counted(lines)
    lines.to_h { |line| line.match(/\A@hits\[(\d+)\]: (\d+)\z/).captures.map(&:to_i) }
  end

  def test_that_all_workers_are_watched_by_their_parents_path
    traced = subject(WORKERS_SCRIPT + <<~RUBY)
      PROVIDER.enable
      FINISH.load
      tell_paths
      workers = fork_workers {}
      workers.each { |pid| Process.wait(pid) }
      finish
    RUBY
    traced.await_ready
    tracepoints = traced.tracepoints.dup
    workers = await_workers(traced, WORKERS)
    tool = bpftrace("usdt:#{tracepoints['order']} { #{COUNT} } usdt:#{tracepoints['finish']} { exit(); }")
    tool.await
    Process.kill(:USR1, *workers.keys)
    printed = counted(tool.printed)
    assert_equal fired(traced.finish), printed, tool
    assert_equal [1, 2, 3, 4], printed.values.sort
    assert_equal workers.keys.sort, printed.keys.sort
    assert_empty traced.errors
  end

  # Attach one bpftrace to each worker, have all fire, and see that each saw its own alone.
  def check_each(traced, workers)
    workers.each { |pid, tracepoints| tracepoints.each_value { |at| assert_match %r{\A/proc/#{pid}/fd/}, at } }
    tools = workers.to_h do |pid, at|
      [pid, bpftrace("usdt:#{at['order']} { #{COUNT} } usdt:#{at['finish']} { exit(); }", pid: pid)]
    end
    tools.each_value(&:await)
    Process.kill(:USR1, *workers.keys)
    printed = tools.values.map { |tool| counted(tool.printed) }
    assert_equal fired(traced.finish), printed.reduce({}, :merge), traced
    assert_equal [1] * workers.size, printed.map(&:size)
    assert_equal workers.keys, printed.flat_map(&:keys)
    assert_empty traced.errors
  end

  def test_that_each_worker_is_watched_by_its_own_path
    traced = subject(WORKERS_SCRIPT + <<~RUBY)
      StaticTracing.enable!
      fork_workers { finish }.each { |pid| Process.wait(pid) }
    RUBY
    check_each(traced, await_workers(traced, WORKERS))
  end

  def test_that_workers_are_watched_after_their_parents_end
    traced = subject(WORKERS_SCRIPT + <<~RUBY)
      StaticTracing.enable!
      fork_workers { finish }
      exit!(0)
    RUBY
    workers = await_workers(traced, WORKERS)
    traced.await_end
    check_each(traced, workers)
  end

  def test_that_workers_load_what_they_declare_themselves
    traced = subject(WORKERS_SCRIPT + <<~RUBY)
      StaticTracing.enable!
      FINISH.load
      fork do
        own = declare(:own, String)
        watched { own.fire('mine') }
      end
      Process.wait
    RUBY
    traced.await_ready
    pid = Integer(traced.tracepoints.fetch('own')[%r{/proc/(\d+)/}, 1])
    refute_equal traced.pid, pid
    tool = watch({ own: 'printf("%s\n", str(arg0));' }, traced, pid: pid)
    assert_equal %w[mine], tool.printed
    assert_empty traced.tap(&:finish).errors
  end

  def test_that_a_child_that_unloads_leaves_its_parent_watched
    shown, = trace({ order: 'printf("%ld\n", arg0);' }, <<~RUBY)
      order = declare(:order, Integer)
      watched do
        Process.wait(fork { PROVIDER.disable; PROVIDER.destroy; exit!(order.fire(1) ? 1 : 0) })
        exit 1 unless $?.success?
        order.fire(2)
      end
    RUBY
    assert_equal %w[2], shown
  end

  def test_that_a_daemon_is_watched
    traced = subject(<<~RUBY)
      order = declare(:order, Integer)
      StaticTracing.enable!
      Process.daemon(true, true)
      say 'worker', Process.pid
      watched { order.fire(7) }
    RUBY
    pid = Integer(traced.wait_for(/\Aworker (\d+)\z/)[1])
    traced.await_ready
    refute_equal traced.pid, pid
    assert_equal %w[7], watch({ order: 'printf("%ld\n", arg0);' }, traced, pid: pid).printed
    assert_empty traced.tap(&:finish).errors
  end
end
