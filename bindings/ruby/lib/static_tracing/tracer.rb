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

      # Make a tracer of a block that gives the values of a call, after it and only while somebody
      # watches.
      #
      #     rows = StaticTracing::Tracer.define(:rows, method: String, rows: Integer) do |call|
      #       [call.method_name, call.result.size]
      #     end
      #     rows.register(Report, :query)
      #
      # @param name [Symbol, String] its tracepoints are called METHOD_NAME
      # @param types [Array<Class, Symbol>] as of {Tracepoint.new}
      # @param named [Hash{Symbol => Class, Symbol}] as of {Tracepoint.new}; `verify:` as of
      #   {Base.set_values}
      # @yieldparam call [Call] the call and its result
      # @yieldreturn [Array] one value for each argument
      # @return [Class] a subclass of {Base}
      # @raise [ArgumentError] if there is no block
      # @raise [LibraryError] if the name can't be in a tracepoint's name
      # @raise [Verifier::RefusedError] as of {Base.set_values}
      def define(name, *types, **named, &block)
        suffix = LibRST.checked_name('tracer', name)
        verify, named = Verifier.split(named)
        Class.new(Base) do
          define_singleton_method(:tracepoint_name) { |method_name| "#{Names.probe(method_name)}_#{suffix}" }
          define_singleton_method(:inspect) { "#<#{Base} #{suffix}>" }
          singleton_class.alias_method(:to_s, :inspect)
          set_tracepoint_data_types(*types, **named)
          set_values(verify: verify, &block)
        end
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

      # Disable all tracers, and forget them: {StaticTracing.enable!} doesn't enable them any more. What
      # they have registered stays registered. A tracer that is enabled, that registers something, or
      # that is given to {Configuration#add_tracer}, is known again.
      # @return [void]
      def clean
        synchronize do
          disable!
        ensure
          @all.clear
        end
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
