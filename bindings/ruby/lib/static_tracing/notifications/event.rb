# frozen_string_literal: true

module StaticTracing
  module Notifications
    # A notification that has ended: what a block of {Notifications.fire} is given.
    class Event
      FETCH = Hash.instance_method(:fetch)
      BIND_CALL = FETCH.respond_to?(:bind_call) # JRuby 9.3 has none
      private_constant :FETCH, :BIND_CALL

      # @return [String] as in `sql.active_record`
      attr_reader :name

      # @return [Hash] what the program said of it; don't change it
      attr_reader :payload

      # @return [Integer] how long it took, by the monotonic clock
      attr_reader :nanoseconds

      # @return [Integer] how many objects the whole process allocated meanwhile, every thread of it
      attr_reader :allocations

      # @api private
      def initialize(name, payload, nanoseconds, allocations)
        @name = name
        @payload = payload
        @nanoseconds = nanoseconds
        @allocations = allocations
      end

      # No default block of the payload runs, nor a method that its class has defined.
      #
      # @param key [Symbol] also of what is kept by the String of that name
      # @return [Object, nil] a value of the payload
      def [](key)
        return payload[key] unless BIND_CALL

        FETCH.bind_call(payload, key) { FETCH.bind_call(payload, key.to_s, nil) }
      end

      # @param key [Symbol]
      # @return [String] a value of the payload in words; an empty String for nil
      def text(key)
        payload[key].to_s
      end

      # @return [String] the class of the exception that ended it; an empty String if none did
      def exception
        payload[:exception] ? payload[:exception].first.to_s : ''
      end

      # @return [String] the line of the application that caused it, as in `app/models/order.rb:12`; an
      #   empty String if there is none
      def caller
        Integration::CallSite.find
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{name} #{nanoseconds} ns>"
      end
    end
  end
end
