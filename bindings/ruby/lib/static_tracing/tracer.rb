# frozen_string_literal: true

require 'static_tracing/reports'

module StaticTracing
  # Tracers give methods tracepoints: {Latency}, {Stack}, and subclasses of {Base}.
  #
  # {StaticTracing.enable!} and {StaticTracing.disable!} enable and disable all of them.
  module Tracer
    @lock = Reports::Lock.new
    @all = []

    class << self
      # @return [Array<Class>] the tracers that have something registered, or were given to
      #   {Configuration#add_tracer}
      def all
        synchronize { @all.dup }
      end

      # Enable all tracers.
      # @return [void]
      def enable!
        all.each(&:enable!)
        nil
      rescue Exception
        disable!
        raise
      end

      # Disable all tracers. Their methods are restored.
      # @return [void]
      def disable!
        each_of(all, &:disable!)
        nil
      end

      # @param tracer [Class]
      # @return [void]
      # @api private
      def add(tracer)
        synchronize do
          next if @all.include?(tracer)

          @all << tracer
          tracer.enable! if StaticTracing.enabled?
        end
      end

      # One thread at a time changes what is wrapped, and finishes it.
      # @api private
      def synchronize(&block)
        @lock.whole(&block)
      end

      # Yield each of some things, even if the block raises for another; then raise what it raised first.
      # @api private
      def each_of(things)
        failure = nil
        things.each do |thing|
          yield thing
        rescue Exception => e
          failure ||= e
        end
        raise failure if failure
      end
    end
  end
end

require 'static_tracing/tracer/auto'
require 'static_tracing/tracer/base'
require 'static_tracing/tracer/lookup'
require 'static_tracing/tracer/latency'
require 'static_tracing/tracer/stack'
require 'static_tracing/tracer/arguments'
require 'static_tracing/tracer/return'
require 'static_tracing/tracer/allocations'
require 'static_tracing/tracer/concerns'
