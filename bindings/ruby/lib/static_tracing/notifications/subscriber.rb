# frozen_string_literal: true

module StaticTracing
  module Notifications
    # What is subscribed while a tracepoint is watched. ActiveSupport calls {#start} and {#finish} in
    # pairs, also if the subscription ends in between.
    # @api private
    class Subscriber
      # Notifications that frameworks send themselves begin so. Only their names subscribe to them.
      INTERNAL = '!'

      def initialize(tracepoint, verify, values)
        @tracepoint = tracepoint
        @verify = verify.nil? ? tracepoint.verify : verify
        @values = values
        @key = :"static_tracing_#{tracepoint.provider_name}_#{tracepoint.name}_#{object_id}"
        Verifier.admit?(values, verify_mode, tracepoint, [:event], raising: true)
      end

      # Notifications are within each other: the fiber's last is the one that ends first.
      def start(_name, _id, _payload)
        (Thread.current[@key] ||= []).push(GC.stat(:total_allocated_objects), StaticTracing.nsec)
      end

      def finish(name, _id, payload)
        now = StaticTracing.nsec
        allocated, began = Thread.current[@key]&.pop(2)
        return if began.nil? || name.start_with?(INTERNAL)

        allocations = GC.stat(:total_allocated_objects) - allocated
        @tracepoint.__send__(:fire_admitted) do
          Verifier.run(@values, verify_mode, @tracepoint, :event, Event.new(name, payload, now - began, allocations))
        end
      end

      private

      def verify_mode
        @verify.nil? ? Verifier.default : @verify
      end
    end
  end
end
