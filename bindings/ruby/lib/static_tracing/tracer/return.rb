# frozen_string_literal: true

require 'static_tracing/tracer/text'

module StaticTracing
  module Tracer
    # Fires after a method, with its name, the class of what it returned, and the value: a String or
    # Symbol as it is; an Integer, a Float, true, false or nil as in code; of anything else it is empty.
    # If an exception ended the method, its class and message follow; then there is no value. The
    # tracepoint is named after the method, with `_return` at the end.
    #
    #     StaticTracing::Tracer::Return.register(Shop::Cart, :total)
    #     StaticTracing.enable!
    #
    #     # bpftrace -p PID -e 'usdt:*:shop_cart:total_return { @[str(arg1), str(arg3)] = count(); }'
    class Return < Base
      set_tracepoint_data_types method: String, class: String, value: String, exception: String, message: String

      # @param method_name [Symbol]
      # @return [String] as in `save_bang_return` for `save!`
      def self.tracepoint_name(method_name)
        "#{Names.probe(method_name)}_return"
      end

      # @param call [Call]
      # @return [Array(String, String, String, String, String)]
      def self.values(call)
        error = call.exception
        return [call.method_name, '', '', Text.class_of(error), error.message.to_s] if error

        type = Text.class_of(call.result)
        text = Text.of(call.result)
        [call.method_name, type, text.equal?(type) || text == type ? '' : text, '', '']
      end
    end
  end
end
