# frozen_string_literal: true

require 'static_tracing/integration'

module StaticTracing
  # Tracepoints of Sidekiq's jobs.
  #
  #     require 'static_tracing/sidekiq' # after sidekiq
  #
  #     # bpftrace -p PID -e 'usdt:*:sidekiq:perform { @us[str(arg0)] = hist(arg2 / 1000); }'
  #
  # - `sidekiq:perform(job, queue, nanoseconds, queue_nanoseconds, id, exception, retries)`, in the process
  #   that runs a job, when the job has ended
  # - `sidekiq:push(job, queue, id, scheduled)`, in the process that asks for one
  #
  # A job of ActiveJob has the name of its own class. The time in the queue is that since the job was
  # put into it, -1 if Sidekiq doesn't say when. The number of retries is 0 for a job's first run.
  module Sidekiq
    # The arguments of the tracepoints.
    PROBES = {
      perform: { job: String, queue: String, nanoseconds: Integer, queue_nanoseconds: Integer, id: String,
                 exception: String, retries: Integer },
      push: { job: String, queue: String, id: String, scheduled: :bool }
    }.freeze

    class << self
      # @return [Boolean] whether Sidekiq is loaded
      def there?
        defined?(::Sidekiq) ? true : false
      end

      # Add the middleware to Sidekiq's. Requiring the file does this, if Sidekiq is loaded; a second
      # time does nothing.
      # @return [Boolean] whether Sidekiq is loaded; if not, nothing is added
      def connect
        Integration.once(self) do
          @tracepoints = Integration.declare(:sidekiq, PROBES)
          ::Sidekiq.configure_client { |config| client(config) }
          ::Sidekiq.configure_server do |config|
            client(config) # jobs ask for jobs, too
            config.server_middleware { |chain| chain.prepend(Server) }
          end
        end
      end

      # @return [Tracepoint]
      # @api private
      def tracepoint(name)
        @tracepoints.fetch(name)
      end

      # @api private
      def name_of(job)
        (job['wrapped'] || job['class']).to_s
      end

      # Seconds as a Float until Sidekiq 8, which says milliseconds as an Integer.
      # @api private
      def queued(job)
        since = job['enqueued_at']
        return -1 unless since

        began = since.is_a?(Integer) ? since * 1_000_000 : (since * 1_000_000_000).to_i
        [Integration.wall_clock - began, 0].max
      end

      # @api private
      def retries(job)
        job['retry_count'] ? job['retry_count'] + 1 : 0
      end

      private

      def client(config)
        config.client_middleware { |chain| chain.add(Client) }
      end
    end

    # Around each job that runs. Sidekiq calls it.
    # @api private
    class Server
      def call(_instance, job, queue, &block)
        Watcher.safe_point
        perform = Sidekiq.tracepoint(:perform)
        perform.enabled? ? measure(perform, job, queue, &block) : yield
      end

      private

      def measure(perform, job, queue)
        queued = Sidekiq.queued(job)
        start = StaticTracing.nsec
        yield
      rescue Exception => e
        raise
      ensure
        nanoseconds = StaticTracing.nsec - start
        perform.fire do
          [Sidekiq.name_of(job), queue.to_s, nanoseconds, queued, job['jid'].to_s, e ? e.class.to_s : '',
           Sidekiq.retries(job)]
        end
      end
    end

    # Around each job that is asked for. Sidekiq calls it.
    # @api private
    class Client
      def call(_class, job, queue, _redis)
        pushed = yield
        Sidekiq.tracepoint(:push).fire { [Sidekiq.name_of(job), queue.to_s, job['jid'].to_s, job.key?('at')] } if pushed
        pushed
      end
    end

    connect
  end
end
