# frozen_string_literal: true

require 'helper'
require 'support/tracer_case'

# Modes, signals, and what else can be configured. What signals do is seen in processes of their own.
class ConfigurationTest < TracerCase
  Configuration = StaticTracing::Configuration
  InvalidValueError = Configuration::InvalidValueError

  # What the scripts have in common: a signal sent to oneself, until it has had its effect.
  PRELUDE = <<~'RUBY'
    C = StaticTracing::Configuration
    def wait(seconds = 10)
      deadline = StaticTracing.nsec + seconds * 1_000_000_000
      Thread.pass until (done = yield) || StaticTracing.nsec > deadline
      done or abort "waited in vain at #{caller(1, 1)}"
    end
    def toggles(signal, pid = Process.pid)
      before = StaticTracing.enabled?
      Process.kill(signal, pid)
      wait { StaticTracing.enabled? != before }
    end
    # No effect, and no end: later signals are handled after it.
    def nothing(signal)
      before = StaticTracing.enabled?
      seen = false
      old = trap(:WINCH) { seen = true }
      Process.kill(signal, Process.pid)
      Process.kill(:WINCH, Process.pid)
      wait { seen }
      trap(:WINCH, old)
      Thread.list.each { |thread| thread.join unless thread == Thread.current }
      StaticTracing.enabled? == before or abort "toggled at #{caller(1, 1)}"
    end
  RUBY

  def teardown
    Configuration.on_error = :raise_values
    Configuration.mode = 'OFF'
    super
  end

  def test_that_nothing_is_done_unasked
    said = script(<<~'RUBY')
      p [C.mode, C.signal, C.on_error, StaticTracing.enabled?]
      p(%w[PROF USR1 USR2 HUP].map { |signal| trap(signal, 'DEFAULT') })
    RUBY
    assert_equal ['["OFF", "PROF", :raise_values, false]',
                  '["SYSTEM_DEFAULT", "DEFAULT", "DEFAULT", "DEFAULT"]'], said.lines(chomp: true)
  end

  def test_that_the_backing_is_that_of_providers_that_are_loaded_later
    said = script(<<~'RUBY')
      require 'tmpdir'
      before = StaticTracing::Tracepoint.new(:before, :one)
      later = StaticTracing::Tracepoint.new(:later, :one)
      before.load
      C.backing = "file:#{Dir.tmpdir}"
      later.load
      before.unload
      before.load
      puts before.path.start_with?('/proc/'), later.path.start_with?("#{Dir.tmpdir}/librst-")
      puts C.backing == "file:#{Dir.tmpdir}"
      later.unload
    RUBY
    assert_equal "true\ntrue\ntrue\n", said
  end

  def test_that_a_child_forked_while_another_thread_configures_can_be_configured
    said = script(<<~'RUBY')
      begun = Queue.new
      go_on = Queue.new
      thread = Thread.new { C.configure { |config| config.mode = 'ON'; begun << 1; go_on.pop } }
      begun.pop
      pid = fork do
        C.mode = 'ON'
        on = StaticTracing.enabled?
        C.mode = 'OFF'
        exit!(on && !StaticTracing.enabled? ? 0 : 7)
      end
      puts Process.wait2(pid).last.exitstatus
      go_on << 1
      thread.join
      puts StaticTracing.enabled?
    RUBY
    assert_equal "0\ntrue\n", said
  end

  def test_on_and_off
    Configuration.mode = Configuration::Modes::ON
    assert_predicate StaticTracing, :enabled?
    assert_equal 'ON', StaticTracing.configuration.mode
    StaticTracing.disable!
    Configuration.mode = :on
    assert_predicate StaticTracing, :enabled?
    Configuration.mode = 'OFF'
    refute_predicate StaticTracing, :enabled?
  end

  def test_values_that_there_are_not
    [['mode', 'SOMETIMES', /can't be "SOMETIMES" \(String\); it can be ON, OFF, SIGNAL or AUTO/],
     ['mode', nil, /be nil/],
     ['signal', 'NONE', /can't be "NONE" \(String\); it can be HUP/],
     ['signal', 999, /999/], ['signal', 'EXIT', /EXIT/], ['signal', 0, /be 0/], ['signal', nil, /be nil/],
     ['signal', 'KILL', /can't be KILL: Ruby can't/], ['signal', :INT, /INT, which ends programs; use PROF/],
     ['signal', 'SIGTERM', /TERM, which ends/], ['signal', 'QUIT', /QUIT, which ends/],
     ['signal', 19, /STOP: Ruby can't/],
     ['signal', :SEGV, /SEGV/], ['signal', 'SIGVTALRM', /VTALRM/],
     ['backing', 'disk', /can't be "disk" \(String\); it can be auto/], ['backing', 'file:tmp', /absolute path/],
     ['on_error', :ignore, /can't be :ignore \(Symbol\); it can be :raise, :raise_values or :log/]]
      .each do |what, value, message|
      error = assert_raises(InvalidValueError, "#{what} #{value.inspect}") {
        Configuration.public_send("#{what}=", value)
      }
      assert_match message, error.message
    end
    assert_raises(InvalidValueError) { StaticTracing.configure { |c| c.add_tracer(String) } }
    assert_raises(InvalidValueError) { Configuration.add_tracer(BasicObject.new) }
    assert_raises(InvalidValueError) { Configuration.add_tracer(Base) }
    assert_equal ['OFF', 'PROF', :raise_values], [Configuration.mode, Configuration.signal, Configuration.on_error]
  end

  def test_values_that_are_no_words
    values = [["\xff", /"\\xFF" \(String\)/], ['ON'.encode('UTF-16LE'), /"ON" \(String\)/],
              [2**64, /18446744073709551616/], [-1, /-1 \(Integer\)/], [BasicObject.new, /BasicObject/],
              [[], /Array/], ['', /"" \(String\)/], [Class.new(String) { def to_s; 3; end }.new('x'), /"x"/]]
    %w[mode signal backing on_error].each do |setting|
      before = Configuration.public_send(setting)
      values.each do |value, words|
        error = assert_raises(InvalidValueError) { Configuration.public_send("#{setting}=", value) }
        assert_match(/\A#{setting} can't be (an? )?#{words}/, error.message)
      end
      assert_equal before, Configuration.public_send(setting)
    end
    error = assert_raises(InvalidValueError) { Configuration.backing = "file:/tmp/a\0b" }
    assert_match %r{\Abacking can't be "file:/tmp/a(\\0|\\u0000)b"}, error.message
  end

  def test_that_a_directory_may_have_any_name
    ["file:/tmp/\xff", "file:/tmp/a\nb", 'file:/tmp/é'].each do |backing|
      Configuration.backing = backing
      assert_equal backing, Configuration.backing
      assert_equal [2, backing.b[5..-1]], StaticTracing::LibRST.backing(backing)
    end
  ensure
    Configuration.backing = 'auto'
  end

  def test_that_a_signal_has_many_names
    ['USR2', 'SIGUSR2', :USR2, :sigusr2, Signal.list['USR2']].each do |name|
      Configuration.signal = name
      assert_equal 'USR2', Configuration.signal
    end
  ensure
    Configuration.signal = 'PROF'
  end

  def test_that_a_configuration_that_raises_changes_neither_mode_nor_signal
    assert_raises(InvalidValueError) do
      StaticTracing.configure do |c|
        c.mode = 'ON'
        c.signal = 'KILL'
      end
    end
    refute_predicate StaticTracing, :enabled?
    assert_equal 'OFF', Configuration.mode
  end

  def test_that_what_cannot_take_effect_is_not_said_to_be
    said = script(<<~'RUBY')
      C.mode = 'ON'
      C::Toggle.class_eval { private def trap(*) raise ArgumentError, 'no signal'; end }
      [-> { C.mode = 'SIGNAL' },
       -> { C.configure { |config| config.signal = 'USR2'; config.mode = 'SIGNAL' } }].each do |change|
        change.call
      rescue ArgumentError => e
        p [e.message, C.mode, C.signal, StaticTracing.enabled?]
      end
    RUBY
    assert_equal ['["no signal", "ON", "PROF", true]'] * 2, said.lines(chomp: true)
  end

  def test_that_a_configuration_may_be_left_early
    catch(:done) do
      Configuration.configure do |config|
        config.mode = 'ON'
        throw :done
      end
    end
    assert_equal ['ON', true], [Configuration.mode, StaticTracing.enabled?]
  end

  def test_that_added_tracers_are_enabled_with_the_rest
    own = tracer
    assert_same Configuration.instance, (StaticTracing.configure { |c| c.add_tracer(own) })
    refute_predicate own, :enabled?
    Configuration.mode = 'ON'
    assert_predicate own, :enabled?
    late = tracer
    Configuration.add_tracer(late)
    assert_predicate late, :enabled?
    Configuration.mode = 'OFF'
    refute_predicate late, :enabled?
  end

  def test_that_errors_are_logged_instead
    tracepoint = StaticTracing::Tracepoint.new(@namespace, :wrong, Integer)
    assert_raises(StaticTracing::Tracepoint::InvalidArgumentError) { tracepoint.fire('x') }
    Configuration.on_error = 'log'
    2.times { refute tracepoint.fire('x') }
    assert_equal 1, log.scan('logged once').size
  end

  def test_that_signals_toggle
    script(<<~'RUBY')
      class Cart; def total; end; end
      StaticTracing::Tracer::Latency.register(Cart, :total)
      StaticTracing.configure { |c| c.mode = 'SIGNAL'; c.signal = 'SIGUSR2' }
      StaticTracing.enabled? and abort 'enabled'
      toggles :USR2
      Cart.new.method(:total).owner == Cart and abort 'not wrapped'
      toggles :USR2
      Cart.new.method(:total).owner == Cart or abort 'wrapped'
      trap(:PROF, 'DEFAULT') == 'SYSTEM_DEFAULT' or abort 'PROF was taken'
    RUBY
  end

  def test_that_signals_toggle_while_locks_are_held
    script(<<~'RUBY')
      C.mode = 'SIGNAL'
      StaticTracing::Tracer.synchronize { Process.kill(:PROF, Process.pid); sleep 0 }
      wait { StaticTracing.enabled? }
      StaticTracing.logger.instance_variable_get(:@logdev)
      200.times { toggles :PROF }
    RUBY
  end

  def test_that_a_handler_is_kept_called_and_restored
    script(<<~'RUBY')
      calls = []
      mine = proc { |number| calls << number }
      trap(:USR1, mine)
      C.signal = 'USR1'
      C.mode = 'SIGNAL'
      toggles :USR1
      calls == [Signal.list['USR1']] or abort "calls: #{calls}"
      C.mode = 'SIGNAL'
      toggles :USR1
      calls.size == 2 or abort "calls: #{calls}"
      C.mode = 'OFF'
      nothing :USR1
      calls.size == 3 or abort "calls: #{calls}"
      trap(:USR1, 'DEFAULT').equal?(mine) or abort 'not restored'
    RUBY
  end

  def test_that_no_signal_is_left_that_kills
    script(<<~'RUBY')
      %w[PROF USR1 HUP ALRM].each do |signal|
        C.signal = signal
        C.mode = 'SIGNAL'
        toggles signal
        C.mode = 'OFF'
        nothing signal
        C.mode = 'SIGNAL'
        toggles signal
        C.mode = 'ON'
        nothing signal
      end
    RUBY
  end

  def test_that_a_command_is_restored
    script(<<~'RUBY')
      { 'USR1' => 'IGNORE', 'USR2' => 'EXIT', 'CHLD' => 'DEFAULT' }.each do |signal, command|
        trap(signal, command)
        C.signal = signal
        C.mode = 'SIGNAL'
        toggles signal
        C.mode = 'OFF'
        found = trap(signal, 'IGNORE')
        [command, 'SYSTEM_DEFAULT'].include?(found) or abort "#{signal}: #{found.inspect}"
      end
    RUBY
  end

  def test_that_what_is_ignored_is_ignored_again
    script(<<~'RUBY')
      ignored = -> { File.read('/proc/self/status')[/^SigIgn:\s*(\h+)/, 1].to_i(16)[Signal.list['USR1'] - 1] }
      [nil, '', 'SIG_IGN'].each do |command|
        trap(:USR1, command)
        C.signal = 'USR1'
        C.mode = 'SIGNAL'
        toggles :USR1
        C.mode = 'OFF'
        ignored.call == 1 or abort "#{command.inspect}: not ignored"
      end
    RUBY
  end

  def test_that_who_has_taken_the_signal_since_keeps_it
    script(<<~'RUBY')
      C.mode = 'SIGNAL'
      calls = 0
      before = nil
      theirs = proc { |number| calls += 1; before.call(number) }
      before = trap(:PROF, theirs)
      toggles :PROF
      C.mode = 'OFF'
      nothing :PROF
      calls == 2 or abort "calls: #{calls}"
      C.mode = 'SIGNAL'
      toggles :PROF
      calls == 3 or abort "calls: #{calls}"
      C.mode = 'OFF'
      trap(:PROF, 'IGNORE').equal?(theirs) or abort 'not theirs'
    RUBY
  end

  def test_that_the_signal_moves
    script(<<~'RUBY')
      C.mode = 'SIGNAL'
      toggles :PROF
      C.signal = 'USR2'
      toggles :USR2
      nothing :PROF
    RUBY
  end

  def test_that_a_forked_child_toggles_itself_alone
    script(<<~'RUBY')
      C.mode = 'SIGNAL'
      toggles :PROF
      ready, say = IO.pipe
      pid = fork do
        trap(:TERM) { exit!(0) }
        say.puts StaticTracing.enabled?
        wait { !StaticTracing.enabled? }
        say.puts StaticTracing.enabled?
        toggles :PROF
        say.puts StaticTracing.enabled?
        sleep
      end
      ready.gets == "true\n" or abort 'not inherited'
      Process.kill(:PROF, pid)
      [ready.gets, ready.gets] == %W[false\n true\n] or abort 'not toggled'
      StaticTracing.enabled? or abort 'the parent was toggled, too'
      Process.kill(:TERM, pid)
      Process.wait(pid)
      toggles :PROF
    RUBY
  end

  private

  def script(text)
    ruby(PRELUDE + text)
  end
end
