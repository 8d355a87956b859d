# frozen_string_literal: true

module StaticTracing
  module Tracer
    # Fires before a method, with its name, the stack it is called from (one frame a line, innermost
    # first), and how many bytes that has: tracers read only so much of a string at once, but can read
    # on at `arg1 + 200`. The tracepoint is named after the method, with `_stack` at the end.
    #
    #     StaticTracing::Tracer::Stack.register(Shop::Cart, :total)
    #     StaticTracing.enable!
    #
    #     # bpftrace -p PID -e 'usdt:*:shop_cart:total_stack { @[str(arg1)] = count(); }'
    class Stack < Base
      set_tracepoint_data_types method: String, stack: String, bytes: Integer

      # How many frames there are at least from {.values} to what calls the method; what a subclass or
      # other tracers add to that is left out by its file.
      OWN_FRAMES = 6

      # How the lines of such frames begin.
      OWN_FILES = [WrapperModule::FILE, __dir__.freeze].freeze

      # @param call [Call]
      # @return [Array(String, String, Integer)]
      def self.values(call)
        # As bytes, because paths of several encodings can't be joined otherwise.
        lines = caller(OWN_FRAMES).reject { |line| line.start_with?(*OWN_FILES) }
        stack = lines.map(&:b).join("\n")
        [call.method_name, stack, stack.bytesize]
      end

      # @return [Symbol] `:call`
      # @api private
      def self.fires_at
        :call
      end
    end
  end
end
