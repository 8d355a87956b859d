# frozen_string_literal: true

module StaticTracing
  module Tracer
    # Fires after a method, with its name and how many nanoseconds it took, even if an exception, a
    # `throw` or a `break` ended it. The tracepoint is named after the method.
    #
    #     StaticTracing::Tracer::Latency.register(Shop::Cart, :total)
    #     StaticTracing.enable!
    #
    #     # bpftrace -p PID -e 'usdt:*:shop_cart:total { @ns = hist(arg1); }'
    class Latency < Base
      set_tracepoint_data_types method: String, nanoseconds: Integer

      # @param method_name [Symbol]
      # @return [String] as in `save_bang` for `save!`; a subclass's are as {Base.tracepoint_name} says
      def self.tracepoint_name(method_name)
        equal?(Latency) ? Names.probe(method_name) : super
      end

      # @param call [Call]
      # @return [Array(String, Integer)]
      def self.values(call)
        [call.method_name, call.nanoseconds]
      end

      PLAIN = [method(:values).source_location, setting(:@types)].freeze
      private_constant :PLAIN

      # @return [Class, nil] a Stopwatch; nil for a subclass with other values, which needs a {Call}
      # @api private
      def self.meter
        plain = [method(:values).source_location, setting(:@types)]
        Stopwatch if plain == PLAIN && !costs?
      end
    end
  end
end
