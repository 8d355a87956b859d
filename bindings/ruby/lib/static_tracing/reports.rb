# frozen_string_literal: true

require 'monitor'
require 'static_tracing/ractors'

module StaticTracing
  # Logs errors that must not be raised into the program: once for each place, because a place that
  # fires a thousand times a second fails as often.
  #
  # The logger is the program's, and may take the program's locks or declare a tracepoint. So it isn't
  # called while this gem holds a lock, but when the last lock is released; see {Lock}.
  # @api private
  module Reports
    @reported = {}
    @waiting = {}.compare_by_identity

    # All locks of this gem are of this class: a thread logs after it has released its last one.
    class Lock
      def initialize
        @monitor = Monitor.new
      end

      def synchronize(&block)
        Reports.deferred { @monitor.synchronize(&block) }
      end

      # The same for a change that must not stop halfway: what another thread raises in this one, as a
      # timeout does, waits for the block's end.
      def whole(&block)
        synchronize { Thread.handle_interrupt(Object => :never, &block) }
      end
    end

    module_function

    # Whatever happens here, nothing is raised.
    #
    # @param place [Object] where it went wrong; its #to_s is logged
    # @param error [Exception, nil] what went wrong
    # @yieldreturn [Exception] the same, if that takes time to say
    # @return [void]
    def once(place, error = nil)
      return unless Ractors.main? # the logger is the main one's

      key = place.to_s
      return if @reported[key]

      @reported[key] = true # no lock, which the handler of a signal could not take
      error ||= yield
      log(:error, "#{words_of(error)} (#{error.class}; logged once)")
    rescue StandardError, ScriptError => e
      complain(e)
    end

    # @param level [Symbol] `:error` or `:warn`
    # @param message [String]
    # @return [void]
    def log(level, message)
      waiting = @waiting[Thread.current]
      waiting ? waiting << [level, message] : write(level, message)
      nil
    end

    # @yield what is logged in this block by this thread is written at its end
    # @return [Object] what the block returned
    def deferred
      return yield if @waiting.key?(Thread.current)

      begin
        @waiting[Thread.current] = waiting = []
        yield
      ensure
        @waiting.delete(Thread.current)
        waiting&.each { |level, message| write(level, message) }
      end
    end

    # A logger takes a lock, which a signal's handler may not do.
    def write(level, message)
      in_handler? ? Thread.new { tell(level, message) } : tell(level, message)
    rescue ThreadError => e
      complain(e)
    end

    def tell(level, message)
      StaticTracing.logger.public_send(level, message)
    rescue StandardError, ScriptError => e
      complain(e)
    end

    def complain(error)
      Kernel.warn("static_tracing: an error could not be logged: #{error.class}")
    rescue StandardError
      nil # standard error is the program's, too
    end

    def in_handler?
      Mutex.new.synchronize { false }
    rescue ThreadError
      true
    end

    def words_of(error)
      error.message.to_s.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
    end
  end
end
