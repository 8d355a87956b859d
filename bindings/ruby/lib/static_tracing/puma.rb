# frozen_string_literal: true

require 'static_tracing/integration'

module StaticTracing
  # Tracepoints of Puma: what it says of itself, and how long requests wait for one of its threads.
  #
  #     require 'static_tracing/puma' # after puma: at the end of config.ru, for example
  #
  #     # bpftrace -p PID -e 'usdt:*:puma:request { @us = hist(arg2 / 1000); }'
  #
  # - `puma:request(method, path, queue_nanoseconds, nanoseconds, backlog, threads)`, when a request was
  #   answered, its body sent. The time in the queue is that until a thread took it; 0 for a request that
  #   follows another on the same connection at once. The backlog is how many others wait for a thread
  #   then, `threads` is how many there are.
  # - `puma:event(name, detail)`, Puma's own: `state` (`running`, `stop`, `done`, …), `on_booted`,
  #   `on_restart`, `on_stopped`; since Puma 8 `after_booted`, `before_restart`, `after_stopped`
  # - `puma:error(kind, exception, message)`: `parse_error` of a request that is none, `connection_error`,
  #   `ssl_error`, `unknown_error`, and `lowlevel_error` of an application that raised
  #
  # Of several processes, each fires its own. Nothing is wrapped while nobody watches.
  module Puma
    # The arguments of the tracepoints.
    PROBES = {
      request: { method: String, path: String, queue_nanoseconds: Integer, nanoseconds: Integer,
                 backlog: Integer, threads: Integer },
      event: { name: String, detail: String },
      error: { kind: String, exception: String, message: String }
    }.freeze

    # Where a client has since when it waits.
    QUEUED = :@static_tracing_queued
    private_constant :QUEUED

    class << self
      # @return [Boolean] whether Puma is loaded
      def there?
        defined?(::Puma) ? true : false
      end

      # Declare the tracepoints. Requiring the file does this, if Puma is loaded; a second time does
      # nothing.
      # @return [Boolean] whether Puma is loaded; if not, nothing is declared
      def connect
        Integration.once(self) do
          @tracepoints = Integration.declare(:puma, PROBES)
          watch(:request, [Pool, -> { ::Puma::ThreadPool }], [Server, -> { ::Puma::Server }])
          watch(:event, [Events, -> { ::Puma::Events }])
          watch(:error, [Errors, -> { defined?(::Puma::LogWriter) ? ::Puma::LogWriter : ::Puma::Events }],
                [LowlevelErrors, -> { ::Puma::Server }])
        end
      end

      # @api private
      def fire(name, &values)
        @tracepoints.fetch(name).fire(&values)
      end

      # A client begins to wait for a thread; Puma doesn't note when.
      # @api private
      def queue(client)
        client.instance_variable_set(QUEUED, StaticTracing.nsec) if ::Puma::Client === client
      end

      # A thread has taken a request. Whatever is amiss here, the request goes on.
      # @return [Array, nil] what {#answered} fires, but the time that it took
      # @api private
      def taken(server, client)
        start = StaticTracing.nsec
        method, path = client.env.values_at('REQUEST_METHOD', 'REQUEST_PATH')
        [start, method.to_s, path.to_s, waited(client, start), server.backlog.to_i, server.running.to_i]
      rescue StandardError => e
        Reports.once('puma:request', e)
        nil
      end

      # @api private
      def answered(start, method, path, waited, *pool)
        fire(:request) { [method, path, waited, StaticTracing.nsec - start, *pool] }
      end

      # Each version of Puma says something else beside the error.
      # @api private
      def report(kind, arguments)
        fire(:error) do
          error = arguments.find { |one| Exception === one }
          [kind.to_s, error.class.to_s, error ? error.message.to_s : '']
        end
      end

      private

      # What was noted when somebody watched before isn't used.
      def waited(client, now)
        queued = client.instance_variable_get(QUEUED)
        client.instance_variable_set(QUEUED, nil)
        queued && queued >= @since ? now - queued : 0
      end

      def watch(name, *hooked)
        hooks = hooked.map { |methods, target| Integration::Hook.new(methods, &target) }
        Watcher.watch([@tracepoints.fetch(name)],
                      attached: lambda do
                        @since = StaticTracing.nsec
                        hooks.each(&:install)
                      end,
                      detached: -> { hooks.each(&:remove) })
      end
    end

    # What is around the thread pool's methods while somebody watches.
    # @api private
    module Pool
      def <<(work)
        Puma.queue(work)
        super
      end
    end

    # What is around a server's methods while somebody watches.
    # @api private
    module Server
      # Each version of Puma gives it something else beside the client.
      def handle_request(*arguments)
        request = Puma.taken(self, arguments.find { |one| ::Puma::Client === one })
        super
      ensure
        Puma.answered(*request) if request
      end
    end

    # What is around the methods of Puma's events while somebody watches.
    # @api private
    module Events
      def fire(name, *details)
        Puma.fire(:event) { [name.to_s, details.first.is_a?(Symbol) ? details.first.to_s : ''] }
        super
      end
    end

    # What is around the methods by which Puma reports errors while somebody watches.
    # @api private
    module Errors
      %i[connection_error parse_error ssl_error unknown_error].each do |kind|
        define_method(kind) do |*arguments|
          Puma.report(kind, arguments)
          super(*arguments)
        end
      end
    end

    # The same for errors of the application, which a server reports in another way.
    # @api private
    module LowlevelErrors
      def lowlevel_error(*arguments)
        Puma.report(:lowlevel_error, arguments)
        super
      end
    end

    connect
  end
end
