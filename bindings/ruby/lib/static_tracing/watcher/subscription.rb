# frozen_string_literal: true

require 'static_tracing/reports'
require 'static_tracing/tracepoint'

module StaticTracing
  module Watcher
    # What {Watcher.watch} returns: who is told that a tracer attaches or detaches.
    class Subscription
      # What is rescued of a callback; anything else is the program's.
      RESCUED = [StandardError, ScriptError].freeze

      # What another thread raises in this one, as a timeout does, isn't the callback's error, and
      # waits for the callback's end; unless the callback itself waits for something.
      LATER = RESCUED.map { |error| [error, :on_blocking] }.to_h.freeze

      private_constant :RESCUED, :LATER

      # @return [Array<Tracepoint>] what is watched, or not
      attr_reader :tracepoints

      # @api private
      def initialize(tracepoints, attached, detached)
        @tracepoints = [*tracepoints].freeze
        check(attached, detached)
        @callbacks = { true => attached, false => detached }.freeze
        @lock = Reports::Lock.new
        @attached = @cancelled = false
        @busy = nil
      end

      # @return [Boolean] whether `attached` was called, and `detached` not since
      def attached?
        @attached
      end

      # @return [Boolean] whether {#cancel} was called
      def cancelled?
        @cancelled
      end

      # @return [Boolean] whether it is this thread that is just calling `attached` or `detached`
      # @api private
      def telling_here?
        @busy.equal?(Thread.current)
      end

      # Tell nothing more. If `attached` was called, `detached` is called first: by this thread, or by
      # the one that is calling `attached` at this moment.
      # @return [void]
      def cancel
        return if @cancelled

        @cancelled = true
        Watcher.forget(self)
        update
        nil
      end

      # Call what is to be called, until there is nothing left to tell.
      # @yield after each call
      # @return [Boolean] whether there was something
      # @api private
      def update
        told = false
        until (wanted = begin_telling).nil?
          told = true
          begin
            tell(wanted)
          ensure
            yield if block_given?
          end
        end
        told
      end

      # @return [String] as it is logged
      def to_s
        "#{self.class} to #{tracepoints.map { |one| "#{one.provider_name}:#{one.name}" }.join(', ')}"
      end

      private

      def check(*callbacks)
        wrong = tracepoints.find { |one| !(Tracepoint === one) }
        raise ArgumentError, "only tracepoints can be watched, not #{Shown.value(wrong)}" if wrong
        raise ArgumentError, 'watch needs at least one tracepoint' if tracepoints.empty?

        wrong = callbacks.find { |one| !one.respond_to?(:call) }
        raise ArgumentError, "attached: and detached: must have the method call, not #{Shown.value(wrong)}" if wrong
      end

      # @return [Boolean, nil] which callback this thread has to call; nil: none
      def begin_telling
        @lock.synchronize do
          wanted = !@cancelled && tracepoints.any?(&:enabled?)
          next if wanted == @attached || @busy&.alive? # a thread that is dead was left behind by a fork

          @busy = Thread.current
          wanted
        end
      end

      def tell(wanted)
        Thread.handle_interrupt(LATER) do
          @callbacks[wanted].call
        rescue *RESCUED => e
          Reports.once(self, e)
        end
      ensure
        @lock.synchronize do
          @attached = wanted
          @busy = nil
        end
      end
    end
  end
end
