# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Jobs of Sidekiq, and of ActiveJob on Sidekiq; what a Sidekiq process of a test requires.

require 'json'
require 'sidekiq'
require 'active_job'
require 'static_tracing/sidekiq'
require 'static_tracing/active_job'

REDIS = { url: ENV.fetch('RST_REDIS'), size: 5 }.freeze
Sidekiq.configure_client { |config| config.redis = REDIS.dup }
Sidekiq.configure_server { |config| config.redis = REDIS.dup }
ActiveJob::Base.queue_adapter = :sidekiq
ActiveJob::Base.logger = Logger.new(File::NULL)
StaticTracing::Watcher.interval = 0.01
StaticTracing.configuration.on_error = :raise

# Ends as its argument says.
class Plain
  include Sidekiq::Worker
  sidekiq_options queue: 'plain', retry: 1, backtrace: false

  def perform(how)
    raise ArgumentError, 'as it was told to' if how == 'raise'
  end
end

# The same, of ActiveJob.
class Wrapped < ActiveJob::Base
  class Retried < StandardError; end
  class Discarded < StandardError; end

  queue_as :wrapped
  retry_on(Retried, wait: 3600, attempts: 2) { |_job, _error| nil }
  discard_on Discarded

  def perform(how)
    raise self.class.const_get(how) unless how == 'return'
  end
end

# Where the tracepoints are, for the test.
def tell_places
  places = StaticTracing.providers.values.flat_map { |provider| provider.tracepoints.values }
                        .map { |one| [one.provider_name, one.name, one.path, one.signature] }
  $stdout.puts("places #{JSON.generate(places)}")
  $stdout.flush
end

Sidekiq.configure_server do |config|
  config.on(:startup) do
    StaticTracing.enable!
    tell_places
    Thread.new do
      tracepoints = StaticTracing.providers.values.flat_map { |provider| provider.tracepoints.values }
      events = StaticTracing::ActiveJob::PROBES.values.flat_map(&:first)
      sleep 0.01 until tracepoints.all?(&:enabled?) &&
                       events.all? { |event| ActiveSupport::Notifications.notifier.listening?(event) }
      # A job that asks for others, in this process, so that one tracer sees both ends.
      Plain.perform_async('return')
      Plain.perform_async('raise')
      Plain.perform_in(3600, 'return')
      %w[return Discarded Retried].each { |how| Wrapped.perform_later(how) }
      Wrapped.set(wait: 3600).perform_later('return')
    end
  end
end
