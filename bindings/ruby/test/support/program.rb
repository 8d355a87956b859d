# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'tempfile'

# A program that a test starts: its lines are read as they come, each wait has a deadline that only
# a fault can reach, and it is ended by its process id.
class Program
  # Seconds.
  DEADLINE = Integer(ENV.fetch('RST_DEADLINE', '100'))

  # Where what is started is put, so that what is traced comes out of one CPU's buffer, in order.
  CPU = File.read('/proc/self/status')[/^Cpus_allowed_list:\s*(\d+)/, 1]

  # Whatever happens to the test, the program doesn't outlive it.
  DIES_WITH_US = %w[setpriv --pdeathsig KILL].freeze
  ON_ONE_CPU = ['taskset', '-c', CPU].freeze

  attr_reader :pid, :lines, :status

  # @param options for Process.spawn
  def initialize(*command, environment: {}, one_cpu: true, **options)
    @command = [*DIES_WITH_US, *(ON_ONE_CPU if one_cpu), *command]
    @errors = Tempfile.new('rst-ruby-test')
    @lines = []
    @rest = +''
    @ended = false
    @status = nil
    @input, @output = start(environment, options)
  end

  # @return [String, nil] the next line, without its end; nil at the end of the output
  def next_line
    end_at = now + DEADLINE
    until (line = @rest.slice!(/\A.*\n/))
      return if @ended
      raise "nothing more in #{DEADLINE} s; #{self}" unless IO.select([@output], nil, nil, [end_at - now, 0].max)

      read_on
    end
    @lines << line.chomp
    @lines.last
  end

  # Read on to a line that matches.
  # @return [MatchData]
  def wait_for(pattern)
    while (line = next_line)
      found = pattern.match(line)
      return found if found
    end
    raise "no line with #{pattern.inspect}; #{self}"
  end

  # Wait until it has written a line that matches to standard error.
  def wait_for_error(pattern)
    end_at = now + DEADLINE
    until pattern.match?(errors)
      raise "no #{pattern.inspect} in #{DEADLINE} s; #{self}" if now > end_at

      sleep 0.005
    end
  end

  def tell(*words)
    @input.puts(words.join(' '))
  end

  # Await its end.
  # @return [Array<String>] all its lines
  def finish
    nil while next_line
    reap
    close_streams
    @lines
  end

  # Await its own end; what it forked may go on, and write on.
  def await_end
    reap
  end

  # End it, however it is.
  def close
    return if @output.closed?

    Process.kill(:KILL, pid) unless status
    reap
    close_streams
  end

  # @return [String] what it wrote to standard error
  def errors
    File.read(@errors.path)
  end

  def to_s
    said = (lines + [@rest]).join("\n")
    "#{@command.join(' ')} (#{status || 'running'}) said:\n#{said[-6000..-1] || said}\n#{errors}"
  end

  private

  def start(environment, options)
    their_input, input = IO.pipe
    output, their_output = IO.pipe(Encoding::BINARY)
    input.sync = true
    @pid = Process.spawn(environment, *@command, in: their_input, out: their_output,
                                                 err: @errors.path, **options)
    their_input.close
    their_output.close
    [input, output]
  end

  def read_on
    piece = @output.read_nonblock(1 << 16, exception: false)
    @rest << piece if piece.is_a?(String)
    @ended = piece.nil?
    @rest << "\n" if @ended && !@rest.empty? # a last line that has no end
  end

  def reap
    return status if status

    @status = Process.wait2(pid).last
  end

  def close_streams
    @input.close
    @output.close
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
