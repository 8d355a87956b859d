# frozen_string_literal: true

module StaticTracing
  module Tracer
    # A watched call of a wrapped method. The block of {Base.set_values} gets it.
    class Call
      # @return [String] the method's name
      attr_reader :method_name

      # @return [Object] the object that the method was called on
      attr_reader :receiver

      # @return [Integer, nil] how long the call took, by the monotonic clock; nil at `:call`
      attr_reader :nanoseconds

      # @return [Tracepoint] what the tracer fires
      attr_reader :tracepoint

      # @return [Array<Array>] the method's parameters, as of Method#parameters
      attr_reader :parameters

      # @return [Object, nil] what the method returned; nil at `:call`, and if it did not return
      attr_accessor :result

      # @return [Exception, nil] what ended the call, if an exception did
      attr_accessor :exception

      # @return [Integer] how many nanoseconds the tracer itself has taken so far
      # @api private
      attr_accessor :cost

      # @param wrapped [Watched]
      # @api private
      def initialize(wrapped, receiver, arguments, keywords)
        @method_name = wrapped.method_name
        @tracepoint = wrapped.tracepoint
        @parameters = wrapped.parameters
        @cost = 0
        @receiver = receiver
        @arguments = arguments
        @keywords = keywords
        @result = @exception = @nanoseconds = nil
        @started = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
      end

      # @return [Array] the positional arguments that the caller gave, without defaults
      def arguments
        split
        @arguments
      end

      # @return [Hash] the keyword arguments that the caller gave, without defaults
      def keywords
        split
        @keywords
      end

      # The arguments by the names of the method's parameters, those that the caller gave. A parameter
      # that has no name isn't there.
      #
      # @return [Hash{Symbol => Object}] in the order of the parameters; an Array for `*rest`, a Hash for
      #   `**rest`
      def named
        Binding.of(parameters, arguments, keywords)
      end

      # The call is over.
      # @api private
      def finish
        @nanoseconds = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - @started
      end

      private

      # Keywords of a method that declares none come as a marked Hash at the end of its rest.
      def split
        return if @keywords

        last = @arguments.last
        marked = Hash === last && Hash.ruby2_keywords_hash?(last)
        @keywords = marked ? { **last } : {} # without the default block that a Hash may have
        @arguments = @arguments[0...-1] if marked
      end
    end
  end
end
