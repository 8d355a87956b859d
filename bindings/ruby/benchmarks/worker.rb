# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Measures one contender, a round for each line `round` on standard input.
#
#   worker.rb CONTENDER
#
# It says `ready` and what bpftrace is to attach to, if anything; calls the contender's beacon until
# `measure` comes; and answers each `round` with a line of JSON. Nothing is printed in between.

require 'json'
require 'ruby-static-tracing'
require_relative 'contenders'

module Bench
  SUBJECT = Subject.new
  TWO = 'two'
  POINT = StaticTracing::Tracepoint.new(:bench, :point, one: Integer, two: String)

  # Operations in a row, between which the loop's own cost is shared out.
  ROW = 20

  # How long a round is, in nanoseconds of this thread's CPU time.
  ROUND = 10_000_000

  module_function

  def cpu_time
    Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID, :nanosecond)
  end

  # @return [Proc] which runs the operation ROW times as often as it is told
  def compile(contender)
    eval <<~RUBY, binding, __FILE__, __LINE__ + 1
      lambda do |rows|
        while rows > 0
          #{Array.new(ROW, contender.operation).join("\n")}
          rows -= 1
        end
      end
    RUBY
  end

  # @return [Integer] how many rows take about a round; on the way there, a JIT has compiled them
  def calibrate(run)
    rows = 16
    loop do
      start = cpu_time
      run.call(rows)
      took = cpu_time - start
      return [rows * ROUND / took, 1].max if took > ROUND

      rows *= 2
    end
  end

  def round(run, rows)
    allocated = GC.stat(:total_allocated_objects)
    start = cpu_time
    run.call(rows)
    took = cpu_time - start
    allocated = GC.stat(:total_allocated_objects) - allocated
    operations = rows * ROW
    # What the measurement allocates itself is shared by so many operations that it rounds to 0.
    { ns: took.to_f / operations, allocations: (allocated.to_f / operations).round(3), operations: operations }
  end

  def say(words)
    $stdout.puts(words)
    $stdout.flush
  end

  def main(contender)
    StaticTracing.enable!
    Setup.public_send(contender.prepare) if contender.prepare
    run = compile(contender)
    say("ready #{contender.watch&.call}")
    contender.beacon ? contender.beacon.call : run.call(1) until $stdin.wait_readable(0)
    abort 'measure is what comes first' unless $stdin.gets == "measure\n"
    rows = calibrate(run)
    say('measuring')
    say(JSON.generate(round(run, rows))) while $stdin.gets == "round\n"
  end
end

require 'io/wait'
Bench.main(Bench::ALL.fetch(ARGV.fetch(0)))
