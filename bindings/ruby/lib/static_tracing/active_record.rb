# frozen_string_literal: true

require 'static_tracing/integration'

module StaticTracing
  # A tracepoint of ActiveRecord's connection pools: how long each thread waits for a connection.
  #
  #     require 'static_tracing/active_record' # after active_record
  #
  #     # bpftrace -p PID -e 'usdt:*:active_record:checkout { @us[str(arg0)] = hist(arg1 / 1000); }'
  #
  # `active_record:checkout(pool, nanoseconds, size, connections, waiting, exception)` fires when a thread
  # has got a connection, or has not: then the exception is `ActiveRecord::ConnectionTimeoutError`. The
  # size is how many connections the pool may have, `connections` how many it has, `waiting` how many other
  # threads wait. Queries are `rails:sql`; see {Notifications}. Nothing is wrapped while nobody watches.
  module ActiveRecord
    # The arguments of the tracepoints.
    PROBES = {
      checkout: { pool: String, nanoseconds: Integer, size: Integer, connections: Integer, waiting: Integer,
                  exception: String }
    }.freeze

    class << self
      # @return [Boolean] whether ActiveRecord is loaded
      def there?
        defined?(::ActiveRecord) ? true : false
      end

      # Declare the tracepoint. Requiring the file does this, if ActiveRecord is loaded; a second time
      # does nothing.
      # @return [Boolean] whether ActiveRecord is loaded; if not, nothing is declared
      def connect
        Integration.once(self) do
          @checkout = Integration.declare(:active_record, PROBES).fetch(:checkout)
          hook = Integration::Hook.new(Pool) { ::ActiveRecord::ConnectionAdapters::ConnectionPool }
          Watcher.watch([@checkout], attached: hook.method(:install), detached: hook.method(:remove))
        end
      end

      # @api private
      def fire(pool, nanoseconds, error)
        @checkout.fire do
          [name_of(pool), nanoseconds, pool.size, pool.connections.size, pool.num_waiting_in_queue,
           error ? error.class.to_s : '']
        end
      end

      private

      # A pool says of which database it is since Rails 6.1.
      def name_of(pool)
        pool.respond_to?(:db_config) ? pool.db_config.name.to_s : pool.spec.name.to_s
      end
    end

    # What is around a pool's methods while somebody watches.
    # @api private
    module Pool
      def checkout(*)
        start = StaticTracing.nsec
        super
      rescue Exception => e
        raise
      ensure
        ActiveRecord.fire(self, StaticTracing.nsec - start, e)
      end
    end

    connect
  end
end
