# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# How long methods take, without a line changed in them.
#
# ```sh start watch
# RST_BACKING=file ruby latency.rb
# bpftrace -p $PID -e '
#     usdt:*:cart:* { @us[str(arg0)] = hist(arg1 / 1000); }
#     interval:s:3 { exit(); }'
# ```
#
# What bpftrace prints when it ends, for example:
#
# ```text sample
# @us[add]:
# [1K, 2K)             127 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
#
# @us[total]:
# [8K, 16K)            115 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
# [16K, 32K)            12 |@@@@@                                               |
# ```

require 'ruby-static-tracing'

class Cart
  def add(_article)
    sleep 0.001
  end

  def total(currency: 'EUR')
    sleep rand(9..20) / 1000.0
    [1999, currency]
  end
end

StaticTracing::Tracer::Latency.register(Cart, :add, :total)
StaticTracing.enable!
warn "PID=#{Process.pid}"

cart = Cart.new
2000.times do |article|
  cart.add(article)
  cart.total(currency: 'DKK')
end
