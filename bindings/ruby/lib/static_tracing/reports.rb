# frozen_string_literal: true

module StaticTracing
  # What goes wrong where nothing may be raised into the program is logged; once for each place, for
  # a place that fires a thousand times a second is wrong as often.
  # @api private
  module Reports
    @reported = {}

    module_function

    # Whatever happens here, nothing is raised.
    #
    # @param place [Object] where it went wrong; its #to_s is logged
    # @param error [Exception] what went wrong
    # @return [void]
    def once(place, error)
      return if defined?(Ractor) && Ractor.current != main_ractor # the logger is the main one's

      key = place.to_s
      return if @reported[key]

      @reported[key] = true # no lock, which the handler of a signal could not take
      log("#{words_of(error)} (#{error.class}; logged once)")
    rescue StandardError, ScriptError => e
      Kernel.warn("static_tracing: a mistake could not be logged: #{e.class}")
    end

    # A logger takes a lock, too.
    def log(message)
      Mutex.new.synchronize { nil }
      StaticTracing.logger.error(message)
    rescue ThreadError
      Thread.new { StaticTracing.logger.error(message) }
    end

    def words_of(error)
      error.message.to_s.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
    end

    if defined?(Ractor)
      MAIN_RACTOR = Ractor.current
      private_constant :MAIN_RACTOR

      def main_ractor
        MAIN_RACTOR
      end
    end
  end
end
