# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Tracepoints that are not there until the process is told by a signal, and go by another.
#
# ```sh start run watch
# RST_BACKING=file ruby signal.rb
# kill -PROF $PID
# bpftrace -p $PID -e 'usdt:*:shop:checkout { printf("%ld\n", arg0); }'
# ```
#
# What bpftrace prints, for example (before the signal it finds no such probe):
#
# ```text sample
# 52
# 53
# ```

require 'ruby-static-tracing'

CHECKOUT = StaticTracing::Tracepoint.new(:shop, :checkout, order: Integer)

StaticTracing.configure do |config|
  config.mode = 'SIGNAL'
  config.signal = 'PROF'
end
warn "PID=#{Process.pid}"

1.upto(600) do |order|
  CHECKOUT.fire(order)
  sleep 0.1
end
