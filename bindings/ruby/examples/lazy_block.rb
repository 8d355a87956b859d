# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Values that take time to compute are fired by a block, which runs only while somebody watches.
#
# ```sh start watch
# RST_BACKING=file ruby lazy_block.rb
# bpftrace -p $PID -e 'usdt:*:shop:checkout { printf("order %ld, summary %ld: %s\n", arg0, arg1, str(arg2)); }'
# ```
#
# What bpftrace prints, for example (orders go on all the time, but the first summary is made when
# bpftrace comes):
#
# ```text sample
# order 31, summary 1: 2 apples, 1 pear
# order 32, summary 2: 2 apples, 1 pear
# ```

require 'ruby-static-tracing'

CHECKOUT = StaticTracing::Tracepoint.new(:shop, :checkout, order: Integer, made: Integer, summary: String)

StaticTracing.enable!
warn "PID=#{Process.pid}"

made = 0
1.upto(600) do |order|
  CHECKOUT.fire do
    made += 1
    [order, made, { apple: 2, pear: 1 }.map { |fruit, count| "#{count} #{fruit}#{'s' if count > 1}" }.join(', ')]
  end
  sleep 0.1
end
