# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'io/wait'
require 'open3'

module Bench
  # A bpftrace that counts the hits of one probe of one process.
  class Counter
    # Its count as it goes says that it is attached: there is no other event for that.
    PROGRAM = '%<probe>s { @hits = count(); } interval:ms:50 { print(@hits); }'

    # Attaching takes a second or two; only a hang takes longer.
    DEADLINE = 60

    # @return [String, nil]
    def self.version
      Open3.capture2e('bpftrace', '--version').first.strip
    rescue Errno::ENOENT
      nil
    end

    # @param probe [String] with a filter, perhaps
    # @param pid [Integer]
    def initialize(probe, pid)
      @input, @output, @process = Open3.popen2e('bpftrace', '-p', pid.to_s, '-e', format(PROGRAM, probe: probe))
      @input.close
      @said = +''
    end

    # @raise [RuntimeError] with what bpftrace said, if it ended instead
    def wait_until_counting
      deadline = now + DEADLINE
      until count.positive?
        raise "bpftrace counts nothing:\n#{@said}" unless now < deadline && @output.wait_readable(DEADLINE)

        @said << @output.readline
      end
    rescue EOFError
      raise "bpftrace ended:\n#{@said}"
    end

    # It ends with the process that it watches.
    # @return [Integer] how many it counted
    def finish
      @said << @output.read
      @process.value
      @output.close
      count
    end

    private

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    def count
      @said.scan(/^@hits: (\d+)/).flatten.map(&:to_i).max || 0
    end
  end
end
