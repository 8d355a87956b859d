# frozen_string_literal: true

require 'static_tracing/integration'

module StaticTracing
  # Tracepoints of web requests, for every Rack application.
  #
  #     require 'static_tracing/rack'
  #     use StaticTracing::Rack::Middleware # in config.ru, before what it is to measure
  #
  #     # bpftrace -p PID -e 'usdt:*:rack:request { @us[str(arg0)] = hist(arg2 / 1000); }'
  #
  # - `rack:request_begin(method, path, request_id, queue_nanoseconds)`, when a request comes in
  # - `rack:request(route, status, nanoseconds, request_id, queue_nanoseconds, method, path, exception)`,
  #   when it was answered
  #
  # The route is what the application says: `OrdersController#show` of Rails, `GET /orders/:id` of
  # Sinatra; if it says nothing, the path. The status is 0 if the application raised or threw. The
  # nanoseconds are those of the application's `call`; sending the body comes after it. The time in the
  # queue is that since the web server before this one wrote the header `X-Request-Start`, -1 if it
  # wrote none.
  module Rack
    # The arguments of the tracepoints.
    PROBES = {
      request_begin: { method: String, path: String, request_id: String, queue_nanoseconds: Integer },
      request: { route: String, status: Integer, nanoseconds: Integer, request_id: String,
                 queue_nanoseconds: Integer, method: String, path: String, exception: String }
    }.freeze

    # When a request came to the web server before this one, which writes `t=` or not, and seconds,
    # milliseconds or microseconds: the number says which.
    QUEUED = /\A(?:t=)?(\d+)(?:\.(\d{1,9}))?\z/.freeze
    private_constant :QUEUED

    # Digits of the whole number => digits that make nanoseconds of it.
    UNITS = { 10 => 9, 13 => 6, 16 => 3, 19 => 0 }.freeze
    private_constant :UNITS

    TRACEPOINTS = Integration.declare(:rack, PROBES)
    private_constant :TRACEPOINTS

    # What to `use`. It may be used more than once, and by any number of threads.
    class Middleware
      # @param app [#call] the application
      def initialize(app)
        @app = app
        @begin, @request = TRACEPOINTS.values_at(:request_begin, :request)
      end

      # Call the application. Unwatched, this asks two tracepoints whether they are watched, and does
      # nothing else.
      # @param env [Hash]
      # @return [Array] what the application returned
      def call(env)
        Watcher.safe_point
        @begin.fire { [*Rack.method_and_path(env), Rack.request_id(env), Rack.queued(env)] }
        @request.enabled? ? measure(env) : @app.call(env)
      end

      private

      def measure(env)
        method, path = Rack.method_and_path(env) # now, because applications may write to env
        queued = Rack.queued(env)
        start = StaticTracing.nsec
        response = @app.call(env)
      rescue Exception => e
        raise
      ensure
        nanoseconds = StaticTracing.nsec - start
        @request.fire do
          [Rack.route(env, path), response ? response[0].to_i : 0, nanoseconds, Rack.request_id(env, response),
           queued, method, path, e ? e.class.to_s : '']
        end
      end
    end

    class << self
      # @api private
      def method_and_path(env)
        [env['REQUEST_METHOD'].to_s, env['SCRIPT_NAME'].to_s.b + env['PATH_INFO'].to_s.b]
      end

      # @api private
      def request_id(env, response = nil)
        headers = response && response[1]
        (env['action_dispatch.request_id'] || env['HTTP_X_REQUEST_ID'] ||
          (headers && (headers['x-request-id'] || headers['X-Request-Id']))).to_s
      end

      # @api private
      def queued(env)
        found = QUEUED.match(env['HTTP_X_REQUEST_START'].to_s.b)
        digits = found && UNITS[found[1].size]
        return -1 unless digits

        began = Integer(found[1] + found[2].to_s.ljust(digits, '0')[0, digits], 10)
        [Integration.wall_clock - began, 0].max
      end

      # @api private
      def route(env, path)
        parameters = env['action_dispatch.request.path_parameters']
        return rails_route(parameters) if parameters && parameters[:controller]

        (env['sinatra.route'] || path).to_s
      end

      private

      # `admin/orders` is Admin::OrdersController.
      def rails_route(parameters)
        controller = parameters[:controller].to_s.split('/').map { |part| part.split('_').map(&:capitalize).join }
        "#{controller.join('::')}Controller##{parameters[:action]}"
      end
    end
  end
end
