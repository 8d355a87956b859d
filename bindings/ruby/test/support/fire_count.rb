# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'ffi'
require 'support/self_watch'

# Watches a tracepoint of this process as SelfWatch does, but without the kernel, which takes half a
# second to attach a uprobe and to detach it. It raises the semaphore itself, as the kernel does, and
# counts the calls of rst_probe_fire(), which it makes.
#
# Fires of other Ractors must not come here, and those of a forked child aren't counted.
class FireCount
  ARGUMENTS = %i[pointer pointer size_t].freeze

  @watches = [].freeze
  @lock = Mutex.new

  class << self
    # As of SelfWatch.
    def count(tracepoint)
      watch = new(tracepoint)
      yield watch
      watch.count
    ensure
      watch&.close
    end

    # @return [String, nil] why it can't be used
    def missing
      'there is no librst' unless StaticTracing::LibRST.available?
    end

    def add(watch)
      @lock.synchronize do
        @real ||= FFI::Function.new(:void, ARGUMENTS, StaticTracing::LibRST.ffi_libraries.first
                                                                           .find_function('rst_probe_fire'))
        @counting ||= FFI::Function.new(:void, ARGUMENTS) do |probe, values, count|
          @watches.each { |one| one.hit(probe.address, values) }
          @real.call(probe, values, count)
        end
        @watches = [*@watches, watch].freeze
        StaticTracing::Native.fire_probe = @counting.address
      end
    end

    def remove(watch)
      @lock.synchronize do
        @watches = @watches.reject { |one| one.equal?(watch) }.freeze
        StaticTracing::Native.fire_probe = @real.address if @watches.empty?
      end
    end
  end

  # @return [Integer] how often the tracepoint fired
  attr_reader :count

  def initialize(tracepoint)
    @count = 0
    @probe = tracepoint.provider.instance_variable_get(:@handles).fetch(tracepoint.name)
    raise "#{tracepoint} can't be watched" unless tracepoint.path

    @semaphore = semaphore
    FireCount.add(self)
    raise_by(1)
  end

  # @param values [FFI::Pointer] the probe's arguments
  def hit(address, _values)
    @count += 1 if address == @probe.address
  end

  # A semaphore whose tracepoint has been hidden meanwhile is gone.
  def close
    raise_by(-1) if semaphore == @semaphore
    FireCount.remove(self)
  end

  private

  # The first member of struct rst_probe.
  def semaphore
    @probe.read_pointer
  end

  def raise_by(change)
    @semaphore.write_uint16(@semaphore.read_uint16 + change)
  end
end
