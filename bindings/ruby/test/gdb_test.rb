# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'support/traced'
require 'support/values'

# gdb lists a Ruby program's tracepoints, stops at them, and shows every argument.
class GdbTest < TracedTest
  def stop_at(tracepoint, commands)
    "break -probe-stap #{tracepoint}\ncommands\nsilent\n#{commands}\nend\n"
  end

  # Commands that print each argument on a line of its own.
  def prints(name, types)
    arguments = types.each_with_index.map do |type, index|
      value = "printf \"#{name} #{index} \"\n"
      next "#{value}output $_probe_arg#{index}\nprintf \"\\n\"\n" unless Values.text?(type)

      "#{value}if $_probe_arg#{index}\nprintf \"%s\", (char *)$_probe_arg#{index}\nend\nprintf \"\\n\"\n"
    end
    "printf \"#{name} argc %d\\n\", $_probe_argc\n#{arguments.join}continue\n"
  end

  # The lines that #prints makes of a fire.
  def printed(name, types, values)
    ["#{name} argc #{types.size}"] + types.zip(values).each_with_index.map do |(type, value), index|
      "#{name} #{index} #{Values.seen(type, value).to_s.b}".b
    end
  end

  # Run a script, watched by gdb, with what it does at a stop.
  # @return [Array(Array<String>, Array<String>)] what gdb printed since, and what the script said
  def trace(actions, script, before: '')
    need(Tracers.gdb_refusal)
    traced = subject(script)
    traced.await_ready
    stops = actions.map { |name, commands| stop_at("subject:#{name}", commands) }.join
    tool = gdb("#{before}#{stops}#{stop_at('subject_finish:finish', '')}" \
               "printf \"watching\\n\"\ncontinue\ndetach\nquit\n", pid: traced.pid)
    tool.await
    traced.tell(*actions.keys.map { |name| "subject:#{name}" }, 'subject_finish:finish')
    lines = tool.finish
    said = traced.said
    assert traced.status.success?, traced
    [lines, said]
  end

  def test_that_every_type_shows_its_edges_at_every_place
    actions = Values.tracepoints.to_h { |name, types| [name, prints(name, types)] }
    wanted = Values.fires.flat_map { |name, values| printed(name, Values.tracepoints[name], values) }
    lines, = trace(actions, <<~RUBY)
      require 'support/values'
      tracepoints = Values.tracepoints.to_h { |name, types| [name, declare(name, *types)] }
      watched do
        Values.fires.each { |name, values| tracepoints[name].fire(*values) }
      end
    RUBY
    assert_equal wanted, lines.map(&:b).grep(/\Aof_/)
  end

  def test_that_a_string_of_a_megabyte_shows_to_its_last_byte
    lines, = trace({ text: "printf \"%s|%d\\n\", (char *)$_probe_arg0 + $_probe_arg1 - 8, " \
                           "*((char *)$_probe_arg0 + $_probe_arg1)\ncontinue\n" }, <<~RUBY)
      text = declare(:text, String, Integer)
      long = 'x' * (1 << 20) + 'ends so.'
      shared = ('-' * 100 + long)[100..-1]
      watched { [long, shared, long[0, 5000]].each { |string| text.fire(string, string.bytesize) } }
    RUBY
    assert_equal ['ends so.|0', 'ends so.|0', 'xxxxxxxx|0'], lines.grep(/\|/)
  end

  def test_that_gdb_lists_the_tracepoints_with_their_paths
    lines, said = trace({}, <<~RUBY, before: "info probes stap subject\n")
      order = declare(:order, Integer)
      PROVIDER.enable
      late = declare(:late, String)
      watched { say order.path, late.path }
    RUBY
    rows = lines.grep(/\Astap +subject /).to_h { |line| line.split.values_at(2, 5) }
    assert_equal({ 'order' => said[0].split[0], 'late' => said[0].split[1] }, rows)
  end

  def test_that_a_stack_leads_from_the_probe_into_ruby
    lines, = trace({ order: "backtrace\ncontinue\n" }, <<~RUBY)
      order = declare(:order, Integer)
      def checkout(order)
        order.fire(1)
      end
      watched { checkout(order) }
    RUBY
    frames = lines.grep(/\A#\d/).map { |line| line[/(?:in )?(\S+) \(/, 1] }
    assert_equal 'subject.order', frames.first, lines
    assert_includes frames, 'tracepoint_fire_values', lines
    assert_includes frames, 'ruby_run_node', lines
  end

  def test_that_gdb_reads_what_a_lazy_block_looked_up
    lines, said = trace({ order: prints('order', [Integer, String]) }, <<~RUBY)
      order = declare(:order, Integer, String)
      say order.fire { abort 'run unwatched' }
      watched { say order.fire { [7, %w[Ada Grace].join(' and ')] } }
    RUBY
    assert_equal ['order argc 2', 'order 0 7', 'order 1 Ada and Grace'], lines.grep(/\Aorder/)
    assert_equal %w[true], said
  end

  def test_that_gdb_reads_a_late_tracepoint
    types = [String, :uint8, :bool]
    lines, said = trace({ late: prints('late', types) }, <<~RUBY)
      declare(:early, Integer)
      PROVIDER.enable
      late = declare(:late, String, :uint8, :bool)
      watched { say late.fire('late', 200, true), late.path == PROVIDER.path }
    RUBY
    assert_equal printed('late', types, ['late', 200, true]), lines.map(&:b).grep(/\Alate/)
    assert_equal ['true false'], said
  end

  def test_that_gdb_reads_a_latency
    lines, said = trace({ work: prints('work', [String, Integer]) }, <<~RUBY)
      class Worker
        def work; sleep 0.02; :done; end
      end
      StaticTracing::Tracer::Latency.register(Worker, :work, provider: PROVIDER)
      StaticTracing.enable!
      watched do
        before = StaticTracing.nsec
        result = Worker.new.work
        say result, StaticTracing.nsec - before
      end
    RUBY
    assert_equal ['work argc 2', 'work 0 work'], lines.grep(/\Awork/).first(2)
    result, whole = said[0].split
    assert_equal 'done', result
    assert_includes 20_000_000..whole.to_i, lines.grep(/\Awork 1 /)[0][/\d+\z/].to_i
  end

  def test_that_gdb_reads_a_whole_stack
    commands = <<~'GDB'
      printf "total %s %d\n%s|\n", (char *)$_probe_arg0, $_probe_arg2, (char *)$_probe_arg1
      continue
    GDB
    lines, = trace({ total_stack: commands }, <<~RUBY)
      class Cart
        def total; 1; end
      end
      def deep(cart, depth) depth.zero? ? cart.total : deep(cart, depth - 1); end
      StaticTracing::Tracer::Stack.register(Cart, :total, provider: PROVIDER)
      StaticTracing.enable!
      watched { deep(Cart.new, 50) }
    RUBY
    at = lines.index { |line| line.start_with?('total total ') }
    stack = lines[at + 1..-1].join("\n")[/\A.*?(?=\|)/m]
    assert_equal stack.bytesize, lines[at][/\d+\z/].to_i
    deep, others = stack.lines(chomp: true).partition { |line| line.match?(/\A-e:4:in .*deep'\z/) }
    assert_equal [51, deep], [deep.size, stack.lines(chomp: true).first(51)]
    assert_match(/\A-e:7:in/, others.first)
  end
end
