# frozen_string_literal: true

module StaticTracing
  class Configuration
    # A signal that toggles tracing.
    #
    # A handler may take no lock, for the thread that it interrupts may have it; and enabling takes
    # several. So it starts a thread, which toggles. (One that waited for work would not be there
    # after a fork.) Every time the handler is run is one toggle, in whichever order the threads get
    # to it, for toggles are all the same.
    # @api private
    class Toggle
      # Ruby doesn't let these be handled, nor does the kernel the last two.
      RESERVED = %w[ILL FPE SEGV BUS VTALRM KILL STOP].freeze

      # How a program is ended. It could not be any more, once these toggle.
      ENDING = %w[INT TERM QUIT].freeze

      # Signals that do no harm by default.
      HARMLESS = %w[CHLD CLD CONT URG WINCH TSTP TTIN TTOU].freeze

      # What trap() calls the handlers that there are by default; nil is one that is not Ruby's, or none:
      # it is ignored, if the program had said so by `trap(signal, nil)`.
      DEFAULTS = ['DEFAULT', 'SYSTEM_DEFAULT', nil].freeze

      # What stays where the default would end the process.
      NOTHING = proc {}

      @current = nil

      class << self
        # Wait for a signal, and for no other.
        #
        # @param signal [String, nil] as of {.name_of}; nil: none
        # @return [void]
        def use(signal)
          return if @current&.signal == signal

          old = @current
          @current = signal && new(signal) # if it raises, all is as before
          old&.leave
        end

        # @param signal [String, Symbol, Integer] as the program has it
        # @return [String] its name, without SIG
        # @raise [InvalidValueError] if there is none, or if it can't be handled
        def name_of(signal)
          name = Integer === signal ? Signal.list.key(signal) : Shown.word(signal).upcase.sub(/\ASIG/, '')
          unless name && name != 'EXIT' && Signal.list.key?(name)
            raise InvalidValueError, "signal can't be #{Shown.value(signal)}; it can be " \
                                     "#{Shown.choice(Signal.list.keys - ['EXIT'] - RESERVED - ENDING)}"
          end
          raise InvalidValueError, "signal can't be #{name}: Ruby can't handle it" if RESERVED.include?(name)
          raise InvalidValueError, "signal can't be #{name}, which ends programs; use PROF or USR2" if
            ENDING.include?(name)

          name
        end
      end

      # @return [String] its name, without SIG
      attr_reader :signal

      def initialize(signal)
        @signal = signal
        @handler = method(:handle).to_proc
        @active = true
        @ignored = ignored?
        @previous = trap(signal, @handler)
      end

      # Give the signal back, if it wasn't taken in the meantime.
      # @return [void]
      def leave
        @active = false # who has taken it may still call this handler
        current = trap(signal, harmful? ? NOTHING : @previous)
        trap(signal, current) unless current.equal?(@handler)
      end

      private

      def handle(number)
        start if @active
        @previous.call(number) if @previous.respond_to?(:call)
      end

      def start
        Thread.new do
          StaticTracing.toggle_tracing!
        rescue StandardError => e
          Reports.log(:error, "SIG#{signal} could not toggle tracing: #{e.message}")
        end
      rescue ThreadError => e
        warn "static_tracing: SIG#{signal} could not toggle tracing: #{e.message}"
      end

      def harmful?
        DEFAULTS.include?(@previous) && !@ignored && !HARMLESS.include?(signal)
      end

      # As the kernel has it, which knows best.
      def ignored?
        set = File.read('/proc/self/status')[/^SigIgn:\s*(\h+)/, 1].to_s.to_i(16)
        set[Signal.list.fetch(signal) - 1] == 1
      rescue SystemCallError
        false
      end
    end
  end
end
