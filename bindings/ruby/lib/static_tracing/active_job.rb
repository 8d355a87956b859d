# frozen_string_literal: true

require 'static_tracing/notifications'

module StaticTracing
  # Tracepoints of ActiveJob's jobs, whatever runs them.
  #
  #     require 'static_tracing/active_job' # after active_job
  #
  #     # bpftrace -p PID -e 'usdt:*:active_job:perform { @us[str(arg0)] = hist(arg2 / 1000); }'
  #
  # `active_job:perform`, `enqueue`, `retry`, `retry_stopped` and `discard`; {PROBES} has their
  # arguments. Nothing is subscribed while nobody watches.
  module ActiveJob
    # How long a job was in its queue; -1 if it doesn't say since when. Before Rails 7.1, it says so in
    # whole seconds.
    QUEUED = lambda do |job|
      since = job.enqueued_at
      since = Time.iso8601(since) if since.is_a?(String)
      since ? [Integration.wall_clock - (since.to_r * 1_000_000_000).to_i, 0].max : -1
    end
    private_constant :QUEUED

    # What every tracepoint says first.
    JOB = ->(event) { [event[:job].class.name.to_s, event[:job].queue_name.to_s] }
    private_constant :JOB

    # The class of the error that a job ended with.
    ERROR = ->(event) { event[:error] ? event[:error].class.to_s : event.exception }
    private_constant :ERROR

    # What tracepoints say of jobs that failed.
    FAILED = [
      { job: String, queue: String, error: String, executions: Integer, id: String }.freeze,
      ->(event) { [*JOB.call(event), ERROR.call(event), event[:job].executions, event[:job].job_id.to_s] }
    ].freeze
    private_constant :FAILED

    # For each tracepoint the names of its notifications, its arguments, and the values of a
    # {Notifications::Event}.
    PROBES = {
      perform: [
        ['perform.active_job'],
        { job: String, queue: String, nanoseconds: Integer, queue_nanoseconds: Integer, executions: Integer,
          exception: String, id: String, allocations: Integer },
        lambda do |event|
          job = event[:job]
          [*JOB.call(event), event.nanoseconds, QUEUED.call(job), job.executions, event.exception, job.job_id.to_s,
           event.allocations]
        end
      ],
      enqueue: [
        %w[enqueue.active_job enqueue_at.active_job],
        { job: String, queue: String, nanoseconds: Integer, scheduled: :bool, id: String, exception: String },
        lambda do |event|
          [*JOB.call(event), event.nanoseconds, event.name.start_with?('enqueue_at'), event[:job].job_id.to_s,
           ERROR.call(event)]
        end
      ],
      retry: [['enqueue_retry.active_job'], *FAILED],
      retry_stopped: [['retry_stopped.active_job'], *FAILED],
      discard: [['discard.active_job'], *FAILED]
    }.freeze

    class << self
      # @return [Boolean] whether ActiveJob is loaded
      def there?
        Notifications.there? && defined?(::ActiveJob) ? true : false
      end

      # Declare the tracepoints of {PROBES}. Requiring the file does this, if ActiveJob is loaded; a
      # second time does nothing.
      # @return [Boolean] whether ActiveJob is loaded; if not, nothing is declared
      def connect
        Integration.once(self) { Notifications.connect_probes(:active_job, PROBES) }
      end
    end

    connect
  end
end
