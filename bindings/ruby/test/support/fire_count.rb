# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'ffi'
require 'support/self_watch'

# Watches a tracepoint of this process as SelfWatch does, but without the kernel, which takes half a
# second to attach a uprobe and to detach it. It raises the semaphore itself, as the kernel does, and
# counts the calls of the tracepoint's function, which it makes: the gem asks librst for the function each
# time, by rst_probe_function().
#
# Fires of other Ractors must not come here, and those of a forked child aren't counted.
class FireCount
  # As many as a function can have; it doesn't look at those that it hasn't.
  WORDS = ([:uint64] * StaticTracing::Tracepoint::MAX_ARGS).freeze

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
        @real ||= FFI::Function.new(:pointer, [:pointer], StaticTracing::LibRST.ffi_libraries.first
                                                                               .find_function('rst_probe_function'))
        @asked ||= FFI::Function.new(:pointer, [:pointer]) do |probe|
          @watches.find { |one| one.probe == probe }&.function || @real.call(probe)
        end
        @watches = [*@watches, watch].freeze
        StaticTracing::Native.find_function = @asked.address
      end
    end

    # What a fire calls in the place of the probe's own function.
    def function(probe)
      FFI::Function.new(:void, WORDS) do |*words|
        @watches.each { |one| one.hit(words) if one.probe == probe }
        FFI::Function.new(:void, WORDS, @real.call(probe)).call(*words)
      end
    end

    def remove(watch)
      @lock.synchronize do
        @watches = @watches.reject { |one| one.equal?(watch) }.freeze
        StaticTracing::Native.find_function = @real.address if @watches.empty?
      end
    end
  end

  # @return [Integer] how often the tracepoint fired
  attr_reader :count

  attr_reader :probe, :function

  def initialize(tracepoint)
    @count = 0
    @probe = tracepoint.provider.instance_variable_get(:@handles).fetch(tracepoint.name)
    raise "#{tracepoint} can't be watched" unless tracepoint.path

    @function = FireCount.function(@probe)
    @semaphore = semaphore
    FireCount.add(self)
    raise_by(1)
  end

  # @param words [Array<Integer>] the probe's arguments, and more
  def hit(_words)
    @count += 1
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
