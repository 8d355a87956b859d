# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# The application of examples/rails, and beside it what a test wants to know of the process.

require 'json'
require File.join(Dir.pwd, 'config/environment')

# What notices watching, quickly.
StaticTracing::Watcher.interval = 0.01

# What is there while somebody watches.
module State
  METHODS = [
    [Logger, :format_message], [ActiveRecord::ConnectionAdapters::ConnectionPool, :checkout],
    [Puma::ThreadPool, :<<], [Puma::Server, :handle_request], [Puma::Server, :lowlevel_error],
    [Puma::Events, :fire], [defined?(Puma::LogWriter) ? Puma::LogWriter : Puma::Events, :parse_error]
  ].freeze

  # As many subscribers as there are names.
  ALL = [StaticTracing::Notifications, StaticTracing::ActiveJob].sum { |part|
    part::PROBES.values.sum { |names,|
      names.size
    }
  }

  module_function

  def to_h
    { pid: Process.pid, watched: tracepoints.count(&:enabled?), subscribed: subscribed, wrapped: wrapped,
      everything: subscribed == ALL && wrapped == METHODS.map(&:last) }
  end

  # ActiveSupport 6.1 keeps those of a name and those of a pattern apart.
  def subscribed
    notifier = ActiveSupport::Notifications.notifier
    all = notifier.instance_variable_get(:@string_subscribers).values.flatten +
          notifier.instance_variable_get(:@other_subscribers)
    all.count { |one| StaticTracing::Notifications::Subscriber === one.instance_variable_get(:@delegate) }
  end

  # The framework's own modules have names.
  def wrapped
    METHODS.reject { |owner, name| owner.instance_method(name).owner.name }.map(&:last)
  end

  def tracepoints
    StaticTracing.providers.values.flat_map { |provider| provider.tracepoints.values }
  end

  # Objects that live, and memory in KiB.
  def memory
    3.times { GC.start }
    { objects: GC.stat(:heap_live_slots), resident: File.read('/proc/self/smaps_rollup')[/^Rss:\s*(\d+)/, 1].to_i,
      threads: Thread.list.size, descriptors: Dir.children('/proc/self/fd').size }
  end

  # What an earlier visit has put into the cache is gone.
  def forget
    Rails.cache.clear
    nil
  end

  def places
    tracepoints.map { |one| [one.provider_name, one.name, one.path, one.signature] }
  end
end

%i[to_h memory places forget].each do |name|
  map("/state/#{name}") { run ->(_env) { [200, {}, [JSON.generate(State.public_send(name))]] } }
end

map('/') { run Rails.application }
