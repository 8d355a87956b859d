# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Each example, started as it says, is watched by the command that it gives, which prints what it
# says.

require 'support/documents'
require 'tmpdir'

class ExamplesTest < Minitest::Test
  include Documents

  EXAMPLES = 'bindings/ruby/examples'

  # Run an example and its commands.
  # @return [Array<Array<String>>] what each that watches printed
  def watch(name)
    run_section("#{EXAMPLES}/#{name}.rb", name)
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
    # SPDX-License-Identifier: MIT

    # ```sh start watch
    # RST_BACKING=file ruby requests.rb
    # bpftrace -p $PID -e '
    #     usdt:*:rack:request_start { printf("> %s %s\\n", str(arg0), str(arg1)); }
    #     usdt:*:rack:request_finish { printf("< %s %s %d\\n", str(arg0), str(arg1), arg2); }'
    # ```
    # ```text
    # > GET /shop/cart
    # < GET /shop/cart 0
    # > POST /
    # < POST / 204
    # ```

    require '#{ROOT}/#{EXAMPLES}/rack/request_tracing'
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
    Dir.mktmpdir('rst-ruby-test-') do |directory|
      file = File.join(directory, 'requests.rb')
      File.write(file, MIDDLEWARE)
      run_section(file, 'requests')
    end
  end

  def test_that_each_example_is_run
    run = File.read(__FILE__).scan(/watch\('(\w+)'\)/).flatten
    there = Dir.children(File.join(ROOT, EXAMPLES)).grep(/\.rb\z/)
    assert_equal there.map { |name| File.basename(name, '.rb') }.sort, run.sort
  end
end
