# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What a Rails application costs with the gem, unwatched, beside the same application without it.
#
#   rails.rb [--sittings N] [--rounds N]      with the gem and its tests' support in the load path
#
# Each contender is the application of examples/rails in a puma of its own. A round is a few
# requests to each, one contender after the other, in an order that changes; after some rounds, a
# sitting, all of them are started anew. What counts are the ratios within the rounds: see
# paired.rb. The application without the gem takes part twice. That is the control: it shows how
# much of a difference is chance. The time on the CPU is that of all the server's threads; unlike
# the throughput, it hardly depends on what else the machine does.

require 'optparse'
require 'support/rails_shop'
require 'support/raised_semaphore'
require 'support/shown_by_bpftrace'
require_relative 'paired'

# Servers, and rounds of requests to them.
module RailsBench
  REQUESTS = 10
  PATH = '/orders/3'
  WARM_UP = 500 # at most, of requests

  # What the throughput is to be, beside that without the gem.
  LIMIT = 0.99

  STATE = File.expand_path('../test/support/rails_state.ru', __dir__)

  # Name => its environment and its rackup file.
  CONTENDERS = {
    'without the gem' => [{ 'SHOP_WITHOUT_TRACING' => '1' }, 'config.ru'],
    'with it, unwatched' => [{}, 'config.ru'],
    'with it, no longer watched' => [{}, STATE],
    'without the gem, again' => [{ 'SHOP_WITHOUT_TRACING' => '1' }, 'config.ru']
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

  # @return [Hash{String => Hash}] of each contender, its rates and costs, by sittings
  def run(sittings, rounds)
    all = CONTENDERS.transform_values { { rates: [], costs: [] } }
    sittings.times do
      sit(rounds).each do |name, server|
        all[name][:rates] << server.rates
        all[name][:costs] << server.costs
      end
    end
    all
  end

  def sit(rounds)
    servers = {}
    CONTENDERS.each { |name, contender| servers[name] = Server.new(rounds, *contender) }
    rounds.times { servers.values.shuffle.each(&:round) }
    servers
  ensure
    servers.each_value(&:close)
  end

  def report(all)
    puts line("GET #{PATH}", 'requests/s', 'ratio', '95 % interval', 'us of CPU', 'ratio', '95 % interval')
    base = all.values.first
    all.each do |name, one|
      figures = { rates: 0, costs: 1 }.flat_map do |what, digits|
        paired = pair(one[what], base[what])
        [median(one[what].flatten).round(digits), paired.ratio.round(3), show(paired.interval)]
      end
      puts line(name, *figures)
    end
    answer(pair(all['with it, unwatched'][:rates], base[:rates]))
  end

  def answer(paired)
    said = { yes: 'yes', no: 'no', open: 'this run can\'t tell; more sittings may' }.fetch(paired.at_least(LIMIT))
    puts "Is the throughput unwatched #{LIMIT} of that without the gem, or more? #{said}"
  end

  def pair(sittings, base)
    Bench::Paired.new(sittings.zip(base).map { |ours, others| ours.zip(others).map { |one, other| one / other } })
  end

  def show(interval)
    interval.map { |bound| format('%.3f', bound) }.join(' to ')
  end

  def line(name, *values)
    name.ljust(28) + values.map { |value| value.to_s.rjust(16) }.join
  end

  def median(values)
    values.sort[values.size / 2]
  end
end

rounds = Integer(ENV.fetch('RST_BENCH_ROUNDS', '60'), 10)
sittings = [10, rounds].min
OptionParser.new do |parser|
  parser.on('--sittings N', Integer) { |number| sittings = number }
  parser.on('--rounds N', Integer) { |number| rounds = number }
end.parse!
refusal = RailsShop.refusal
if refusal
  puts refusal
  exit 77 # skipped, for meson
end
RailsBench.report(RailsBench.run(sittings, rounds))
