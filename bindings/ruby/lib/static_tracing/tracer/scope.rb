# frozen_string_literal: true

require 'static_tracing/tracer/classes'

module StaticTracing
  module Tracer
    # The constants of a wrapper. Nothing is faster to read, and other Ractors may read them.
    # TRACEPOINT is the tracepoint, and says whether somebody watches; WATCHED is the {Watched} that
    # the wrapper then calls. NAME is the method's name, for code that can't contain it because it is
    # in another encoding.
    #
    # It goes with the wrapper's code. That may outlive the wrapper: in a Method object, and in an
    # alias that a subclass made. When the wrapper is removed, TRACEPOINT is {Unwatched}. When the
    # class defines the method again, that code calls the old method, as it would if nothing were
    # wrapped: often the new method calls it, and the two would call each other for ever.
    # @api private
    class Scope < Module
      # Stands for a tracepoint that nobody watches.
      module Unwatched
        def self.enabled?
          false
        end
      end

      # Stands for the tracepoint when the wrapper must always ask WATCHED.
      module Always
        def self.enabled?
          true
        end
      end

      # What a wrapper rescues: nothing.
      NONE = [].freeze

      @made = 0

      class << self
        # @return [Integer] the next scope's number
        def next_number
          @made += 1
        end
      end

      # @return [Integer] the line that the wrapper's code claims to be in; each scope has its own
      attr_reader :number

      # @param method_name [Symbol]
      def initialize(method_name)
        super()
        @number = Scope.next_number
        const_set(:NAME, method_name)
      end

      # The wrapper is there.
      def open(tracer, tracepoint, parameters)
        name = self::NAME.to_s.dup.freeze
        watched = tracer.meter ? tracer.meter.new(tracepoint, name) : Watched.new(tracer, tracepoint, name, parameters)
        set(:WATCHED, watched)
        set(:TRACEPOINT, tracepoint)
      end

      # The wrapper is removed; and may come back.
      def close
        set(:TRACEPOINT, Unwatched)
      end

      # The class has defined the method again.
      def retire(method)
        set(:WATCHED, Former.new(method))
        set(:TRACEPOINT, Always)
      end

      private

      # At once, so that a wrapper that runs meanwhile finds the one or the other.
      def set(name, value)
        Classes.quietly { const_set(name, value) }
      end
    end

    # A method that was wrapped, and that its class has defined again or removed since.
    # @api private
    class Former
      def initialize(method)
        @method = method
        freeze
      end

      # @return [Boolean]
      def former?
        true
      end

      # Call it with what a wrapper was given.
      def call(receiver, arguments, keywords, block)
        return @method.bind_call(receiver, *arguments, &block) unless keywords

        @method.bind_call(receiver, *arguments, **keywords, &block)
      end
    end

    # Where a tracer's wrapper fires: the watched half of a wrapper. Whatever goes wrong in it is
    # logged, and nothing of it reaches the program.
    # @api private
    class Watched
      # Marks a fiber that is in a tracer: what a tracer calls isn't traced, for that would not end.
      BUSY = :static_tracing_in_a_tracer

      # What is rescued of a tracer; anything else (Interrupt, SystemExit, NoMemoryError, …) is the
      # program's.
      RESCUED = [StandardError, ScriptError].freeze

      # Such an exception may also be one that another thread raises in this one, as Timeout does,
      # and must not be swallowed: it waits until the tracer is done; or waits for something itself,
      # for then it may be the tracer's own timeout.
      LATER = RESCUED.map { |error| [error, :on_blocking] }.to_h.freeze

      # @return [Tracepoint]
      attr_reader :tracepoint

      # @return [String]
      attr_reader :method_name

      # @return [Array<Array>] the method's, as of Method#parameters
      attr_reader :parameters

      def initialize(tracer, tracepoint, method_name, parameters)
        @tracer = tracer
        @tracepoint = tracepoint
        @method_name = method_name
        @parameters = parameters.each { |one| one.each(&:freeze).freeze }.freeze # for other Ractors
        @costs = tracer.costs?
        freeze
      end

      # @return [Boolean]
      def former?
        false
      end

      # @return [String] as it is logged
      def to_s
        "#{@tracer} at #{@tracepoint}"
      end

      # @return [Call, nil] nil: it is a tracer that calls, or something is wrong
      def start(receiver, arguments, keywords)
        guarded do
          next Call.new(self, receiver, arguments, keywords) unless @costs

          begun = StaticTracing.nsec
          call = Call.new(self, receiver, arguments, keywords)
          call.cost = StaticTracing.nsec - begun
          call
        end
      end

      # @param call [Call] that is over
      def finish(call)
        guarded do
          call.finish
          fire_values(call)
        end
      end

      # @param call [Call, nil] that starts
      def fire(call)
        guarded { fire_values(call) } if call
      end

      private

      def fire_values(call)
        return @tracepoint.fire(*@tracer.values(call)) unless @costs

        begun = StaticTracing.nsec
        values = @tracer.values(call)
        @tracepoint.fire(call.cost + StaticTracing.nsec - begun, *values)
      end

      def guarded(&block)
        return if Thread.current[BUSY]

        Thread.handle_interrupt(LATER) { attempt(Thread.current, &block) }
      end

      def attempt(thread)
        thread[BUSY] = true
        begin
          yield
        rescue *RESCUED => e
          report(e)
        ensure
          thread[BUSY] = nil
        end
      rescue FrozenError => e # the thread, which then can't be marked
        report(e)
      end

      def report(error)
        Reports.once(self, error)
        nil
      end
    end
  end
end
