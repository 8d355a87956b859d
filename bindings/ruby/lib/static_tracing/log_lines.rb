# frozen_string_literal: true

require 'static_tracing/integration'

module StaticTracing
  # A tracepoint of the lines that Ruby's Logger writes, and those made of it: Rails' and Sidekiq's.
  #
  #     require 'static_tracing/log_lines'
  #
  #     # bpftrace -p PID -e 'usdt:*:log:line { printf("%s %s\n", str(arg0), str(arg1)); }'
  #
  # `log:line(severity, message, program, bytes)` fires for each line that a logger writes, before it
  # writes it; once for each logger, if it is written to several. The message is without the formatter's
  # additions, and of so many bytes. Nothing is wrapped while nobody watches.
  module LogLines
    # The arguments of the tracepoints.
    PROBES = { line: { severity: String, message: String, program: String, bytes: Integer } }.freeze

    LINE = Integration.declare(:log, PROBES).fetch(:line)
    private_constant :LINE

    class << self
      # @return [Boolean] true: Logger is a part of Ruby
      def there?
        true
      end

      # Declare the tracepoint. Requiring the file does this; a second time does nothing.
      # @return [Boolean] true
      def connect
        Integration.once(self) do
          hook = Integration::Hook.new(Lines) { ::Logger }
          Watcher.watch([LINE], attached: hook.method(:install), detached: hook.method(:remove))
        end
      end

      # @api private
      def fire(severity, program, message)
        LINE.fire do
          text = words_of(message)
          [severity.to_s, text, program.to_s, text.bytesize]
        end
      end

      private

      # As Logger's own formatter shows what isn't a String.
      def words_of(message)
        case message
        when String then message
        when Exception then "#{message.message} (#{message.class})"
        else message.inspect
        end
      end
    end

    # What is around a logger's methods while somebody watches.
    # @api private
    module Lines
      private

      def format_message(severity, time, program, message)
        LogLines.fire(severity, program, message)
        super
      end
    end

    connect
  end
end
