# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'helper'
require 'json'
require 'rbconfig'
require 'support/tracers'

# A Ruby program that is watched: a script with what support/subject.rb has.
class Subject < Program
  TESTS = File.dirname(__dir__)

  # @return [Hash{String => String}] its tracepoints by their names, as in "/proc/1/fd/5:shop:order"
  attr_reader :tracepoints

  def initialize(script, options: [], **rest)
    loads = [*GEM_LOADS, TESTS].flat_map { |directory| ['-I', directory] }
    super(RbConfig.ruby, '-w', *loads, '-rsupport/subject', *options, '-e', script, **rest)
    @tracepoints = {}
  end

  # Wait until it can be watched.
  def await_ready
    until (line = next_line) == 'ready'
      raise "it ended; #{self}" unless line

      word, provider, name, path = line.split
      tracepoints[name] = "#{path}:#{provider}:#{name}" if word == 'at'
    end
  end

  # What its own tracer shows; see support/own_tracer.rb.
  FIRED = 'fired: '

  # @return [Array<String>] its lines since it was watched
  def said
    since_ready.reject { |line| line.start_with?(FIRED) }
  end

  # @return [Array<String>] what its own tracer has shown
  def fired
    since_ready.select { |line| line.start_with?(FIRED) }.map { |line| line.delete_prefix(FIRED) }
  end

  private

  def since_ready
    finish
    lines.drop((lines.rindex('ready') || -1) + 1)
  end
end

# A test that has a Ruby program watched.
class TracedTest < Minitest::Test
  def setup
    @programs = []
  end

  def teardown
    @programs.reverse_each(&:close)
  end

  def begin_program(program)
    @programs << program
    program
  end

  def subject(script, **options)
    Tracers.bpftrace_refusal # which may make a mount namespace, of which both must be
    begin_program(Subject.new(script, **options))
  end

  def bpftrace(program, **options)
    need(Tracers.bpftrace_refusal)
    begin_program(Bpftrace.new(program, **options))
  end

  def gdb(script, **options)
    need(Tracers.gdb_refusal)
    begin_program(Gdb.new(script, **options))
  end

  # Run a script, watched by bpftrace with an action for each tracepoint.
  #
  # @param actions [Hash{String, Symbol => String}] a tracepoint's name => what bpftrace does at a fire
  # @return [Array(Array<String>, Array<String>)] what bpftrace printed, what the script said
  def trace(actions, script, command: 'bpftrace', strlen: nil, **options)
    need(Tracers.bpftrace_refusal)
    traced = subject(script, **options)
    traced.await_ready
    tool = watch(actions, traced, command: command, strlen: strlen)
    printed = tool.printed
    said = traced.said
    assert traced.status.success?, traced
    assert_empty traced.errors, traced
    [printed, said]
  end

  # The same without bpftrace, by the script itself; only `printf` is shown. See support/own_tracer.rb.
  #
  # @return [Array(Array<String>, Array<String>)] what was fired, what the script said
  def trace_itself(actions, script)
    traced = watch_itself(actions, script)
    assert traced.status.success?, traced
    assert_empty traced.errors, traced
    [traced.fired, traced.said]
  end

  # @return [Subject] that has ended
  def watch_itself(actions, script)
    traced = subject(script, options: ['-rsupport/own_tracer'],
                             environment: { 'RST_OWN_TRACER' => JSON.generate(actions) })
    traced.await_ready
    traced.tell(*actions.keys.map { |name| traced.tracepoints[name.to_s].split(':').last(2).join(':') })
    traced.said
    traced
  end

  # Attach bpftrace to a subject, which then goes on.
  def watch(actions, traced, pid: traced.pid, **options)
    actions = { **actions, finish: 'exit();' }
    program = actions.map { |name, action| "usdt:#{traced.tracepoints.fetch(name.to_s)} { #{action} }" }
    tool = bpftrace(program.join("\n"), pid: pid, **options)
    tool.await
    traced.tell(*actions.keys.map { |name| traced.tracepoints[name.to_s].split(':').last(2).join(':') })
    tool
  end
end
