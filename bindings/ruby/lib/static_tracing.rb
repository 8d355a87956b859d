# frozen_string_literal: true

require 'logger'
require 'static_tracing/version'
require 'static_tracing/errors'
require 'static_tracing/reports'
require 'static_tracing/provider'
require 'static_tracing/tracepoint'
require 'static_tracing/shortcuts'
require 'static_tracing/watcher'
require 'static_tracing/tracer'
require 'static_tracing/configuration'
require 'static_tracing/compatibility'
require 'static_tracing/testing'

# Static tracepoints for Ruby: places in a program that bpftrace, gdb, bcc, perf and other tools can
# watch while it runs in production, and that cost next to nothing while nobody does.
#
#     require 'ruby-static-tracing'
#
#     CHECKOUT = StaticTracing::Tracepoint.new(:shop, :checkout, order: Integer, customer: String)
#     StaticTracing.enable!
#     …
#     CHECKOUT.fire(order.id, order.customer)
#
#     # bpftrace -p PID -e 'usdt:*:shop:checkout { printf("%ld %s\n", arg0, str(arg1)); }'
#
# Most programs need {Tracepoint} and {Provider}; {Tracer} gives methods tracepoints, and
# {Configuration} says when tracing is enabled.
module StaticTracing
  @enabled = false

  class << self
    # Set where to log. nil: standard error.
    # @param logger [Logger, nil] or another object with the methods `warn` and `error`
    # @return [Logger, nil]
    # @raise [ArgumentError] if it lacks one of them
    def logger=(logger)
      unless logger.nil? || (logger.respond_to?(:warn) && logger.respond_to?(:error))
        raise ArgumentError,
              "a logger must have the methods warn and error, as a Logger does; not #{Shown.value(logger)}"
      end

      @logger = logger
    end

    # @return [Logger] where this gem logs; standard error unless another was set
    def logger
      @logger ||= Logger.new($stderr, progname: 'static_tracing')
    end

    # @return [Integer] nanoseconds of the monotonic clock, which tracers use, too
    def nsec
      Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
    end

    # @return [Hash{String => Provider}] all current providers; `[]` takes a Symbol, too
    def providers
      Provider.all
    end

    # @return [Boolean] whether {.enable!} was called, and {.disable!} not since
    def enabled?
      @enabled
    end

    # Let tracers find all providers, and those that are made later. {Tracer}s wrap their methods.
    # What can't be loaded is logged.
    # @return [void]
    def enable!
      Tracer.synchronize do
        @enabled = true
        Tracer.enable!
        Provider.enable!
      rescue Exception
        disable!
        raise
      end
    end

    # Hide everything from tracers. {Tracer}s restore their methods.
    # @return [void]
    def disable!
      Tracer.synchronize do
        @enabled = false
        Tracer.disable!
      ensure
        Provider.disable!
      end
    end

    # Enable if disabled, disable if enabled, in one step: no other thread can come between.
    # @return [void]
    def toggle_tracing!
      Tracer.synchronize { enabled? ? disable! : enable! }
    end

    # @yieldparam configuration [Configuration] see {Configuration#configure}
    # @return [Configuration]
    # @raise [Configuration::InvalidValueError] if a value is unknown
    def configure(&block)
      configuration.configure(&block)
    end

    # @return [Configuration] the only one there is
    def configuration
      Configuration.instance
    end
  end

  CRUBY ? Verifier::Builtins.remember : Elsewhere.take_over
end
