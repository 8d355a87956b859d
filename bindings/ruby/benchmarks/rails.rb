# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What a Rails application costs with the gem, unwatched, beside the same application without it.
#
#   rails.rb [--rounds N]      with the gem and its tests' support in the load path
#
# Each contender is the application of examples/rails in a puma of its own. A round is some
# requests to each, one contender after the other, in an order that changes. Of the ratios of the
# rounds, the median counts; the application without the gem takes part twice, which shows how much
# of a difference is chance. The time on the CPU is that of all the server's threads; unlike the throughput, it
# hardly depends on what else the machine does.

require 'optparse'
require 'support/rails_shop'
require 'support/raised_semaphore'
require 'support/shown_by_bpftrace'

# Servers, and rounds of requests to them.
module RailsBench
  REQUESTS = 25
  PATH = '/orders/3'
  WARM_UP = 500 # at most, of requests

  STATE = File.expand_path('../test/support/rails_state.ru', __dir__)

  # Name => its environment and its rackup file.
  CONTENDERS = {
    'without the gem' => [{ 'SHOP_WITHOUT_TRACING' => '1' }, 'config.ru'],
    'with it, unwatched' => [{}, 'config.ru'],
    'with it, no longer watched' => [{}, STATE],
    'the first again' => [{ 'SHOP_WITHOUT_TRACING' => '1' }, 'config.ru']
  }.freeze

  # A server, and what its requests took.
  class Server
    attr_reader :rates, :costs

    def initialize(rounds, environment, rackup)
      @shop = RailsShop.new(rackup: rackup, environment: { 'WEB_CONCURRENCY' => nil, **environment })
      @warm_up = [WARM_UP, rounds * REQUESTS].min
      @rates = []
      @costs = []
      request(@warm_up)
      watch if rackup == STATE
    end

    def round
      cpu = cpu_time
      start = clock
      request(REQUESTS)
      @rates << REQUESTS * 1e9 / (clock - start)
      @costs << (cpu_time - cpu) / 1000.0 / REQUESTS
    end

    def close
      @shop.close
    end

    private

    def request(times)
      @shop.visit do |client|
        times.times { client.get(PATH).code == '200' or raise "#{PATH} failed: #{@shop}" }
      end
    end

    # Everything is watched for a while, and then no longer.
    def watch
      places = @shop.state(:places).map { |place| ShownByBpftrace.place(*place) }
      raised = places.map { |place| RaisedSemaphore.new(@shop.pid, place) }
      @shop.await_state('watching') { |state| state['everything'] }
      request(@warm_up)
      raised.each(&:close)
      @shop.await_state('the end of watching') { |state| state['subscribed'].zero? && state['wrapped'].empty? }
      request(@warm_up)
    end

    # Nanoseconds on the CPU.
    def cpu_time
      Dir["/proc/#{@shop.pid}/task/*/schedstat"].sum { |file| File.read(file).to_i }
    end

    def clock
      Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
    end
  end

  module_function

  def run(rounds)
    servers = CONTENDERS.transform_values { |contender| Server.new(rounds, *contender) }
    rounds.times { servers.values.shuffle.each(&:round) }
    report(servers)
  ensure
    servers&.each_value(&:close)
  end

  def report(servers)
    puts line("GET #{PATH}", 'requests/s', 'ratio', 'us of CPU', 'ratio')
    base = servers.values.first
    servers.each do |name, server|
      puts line(name, median(server.rates).round, ratio(server.rates, base.rates),
                median(server.costs).round(1), ratio(server.costs, base.costs))
    end
  end

  def line(name, *values)
    name.ljust(28) + values.map { |value| value.to_s.rjust(12) }.join
  end

  def ratio(values, base)
    median(values.zip(base).map { |one, other| one / other }).round(3)
  end

  def median(values)
    values.sort[values.size / 2]
  end
end

rounds = Integer(ENV.fetch('RST_BENCH_ROUNDS', '200'), 10)
OptionParser.new { |parser| parser.on('--rounds N', Integer) { |number| rounds = number } }.parse!
refusal = RailsShop.refusal
if refusal
  puts refusal
  exit 77 # skipped, for meson
end
RailsBench.run(rounds)
