# frozen_string_literal: true

module StaticTracing
  class Configuration
    # A signal that toggles tracing.
    #
    # A handler may take no lock, because the thread that it interrupts may hold it, and enabling
    # takes several. So the handler starts a thread, which toggles. (A thread that waits for work
    # would not exist after a fork.) Each run of the handler is one toggle. The threads' order doesn't
    # matter, because all toggles are the same.
    # @api private
    class Toggle
      # Ruby doesn't allow a handler for these, and the kernel doesn't for the last two.
      RESERVED = %w[ILL FPE SEGV BUS VTALRM KILL STOP].freeze

      # These end programs. If one of them toggled tracing, it could no longer end this one.
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
        # Handle this signal, and no other.
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
        # @raise [InvalidValueError] if it is unknown, or can't be handled
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

      # Restore the signal's handler, unless the program has set another.
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

      # Ask the kernel, because Ruby doesn't say.
      def ignored?
        set = File.read('/proc/self/status')[/^SigIgn:\s*(\h+)/, 1].to_s.to_i(16)
        set[Signal.list.fetch(signal) - 1] == 1
      rescue SystemCallError
        false
      end
    end
  end
end
