# frozen_string_literal: true

module StaticTracing
  module Tracer
    # Fires after a method, with its name, how many nanoseconds it took, how many objects were made
    # meanwhile, by how many bytes malloc's memory grew, and how many nanoseconds Ruby collected
    # garbage. The tracepoint is named after the method, with `_allocations` at the end.
    #
    #     StaticTracing::Tracer::Allocations.register(Shop::Cart, :total)
    #     StaticTracing.enable!
    #
    #     # bpftrace -p PID -e 'usdt:*:shop_cart:total_allocations { @objects[str(arg0)] = hist(arg2); }'
    #
    # Ruby counts for the whole process, so what other threads make meanwhile is in it. `bytes` is less
    # than 0 if more was freed than allocated, and begins at 0 again with a major collection. Ruby's own
    # slots aren't in it; since Ruby 3.2, they hold Strings of up to 640 bytes. Before Ruby 3.1,
    # `gc_nanoseconds` is 0. A call costs one object, which isn't counted.
    class Allocations < Base
      set_tracepoint_data_types method: String, nanoseconds: Integer, objects: Integer, bytes: Integer,
                                gc_nanoseconds: Integer

      # @param method_name [Symbol]
      # @return [String] as in `save_bang_allocations` for `save!`
      def self.tracepoint_name(method_name)
        "#{Names.probe(method_name)}_allocations"
      end

      # @return [Class] an AllocationMeter
      # @api private
      def self.meter
        AllocationMeter
      end

      # @raise [NotImplementedError] always: only the time of a {Call} is known
      # @api private
      def self.values(_call)
        raise NotImplementedError, "#{inspect} measures in C, and has no values that a subclass can change"
      end

      # @raise [ArgumentError] always: what it measures is measured without a {Call}
      # @api private
      def self.set_cost(*)
        raise ArgumentError, "#{inspect} has no cost argument"
      end
    end
  end
end
