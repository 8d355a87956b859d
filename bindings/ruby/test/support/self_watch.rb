# frozen_string_literal: true

require 'support/uprobe'

# Watches a tracepoint of this process without a tracer: the process attaches a uprobe to itself,
# and the kernel keeps the semaphore and counts the hits, of every thread and forked child.
class SelfWatch
  READ_SIZE = 8

  # @param tracepoint [StaticTracing::Tracepoint]
  # @yieldparam watch [SelfWatch]
  # @return [Integer] how often it was hit meanwhile
  def self.count(tracepoint)
    watch = new(tracepoint)
    yield watch
    watch.count
  ensure
    watch&.close
  end

  # A note is three sizes, "stapsdt", three addresses, and the names. Addresses are file offsets in
  # librst's images.
  def self.note(tracepoint)
    image = File.binread(tracepoint.path)
    names = "#{tracepoint.provider_name}\0#{tracepoint.name}\0".b
    place = 0
    while (place = image.index("stapsdt\0".b, place))
      return image[place + 8, 24].unpack('QxxxxxxxxQ') if image[place + 32, names.size] == names

      place += 8
    end
    raise "no note of #{tracepoint} in #{tracepoint.path}"
  end

  # @return [String, nil] why it can't be used
  def self.missing
    Uprobe.refusal
  end

  # Only this thread's hits are counted, of which attaching takes less time.
  def self.of_this_thread(tracepoint)
    new(tracepoint, [[0, -1]])
  end

  def initialize(tracepoint, targets = processors.map { |cpu| [-1, cpu] })
    site, semaphore = self.class.note(tracepoint)
    @events = targets.map do |target|
      Uprobe.attach(tracepoint.path, site, semaphore: semaphore, target: target)
    end
  end

  def count
    @events.sum { |event| event.sysread(READ_SIZE).unpack1('Q') }
  end

  def close
    @events.each(&:close)
  end

  private

  def processors
    File.read('/sys/devices/system/cpu/online').split(',').flat_map do |range|
      first, last = range.split('-').map(&:to_i)
      (first..(last || first)).to_a
    end
  end
end
