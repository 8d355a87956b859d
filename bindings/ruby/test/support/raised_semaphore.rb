# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'support/self_watch'

# Raises the semaphore of a tracepoint in another process by writing it, as bcc does, in no time:
# attaching a uprobe and detaching it takes the kernel a tenth of a second.
class RaisedSemaphore
  MAPPING = /\A(\h+)-(\h+) rw.p (\h+) \S+ (\d+) +(.*)$/.freeze

  # @param tracepoint [ShownByBpftrace::Place]
  # @param pid [Integer] a process that has it
  def initialize(pid, tracepoint)
    @memory = File.open("/proc/#{pid}/mem", 'r+b')
    @memory.sync = true
    _, semaphore = SelfWatch.note(tracepoint)
    @address = address(File.read("/proc/#{pid}/maps"), tracepoint.path, semaphore)
    write(1)
  end

  def close
    write(0)
    @memory.close
  end

  private

  def write(count)
    @memory.seek(@address)
    @memory.write([count].pack('S'))
  end

  def address(maps, path, offset)
    maps.each_line do |line|
      found = MAPPING.match(line)
      next unless found && same?(path, *found.captures.last(2))

      first, last, start = found.captures.take(3).map(&:hex)
      return first + offset - start if (start...start + last - first).cover?(offset)
    end
    raise "no semaphore at #{offset} of #{path} is mapped"
  end

  # A memfd is mapped by another name, and its number is one of few.
  def same?(path, inode, mapped)
    mapped == path || (mapped.start_with?('/memfd:') && File.stat(path).ino == inode.to_i)
  end
end
