# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What the gem costs, in one run, in turns.
#
#   run.rb [--json FILE] [--rounds N] [--only QUESTION] [--before DIRECTORIES]
#
# with the gem and its tests' support in the load path. `--before` names the load path of another
# build of the gem (`rake libs` in a checkout of another commit): its contenders take their turns
# beside these.
#
# Prints a table for each question, for Ruby as it is and with YJIT where this Ruby has it; and
# writes the JSON that docs/benchmarks.md is made of. A benchmark fails when what it counts isn't
# what bpftrace counted, and never because of a time.

require 'json'
require 'open3'
require 'optparse'
require 'rbconfig'
require 'support/tracers'
require_relative 'contenders'
require_relative 'counter'

module Bench
  # A worker process, and the bpftrace that watches it.
  class Worker
    WORKER = File.join(__dir__, 'worker.rb')

    # Long enough for the slowest step on a busy machine; only a hang takes longer.
    DEADLINE = 60

    def initialize(contender, options, before)
      @contender = contender
      loads = contender.before ? before.split(':') + $LOAD_PATH : $LOAD_PATH
      @input, @output, @process = Open3.popen2(RbConfig.ruby, *options, '-I', loads.join(':'), WORKER,
                                               contender.id)
      @operations = 0
    end

    def start
      probe = hear.delete_prefix('ready').strip
      @counter = Counter.new(probe, @process.pid) unless probe.empty?
      @counter&.wait_until_counting
      tell('measure')
      hear
    end

    # @return [Hash] what a round cost
    def round
      tell('round')
      result = JSON.parse(hear)
      @operations += result['operations']
      result
    end

    # End the worker, and see whether bpftrace counted what it fired.
    def finish
      @input.close
      @process.value
      @output.close
      check(@counter.finish) if @counter
    end

    private

    def tell(word)
      @input.puts(word)
      @input.flush
    end

    def hear
      raise "#{@contender.id}: no answer in #{DEADLINE} s" unless @output.wait_readable(DEADLINE)

      @output.gets or raise "#{@contender.id}: it ended"
    end

    def check(counted)
      return if @contender.beacon || counted >= @operations

      raise "#{@contender.id}: bpftrace counted #{counted} of #{@operations} or more"
    end
  end

  # Rounds of one question's contenders, in turns.
  class Asking
    # How often the processes are restarted: where in memory things lie makes a difference.
    SITTINGS = 3

    # Why the contenders of another build are left out.
    NO_OTHER = 'no other build was named by --before'

    def initialize(question, rounds, options, before)
      @question = question
      @before = before
      @rounds = rounds
      @options = options
      yjit = options.include?('--yjit')
      @skipped = question.contenders.to_h { |id| [id, (ALL.fetch(id).not_with_yjit if yjit)] }.compact
      @skipped.merge!(question.contenders.select { |id| ALL[id].before }.to_h { |id| [id, NO_OTHER] }) unless before
      @results = (question.contenders - @skipped.keys).to_h { |id| [id, []] }
    end

    def ask
      SITTINGS.times { |sitting| sit((@rounds + sitting) / SITTINGS) }
      summary
    end

    private

    def sit(rounds)
      return if rounds.zero?

      workers = @results.keys.to_h { |id| [id, Worker.new(ALL.fetch(id), @options, @before)] }
      workers.each_value(&:start)
      rounds.times { workers.each { |id, worker| @results[id] << worker.round } }
      workers.each_value(&:finish)
    end

    def summary
      times = @results.transform_values { |rounds| spread(rounds.map { |one| one['ns'] }) }
      measured = @results.map do |id, rounds|
        { 'id' => id, 'label' => ALL[id].label,
          'metrics' => { 'ns' => times[id], 'allocations' => spread(rounds.map { |one| one['allocations'] }) } }
      end
      add_ratios(measured, times)
      { 'empty' => 'empty', 'baseline' => @question.baseline, 'contenders' => measured + skipped }
    end

    def skipped
      @skipped.map { |id, why| { 'id' => id, 'label' => ALL[id].label, 'metrics' => nil, 'skipped' => why } }
    end

    # With the loop taken off both.
    def add_ratios(contenders, times)
      net = times.transform_values { |time| time['median'] - times['empty']['median'] }
      contenders.each do |one|
        next if one['id'] == 'empty'

        one['ratio'] = (net[one['id']] / net[@question.baseline]).round(3)
      end
    end

    def spread(values)
      sorted = values.sort
      at = ->(part) { sorted[((sorted.size - 1) * part).round] }
      { 'median' => at[0.5].round(4), 'low' => at[0.25].round(4), 'high' => at[0.75].round(4),
        'rounds' => values.map { |value| value.round(4) } }
    end
  end

  # The machine, by which a figure can be judged.
  module Machine
    module_function

    def describe
      { 'kernel' => "#{`uname -sr`.strip} #{`uname -m`.strip}", 'cpu' => cpu('model name'),
        'cpu_family' => cpu('cpu family'), 'system' => system_name, 'ruby' => RUBY_DESCRIPTION,
        'bpftrace' => Counter.version, 'date' => Time.now.utc.strftime('%Y-%m-%d') }
    end

    def cpu(field)
      File.foreach('/proc/cpuinfo').grep(/^#{field}\s*:/).first.to_s.split(':', 2).last.to_s.strip
    end

    def system_name
      File.foreach('/etc/os-release').grep(/^PRETTY_NAME=/).first.to_s.split('"')[1]
    end
  end

  # What the JSON says, for reading.
  module Table
    module_function

    def print(question)
      puts "\n#{question['title']}"
      loop_ns = question['contenders'].first['metrics']['ns']['median']
      question['contenders'].each do |one|
        next puts("  #{one['label'].ljust(52)} not measured: #{one['skipped']}") if one['skipped']

        ns, allocations = one['metrics'].values_at('ns', 'allocations')
        puts format('  %<label>-52s %<ns>8.1f ns  %<net>6.1f less the loop  %<ratio>-8s %<allocated>g allocated',
                    label: one['label'], ns: ns['median'], net: ns['median'] - loop_ns,
                    ratio: one['ratio'] ? "#{one['ratio'].round(2)}x" : '', allocated: allocations['median'])
      end
    end
  end

  module_function

  def modes
    yjit = Open3.capture2e(RbConfig.ruby, '--yjit', '-e', 'exit RubyVM::YJIT.enabled?').last.success?
    { '' => [], ' (YJIT)' => ['--yjit'] }.first(yjit ? 2 : 1)
  end

  def main(arguments)
    rounds = Integer(ENV.fetch('RST_BENCH_ROUNDS', '30'))
    json = only = before = nil
    OptionParser.new do |options|
      options.on('--json FILE') { |file| json = file }
      options.on('--rounds N', Integer) { |number| rounds = number }
      options.on('--only QUESTION', QUESTIONS.map(&:id)) { |id| only = id }
      options.on('--before DIRECTORIES') { |directories| before = directories }
    end.parse!(arguments)

    questions = QUESTIONS.select { |question| only ? question.id == only : before || question.id != 'ruby-before' }
    asked = modes.flat_map do |suffix, options|
      questions.map { |question| ask(question, suffix, options, rounds, before) }
    end
    report = { 'machine' => Machine.describe, 'rounds' => rounds, 'questions' => asked.compact }
    File.write(json, "#{JSON.pretty_generate(report)}\n") if json
  end

  def ask(question, suffix, options, rounds, before)
    id = question.id + (suffix.empty? ? '' : '-yjit')
    refusal = Tracers.bpftrace_refusal if question.contenders.any? { |one| ALL[one].watch }
    if refusal
      abort "#{id}: RST_REQUIRE_TRACERS=1, but #{refusal}" if ENV['RST_REQUIRE_TRACERS'] == '1'
      puts "\n#{question.title}#{suffix}: not measured: #{refusal}"
      return
    end
    { 'id' => id, 'title' => question.title + suffix, **Asking.new(question, rounds, options, before).ask }
      .tap { |asked| Table.print(asked) }
  end
end

Bench.main(ARGV)
