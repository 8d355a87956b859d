# frozen_string_literal: true

require 'ruby-static-tracing'
require 'static_tracing/integration/hook'
require 'static_tracing/integration/call_site'

module StaticTracing
  # What the files have in common that give frameworks tracepoints. Each defines a module with
  # `there?`, whether its framework is loaded, and `connect`.
  # @api private
  module Integration
    @lock = Reports::Lock.new
    @done = {}.compare_by_identity

    class << self
      # Declare tracepoints in one image. Their blocks are the gem's own, and aren't verified.
      # @param provider [Symbol]
      # @param signatures [Hash{Symbol => Hash}] the arguments of each, by name
      # @return [Hash{Symbol => Tracepoint}]
      def declare(provider, signatures)
        Provider.register(provider).batch do |declared|
          signatures.to_h { |name, arguments| [name, declared.add_tracepoint(name, verify: false, **arguments)] }
        end
      end

      # Do it once, even if two threads ask at the same time.
      # @param owner [Module] of what is done
      # @return [Boolean] whether the owner's framework is there
      def once(owner)
        return false unless owner.there?

        @lock.synchronize do
          @done[owner] ||= yield && true
        end
        true
      end

      # @return [Integer] nanoseconds of the wall clock, which other programs' times are of
      def wall_clock
        Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
      end
    end
  end
end
