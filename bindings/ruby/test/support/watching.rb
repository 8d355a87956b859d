# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'support/traced'
require 'tmpdir'

# What a document says that a command shows.
#
# "..." stands for anything. In a sample, a number stands for any number, and the bars of a histogram
# for any bars: it is what one run has shown.
module Shown
  BAR = /\A\[.*\|@* *\|\s*\z/.freeze

  module_function

  # @return [String, nil] the first of the shown lines that `lines` don't have after those before it;
  #   in a sample, that they don't have at all, for maps are printed in any order
  def missing(shown, lines, sample: false)
    rest = lines.map { |line| line.dup.force_encoding(Encoding::UTF_8).scrub }
    shown.reject(&:empty?).find do |line|
      wanted = pattern(line, sample)
      found = rest.index { |got| wanted.match?(got) }
      next true unless found

      wanted == BAR || rest.slice!(sample ? found : 0..found)
      false
    end
  end

  # @return [Array<String>] the commands that lines of shell are
  def statements(lines)
    lines.each_with_object([+'']) do |line, statements|
      statements.last << line << "\n"
      statements << +'' if statements.last.count("'").even?
    end.map(&:strip).reject(&:empty?)
  end

  def pattern(line, sample)
    return BAR if sample && BAR.match?(line)

    parts = line.strip.split('...', -1).map do |part|
      words = part.split.map { |word| quote(word, sample) }.join('\s+')
      part.match?(/\A\s/) && !part.strip.empty? ? "\\s*#{words}" : words
    end
    /\A\s*#{parts.join('.*')}\s*\z/
  end

  def quote(word, sample)
    quoted = Regexp.escape(word)
    sample ? quoted.gsub(/\d+/, '\d+') : quoted
  end
end

# A program of a document or an example, as a reader starts it: it says NAME=value, as in PID=4711,
# on standard error, and goes on.
class Shop < Program
  def initialize(file, backing:, environment: {}, loads: WatchingTest::GEM_OPTIONS)
    @names = File.read(file).scan(/"([A-Z]+)=\#\{/).flatten
    super(RbConfig.ruby, '-w', '-W:no-experimental', *loads, File.basename(file),
          environment: { 'RST_BACKING' => "file:#{backing}" }.merge(environment), chdir: File.dirname(file))
  end

  # @return [Boolean] whether it has said all that it is to say; for one that says nothing, whether
  #   it has loaded tracepoints
  def ready?
    return variables.keys == @names if @names.any?

    File.read("/proc/#{pid}/maps").match?(%r{/librst-|memfd:librst-})
  end

  # @return [Hash{String => String}] what commands have for variables
  def variables
    errors.scan(/^([A-Z]+)=(.*)\n/).to_h
  end
end

# A test that runs programs and commands that a reader is told to run.
class WatchingTest < TracedTest
  PATIENCE = 30

  # How a map is looked into while bpftrace goes on.
  LOOK = 'interval:ms:100 { %s }'

  # How a Ruby that is started finds the gem.
  GEM_OPTIONS = GEM_LOADS.flat_map { |directory| ['-I', directory] }

  def setup
    super
    @directory = Dir.mktmpdir('static-tracing-')
  end

  def teardown
    super
    FileUtils.rm_rf(@directory)
  end

  # A program to be watched. What its tracer needs may move this process to another mount namespace,
  # and the program must be in the same.
  def start_program(file, **options)
    need(Tracers.bpftrace_refusal)
    begin_program(Shop.new(file, backing: @directory, **options)).tap { |shop| await_probes(shop) }
  end

  # What a reader waits for: that it says what it says, or a second.
  def await_probes(shop)
    deadline = Time.now + PATIENCE
    until shop.ready?
      flunk("it can't be watched: #{shop}") if Time.now > deadline || !shop.running?
      sleep 0.01
    end
  end

  # Run a bpftrace command until it shows what it should, and end it by Ctrl-C.
  #
  # @return [Array<String>] what it printed
  def assert_shows(shown, command, shop, sample: false, variables: shop.variables)
    deadline = Time.now + PATIENCE
    tool = nil
    loop do
      tool = begin_program(Program.new('bash', '-c', "exec #{looking(command)}", environment: variables))
      command.include?('exit()') ? tool.finish : read_until_shown(tool, shown, sample)
      # It may have come too early.
      break if tool.status.success? || Time.now > deadline || !shop.running?
    end
    assert_nil Shown.missing(shown, tool.lines, sample: sample), "not shown, by #{tool}\n#{shop}"
    tool.lines
  end

  private

  def looking(command)
    maps = command.scan(/@\w*/).uniq
    return command if maps.empty? || command.include?('exit()')

    prints = maps.map { |map| "print(#{map});" }.join(' ')
    command.sub(/'\s*\z/) { " #{format(LOOK, prints)}'" }
  end

  def read_until_shown(tool, shown, sample)
    deadline = Time.now + PATIENCE
    while tool.next_line
      next if Time.now < deadline && Shown.missing(shown, tool.lines, sample: sample)

      Process.kill(:INT, tool.pid)
      break
    end
    tool.finish
  end
end
