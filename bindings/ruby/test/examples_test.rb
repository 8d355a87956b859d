# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Each example, started as it says, is watched by the command that it gives, which prints what it
# says.

require 'support/watching'

# The comment that an example begins with: indented blocks, of which the first is commands, and the
# others are what those that watch print.
class Introduction
  INDENT = '    '

  # What a block of output is preceded by, if it is one of many possible.
  SAMPLE = /for example/.freeze

  Block = Struct.new(:prose, :lines) do
    def sample
      SAMPLE.match?(prose)
    end
  end

  # @return [Array<String>] the commands, but for the one that starts the example
  attr_reader :commands

  # @return [Array<Block>] what the commands that watch print
  attr_reader :outputs

  def initialize(file)
    first, *@outputs = blocks(File.read(file, encoding: 'UTF-8')[/\n\n((?:#.*\n)+)/, 1].gsub(/^# ?/, ''))
    start, *@commands = Shown.statements(first.lines)
    return if start == "RST_BACKING=file ruby #{File.basename(file)}"

    raise "#{file}: it is not said how to start it"
  end

  private

  def blocks(text)
    text.lines(chomp: true).each_with_object([]) do |line, blocks|
      if line.start_with?(INDENT)
        blocks.last.lines << line.delete_prefix(INDENT)
      elsif !line.empty?
        blocks << Block.new(+'', []) if blocks.empty? || blocks.last.lines.any?
        blocks.last.prose << line << ' '
      end
    end
  end
end

class ExamplesTest < WatchingTest
  EXAMPLES = File.expand_path('../examples', __dir__)

  # Run an example and its commands.
  # @return [Array<Array<String>>] what each that watches printed
  def watch(name)
    file = File.join(EXAMPLES, "#{name}.rb")
    introduction = Introduction.new(file)
    outputs = introduction.outputs.dup
    shop = start_program(file)
    printed = introduction.commands.map do |command|
      next run_command(command, shop) unless command.start_with?('bpftrace')

      output = outputs.shift || raise("#{name}: no output of #{command}")
      assert_shows(output.lines, command, shop, sample: output.sample)
    end
    assert_empty outputs, "#{name}: outputs of no command"
    assert_equal shop.variables.map { |pair| pair.join('=') }.join("\n"), shop.errors.strip
    printed.compact
  end

  def run_command(command, shop)
    assert system(shop.variables, command), command
    nil
  end

  # @return [Array<Array<Integer, String>>] lines of a number and words
  def rows(lines, pattern)
    lines.map { |line| pattern.match(line) }.compact.map { |found| [found[1].to_i, *found.captures.drop(1)] }
  end

  def assert_consecutive(numbers)
    assert_operator numbers.size, :>, 1, numbers
    assert_equal (numbers.first..numbers.last).to_a, numbers
  end

  def test_tracepoint
    orders = rows(watch('tracepoint').first, /\A(\d+) (Ada|Grace)\z/)
    assert_consecutive(orders.map(&:first))
    orders.each { |order, customer| assert_equal order.odd? ? 'Ada' : 'Grace', customer }
  end

  def test_that_a_lazy_block_runs_only_while_it_is_watched
    orders = rows(watch('lazy_block').first, /\Aorder (\d+), summary (\d+): /)
    assert_consecutive(orders.map(&:first))
    summaries = orders.map { |_, summary| summary.to_i }
    assert_consecutive(summaries)
    # bpftrace attaches a little after the kernel has begun to count it.
    assert_includes 1..5, summaries.first
    assert_operator orders.first.first, :>, summaries.first
  end

  def test_types
    watch('types')
  end

  def test_latency
    printed = watch('latency').first.join("\n")
    shortest = printed.scan(/@us\[total\]: *\n\[(\w+), /).flatten
    assert_equal ['8K'], shortest, printed
  end

  def test_a_long_stack
    watch('stack')
  end

  def test_a_tracer_of_ones_own
    watch('own_tracer')
  end

  def test_a_signal_that_toggles
    watch('signal')
  end

  def test_workers_that_are_forked
    all, one = watch('prefork')
    assert_equal 4, all.grep(/\A@jobs\[\d\]: \d+\z/).size, all
    assert_equal ['2'], one.grep(/\A\d+\z/).uniq, one
  end

  def test_ractors
    skip('this Ruby has no Ractors') unless defined?(Ractor)
    watch('ractor')
  end

  # Requests through examples/rack/request_tracing.rb, of applications that raise, and that write to env.
  MIDDLEWARE = <<~RUBY
    require '#{EXAMPLES}/rack/request_tracing'
    StaticTracing.enable!
    warn "PID=\#{Process.pid}"

    failing = RequestTracing.new(->(env) { raise ArgumentError, env['PATH_INFO'] = '/changed' })
    empty = RequestTracing.new(->(_env) { [204, {}, []] })
    600.times do
      failing.call('REQUEST_METHOD' => 'GET', 'SCRIPT_NAME' => '/shop', 'PATH_INFO' => '/cart')
    rescue ArgumentError
      abort unless empty.call('REQUEST_METHOD' => 'POST', 'SCRIPT_NAME' => '', 'PATH_INFO' => '/') == [204, {}, []]
      sleep 0.1
    end
  RUBY

  def test_that_the_rack_middleware_fires_for_answers_and_for_exceptions
    file = File.join(@directory, 'requests.rb')
    File.write(file, MIDDLEWARE)
    assert_shows(['> GET /shop/cart', '< GET /shop/cart 0', '> POST /', '< POST / 204'],
                 <<~'SHELL', start_program(file))
                   bpftrace -p $PID -e '
                       usdt:*:rack:request_start { printf("> %s %s\n", str(arg0), str(arg1)); }
                       usdt:*:rack:request_finish { printf("< %s %s %d\n", str(arg0), str(arg1), arg2); }'
                 SHELL
  end

  def test_that_each_example_is_run
    run = File.read(__FILE__).scan(/watch\('(\w+)'\)/).flatten
    assert_equal Dir.children(EXAMPLES).grep(/\.rb\z/).map { |name| File.basename(name, '.rb') }.sort, run.sort
  end
end
