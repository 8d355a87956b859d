# frozen_string_literal: true

require 'static_tracing/watcher'

module StaticTracing
  module Tracer
    # Mode `AUTO`: a method is wrapped only while somebody watches its tracepoint.
    #
    # There is one subscription for each tracepoint, by its name. It knows no class, so that classes can
    # be reloaded and collected: {Base} looks for those that have the tracepoint.
    # @api private
    module Auto
      @on = false
      @watched = {}.compare_by_identity
      @subscriptions = {}

      class << self
        # @return [Boolean] whether the mode is `AUTO`
        def on?
          @on
        end

        # @param on [Boolean]
        # @return [void]
        def on=(on)
          return if on == @on

          Tracer.synchronize do
            @on = on
            tracers = Tracer.all.select(&:enabled?)
            Tracer.each_of(tracers) { |tracer| tracer.__send__(:refresh) }
          end
          settle
        end

        # Whether a method with this tracepoint is to be wrapped. Used under {Tracer.synchronize}.
        #
        # @param tracepoint [Tracepoint]
        # @return [Boolean]
        def wraps?(tracepoint)
          return true unless @on

          follow(tracepoint)
          @watched.key?(tracepoint)
        end

        # Follow only the tracepoints of tracers that are enabled.
        # @return [void]
        def settle
          gone = Tracer.synchronize do
            wanted = @on ? Tracer.all.select(&:enabled?).flat_map { |tracer| tracer.__send__(:tracepoints) } : []
            wanted = wanted.to_h { |tracepoint| [key(tracepoint), true] }
            @subscriptions.keys.reject { |name| wanted.key?(name) }.map { |name| @subscriptions.delete(name) }
          end
          gone.each(&:cancel) # not under the lock, which other subscriptions' callbacks may wait for
        end

        private

        def key(tracepoint)
          "#{tracepoint.provider_name}:#{tracepoint.name}"
        end

        # A provider that was destroyed and made again has other tracepoints.
        def follow(tracepoint)
          known = @subscriptions[key(tracepoint)]
          return if known && known.tracepoints.first.equal?(tracepoint)

          known&.cancel
          @subscriptions[key(tracepoint)] =
            Watcher.watch([tracepoint], attached: -> { change(tracepoint, true) },
                                        detached: -> { change(tracepoint, false) })
        end

        def change(tracepoint, watched)
          Tracer.synchronize do
            watched ? @watched[tracepoint] = true : @watched.delete(tracepoint)
            Tracer.each_of(Tracer.all) { |tracer| tracer.__send__(:refresh, tracepoint) }
          end
        end
      end
    end
  end
end
