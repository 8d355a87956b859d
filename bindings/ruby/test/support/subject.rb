# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What a program that is watched has, besides the gem. Its script declares tracepoints and fires
# them while it is watched:
#
#     order = declare(:order, Integer)
#     watched { say order.fire(1) }
#
# The other end is Subject in support/traced.rb: `watched` tells it where the tracepoints are,
# and goes on when a tracer watches those that it is told.

require 'ruby-static-tracing'

$stdout.sync = true
$stdin.sync = true

PROVIDER = StaticTracing::Provider.register(:subject)
FINISH = StaticTracing::Tracepoint.new(:subject_finish, :finish)
DEADLINE = Integer(ENV.fetch('RST_DEADLINE', '100'))

def say(*words)
  $stdout.puts(words.join(' '))
end

# @return [String] the next line that the test sends
def hear
  $stdin.gets&.chomp or abort 'the test is gone'
end

def declare(name, *types, **named)
  PROVIDER.add_tracepoint(name, *types, **named)
end

# The kernel wakes nobody when it counts a tracer in or out: look again and again.
def await(what)
  end_at = StaticTracing.nsec + DEADLINE * 1_000_000_000
  until yield
    abort "#{what} did not come" if StaticTracing.nsec > end_at
    sleep 0.001
  end
end

def await_watched(*tracepoints)
  tracepoints.each { |tracepoint| await("a tracer of #{tracepoint}") { tracepoint.enabled? } }
end

def await_unwatched(*tracepoints)
  tracepoints.each { |tracepoint| await("the end of #{tracepoint}'s tracer") { !tracepoint.enabled? } }
end

# Tell where all tracepoints are.
def tell_paths
  tracepoints = StaticTracing.providers.values.flat_map { |provider| provider.tracepoints.values }
  tracepoints.each { |tracepoint| say('at', tracepoint.provider_name, tracepoint.name, tracepoint.path) }
  say 'ready'
end

# Wait until all that the test names are watched.
def be_watched
  StaticTracing::Provider.enable!
  tell_paths
  hear.split.each { |names| await_watched(StaticTracing::Tracepoint.fetch(*names.split(':'))) }
end

# End the tracer, when it has shown everything that was fired.
def finish
  FINISH.fire
end

def watched
  be_watched
  yield
ensure
  finish
end

# Resident memory in KiB.
def resident
  File.read('/proc/self/smaps_rollup')[/^Rss:\s*(\d+)/, 1].to_i
end

def descriptors
  Dir.children('/proc/self/fd').size
end
