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

      # @return [Object, nil] what the method returned; nil at `:call`, and if it did not return
      attr_accessor :result

      # @return [Exception, nil] what ended the call, if an exception did
      attr_accessor :exception

      # @api private
      def initialize(method_name, receiver, arguments, keywords)
        @method_name = method_name
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
        @keywords = marked ? last.dup : {}
        @arguments = @arguments[0...-1] if marked
      end
    end
  end
end
