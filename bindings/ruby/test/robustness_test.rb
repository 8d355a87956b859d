# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'support/traced'

# Fires amid garbage collections, Ractors, threads, exits and execs, watched and not.
class RobustnessTest < TracedTest
  TEXT = { text: 'printf("%ld %s\n", arg1, str(arg0));' }.freeze
  COUNT = { order: '@hits = count(); @sum = sum(arg0);' }.freeze

  # A script that fires strings of every making, some of which only the fire still knows.
  def check_strings(amid, around: 'yield', rounds: 10)
    shown, = trace(TEXT, <<~RUBY)
      text = declare(:text, String, Integer)
      name = declare(:name, Symbol, Integer)
      def amid
        #{around}
      end
      fire = lambda do |index|
        text.fire("value \#{index} " + 'x' * index, index)
        #{amid}
        text.fire { ["block \#{index} " + 'y' * index, index] }
        #{amid}
        text.fire("wide \#{index}".encode('UTF-16LE'), index)
        #{amid}
        text.fire(("\#{'-' * 40}shared \#{index} tail")[40..-1].dup, index)
      end
      fire.call(0)
      watched { amid { #{rounds}.times(&fire) } }
    RUBY
    wanted = rounds.times.flat_map do |index|
      ["#{index} value #{index} #{'x' * index}", "#{index} block #{index} #{'y' * index}", "#{index} wide #{index}",
       "#{index} shared #{index} tail"]
    end
    assert_equal wanted, shown
  end

  def test_that_strings_survive_gc_stress
    check_strings('', around: "GC.stress = true\nyield\nensure\nGC.stress = false")
  end

  def test_that_strings_survive_compaction
    skip 'this Ruby does not compact' unless GC.respond_to?(:compact)
    check_strings('GC.compact')
  end

  def test_that_strings_survive_compaction_amid_fires
    skip 'this Ruby does not compact by itself' unless GC.respond_to?(:auto_compact=)
    check_strings('GC.start', around: "GC.auto_compact = true\nGC.stress = true\nyield\nensure\nGC.stress = false")
  end

  def test_that_tracepoints_stay_where_they_are_bound_while_everything_moves
    shown, said = trace({ t7: 'printf("%ld\n", arg0);' }, <<~RUBY)
      PROVIDER.batch { 200.times { |index| declare("t\#{index}", Integer) } }
      watched do
        5.times do |round|
          GC.respond_to?(:compact) ? GC.compact : GC.start
          fired = PROVIDER.tracepoints.select { |_, tracepoint| tracepoint.fire(round) }
          say fired.keys
        end
      end
    RUBY
    assert_equal [%w[t7] * 5, %w[0 1 2 3 4]], [said, shown]
  end

  def test_that_ractors_fire_a_constant
    skip 'this Ruby has no Ractors' unless defined?(Ractor)
    shown, said = trace(COUNT, <<~RUBY, one_cpu: false)
      Warning[:experimental] = false
      ORDER = declare(:order, Integer, customer: String)
      def ractors
        all = 4.times.map do |number|
          Ractor.new(number) do |own|
            1000.times.count { |index| index.even? ? ORDER.fire(own, 'Ada') : ORDER.fire { [own, "r\#{index}"] } }
          end
        end
        all.map { |ractor| ractor.respond_to?(:value) ? ractor.value : ractor.take }
      end
      say ractors
      watched { say ractors }
      await_unwatched(ORDER)
      say ractors
    RUBY
    assert_equal ['1000 1000 1000 1000', '0 0 0 0'], said
    assert_equal %w[@hits:\ 4000 @sum:\ 6000], shown.sort
  end

  def test_that_ractors_are_told_what_is_wrong
    skip 'this Ruby has no Ractors' unless defined?(Ractor)
    program = subject(<<~RUBY)
      Warning[:experimental] = false
      ORDER = declare(:order, Integer, customer: String)
      def in_ractor
        ractor = Ractor.new do
          [[1], [nil, 'Ada'], [1, 1], [BasicObject.new, nil]].map do |values|
            ORDER.fire(*values)
          rescue StandardError => e
            "\#{e.class}: \#{e.message}"
          end
        end
        ractor.respond_to?(:value) ? ractor.value : ractor.take
      end
      puts in_ractor
      StaticTracing::Configuration.on_error = :log
      puts in_ractor.inspect
      waiting = Ractor.new { Ractor.respond_to?(:receive) ? Ractor.receive : nil }
      begin
        PROVIDER.destroy
      rescue StaticTracing::Error => e
        puts e.message
      end
      waiting.send(1)
    RUBY
    lines = program.finish
    assert_empty program.errors
    assert_equal %w[ArityError TypeMismatchError TypeMismatchError TypeMismatchError],
                 (lines.first(4).map { |line| line[/\A[\w:]+::(\w+)/, 1] })
    assert_includes lines[0], 'got 1 value, expected 2'
    assert_includes lines[2], 'argument 2 (customer) must be a String or nil, not 1 (Integer)'
    assert_equal '[false, false, false, false]', lines[4]
    assert_includes lines[5], 'while other Ractors run'
  end

  def test_that_threads_fire_while_others_declare_enable_disable_and_destroy
    shown, said = trace(COUNT, <<~RUBY, one_cpu: false)
      order = declare(:order, Integer)
      done = false
      watched do
        steady = Thread.new { (1..Float::INFINITY).find { order.fire(1) && order.fire { 1 } && Thread.pass; done } }
        firing = 3.times.map do
          Thread.new do
            until done
              others = StaticTracing.providers.values.select { |provider| provider.namespace.start_with?('changing') }
              others.flat_map { |provider| provider.tracepoints.values }.each do |tracepoint|
                tracepoint.fire(1)
                tracepoint.fire { 1 }
              end
              Thread.pass
            end
          end
        end
        changing = 3.times.map do |number|
          Thread.new do
            200.times do |index|
              provider = StaticTracing::Provider.register("changing\#{number}")
              provider.add_tracepoint("t\#{index % 5}", Integer)
              provider.public_send(%i[enable disable enable destroy][index % 4])
              Thread.pass
            end
          end
        end
        changing.each(&:join)
        done = true
        say 2 * steady.value
        firing.each(&:join)
      end
    RUBY
    assert_equal ["@hits: #{said[0]}", "@sum: #{said[0]}"], shown.sort
    assert_operator Integer(said[0]), :>, 100
  end

  def test_that_an_exit_fires_to_the_last
    shown, = trace({ order: 'printf("%ld\n", arg0);' }, <<~RUBY)
      order = declare(:order, Integer)
      at_exit { finish }
      at_exit { order.fire(3) }
      at_exit { order.fire { 2 } }
      be_watched
      Thread.new { order.fire(1) }.join
      exit
    RUBY
    assert_equal %w[1 2 3], shown
  end

  def test_that_finalizers_fire
    shown, = trace({ order: 'printf("%ld\n", arg0);' }, <<~RUBY)
      order = declare(:order, Integer)
      be_watched
      kept = Object.new
      ObjectSpace.define_finalizer(kept, proc { order.fire(2); finish })
      100.times { ObjectSpace.define_finalizer(Object.new, proc { order.fire { 1 } }) }
      GC.start
    RUBY
    assert_operator shown.count('1'), :>, 50
    assert_equal '2', shown.find { |line| line == '2' }
  end

  def test_that_a_trap_handler_fires
    shown, = trace({ order: 'printf("%ld %s\n", arg0, str(arg1));' }, <<~RUBY)
      order = declare(:order, Integer, String)
      fired = 0
      trap(:USR1) { order.fire(fired += 1, 'trapped') && order.fire { [fired += 1, 'lazily'] } }
      watched do
        Process.kill(:USR1, Process.pid)
        await('the signal') { fired == 2 }
      end
    RUBY
    assert_equal ['1 trapped', '2 lazily'], shown
  end

  def test_that_what_is_executed_does_not_inherit_the_images
    program = subject(<<~RUBY)
      declare(:order, Integer)
      PROVIDER.enable
      list = "ls -l /proc/self/fd | grep -c memfd:librst"
      puts `\#{list}`, IO.popen(list, close_others: false, &:read)
      system(list, close_others: false)
      puts Dir.children('/proc/self/fd').count { |fd| (File.readlink("/proc/self/fd/\#{fd}") rescue '').include?('memfd:librst') }
      $stdout.flush
      exec(list, close_others: false)
    RUBY
    assert_equal %w[0 0 0 1 0], program.finish, program
  end
end
