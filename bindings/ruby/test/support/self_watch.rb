# frozen_string_literal: true

require 'fiddle'

# Watches a tracepoint of this process without a tracer: the process attaches a uprobe to itself,
# and the kernel keeps the semaphore and counts the fires, of every thread and forked child.
class SelfWatch
  PERF_EVENT_OPEN = { 'x86_64' => 298, 'aarch64' => 241 }[RbConfig::CONFIG['host_cpu']]
  READ_SIZE = 8
  TYPE = '/sys/bus/event_source/devices/uprobe/type'

  # @param tracepoint [StaticTracing::Tracepoint]
  # @yieldparam watch [SelfWatch]
  # @return [Integer] how often it fired meanwhile
  def self.count(tracepoint)
    watch = new(tracepoint)
    yield watch
    watch.count
  ensure
    watch&.close
  end

  # @return [String, nil] why it can't be had
  def self.missing
    return 'perf_event_open has no known number here' unless PERF_EVENT_OPEN
    return "there is no #{TYPE}" unless File.exist?(TYPE)

    'only root may attach uprobes' unless Process.euid.zero?
  end

  def initialize(tracepoint)
    site, semaphore = note(File.binread(tracepoint.path), tracepoint)
    @path = Fiddle::Pointer["#{tracepoint.path}\0"]
    attributes = [File.read(TYPE).to_i, 72, semaphore << 32, 0, 0, 0, 0, 0, 0, @path.to_i, site].pack('L2Q5L2Q2')
    @events = processors.map { |cpu| open_event(attributes, cpu) }
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

  # A note is three sizes, "stapsdt", three addresses, and the names. Addresses are file offsets in
  # librst's images.
  def note(image, tracepoint)
    names = "#{tracepoint.provider_name}\0#{tracepoint.name}\0".b
    place = 0
    while (place = image.index("stapsdt\0".b, place))
      return image[place + 8, 24].unpack('QxxxxxxxxQ') if image[place + 32, names.size] == names

      place += 8
    end
    raise "no note of #{tracepoint} in #{tracepoint.path}"
  end

  def open_event(attributes, cpu)
    @syscall ||= Fiddle::Function.new(Fiddle::Handle::DEFAULT['syscall'],
                                      [Fiddle::TYPE_LONG, Fiddle::TYPE_VOIDP] + [Fiddle::TYPE_LONG] * 4,
                                      Fiddle::TYPE_LONG)
    fd = @syscall.call(PERF_EVENT_OPEN, attributes, -1, cpu, -1, 8) # 8: close on exec
    raise SystemCallError.new('perf_event_open', Fiddle.last_error) if fd.negative?

    IO.for_fd(fd, 'rb')
  end
end

# For tests that watch.
module Watching
  # Count how often a tracepoint fires; where it can't be watched, the test is skipped.
  def count_fires(provider, name, &block)
    need(SelfWatch.missing)
    SelfWatch.count(StaticTracing::Tracepoint.fetch(provider, name), &block)
  end
end
