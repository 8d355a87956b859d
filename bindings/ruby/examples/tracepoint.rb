# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# A tracepoint: declared once, fired for each order. Start it; it prints PID=..., which the other
# command needs, in another terminal, as root:
#
# ```sh start watch
# RST_BACKING=file ruby tracepoint.rb
# bpftrace -p $PID -e 'usdt:*:shop:checkout { printf("%ld %s\n", arg0, str(arg1)); }'
# ```
#
# What bpftrace prints, for example:
#
# ```text sample
# 7 Ada
# 8 Grace
# 9 Ada
# ```

require 'ruby-static-tracing'

CHECKOUT = StaticTracing::Tracepoint.new(:shop, :checkout, order: Integer, customer: String)

StaticTracing.enable!
warn "PID=#{Process.pid}"

1.upto(600) do |order|
  CHECKOUT.fire(order, order.odd? ? 'Ada' : 'Grace')
  sleep 0.1
end
