# frozen_string_literal: true

module StaticTracing
  module Watcher
    # The time between two looks of the thread, which ends early if the interval changes. Ruby 2.7 to
    # 3.1 have no queue that waits only so long.
    # @api private
    class Pause
      def initialize
        @mutex = Mutex.new
        @changed = ConditionVariable.new
        @poked = @over = false
      end

      # @param seconds [Numeric]
      # @return [void]
      def wait(seconds)
        @mutex.synchronize do
          @changed.wait(@mutex, seconds) unless @poked || @over
          @poked = false
        end
      end

      # @return [Boolean] whether {#stop} was called
      def over?
        @over
      end

      # Look now.
      def poke
        @mutex.synchronize do
          @poked = true
          @changed.signal
        end
      end

      # No more looks.
      def stop
        @mutex.synchronize do
          @over = true
          @changed.signal
        end
      end
    end
  end
end
