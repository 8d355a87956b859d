# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Who calls this? The stack of Ruby methods, at each call. It is longer than what bpftrace takes for
# a string at once (64 bytes here), so it is read piece by piece.
#
# ```sh start watch
# RST_BACKING=file ruby stack.rb
# bpftrace -p $PID -e 'usdt:*:cart:total_stack {
#     printf("%s, %d bytes:\n", str(arg0), arg2);
#     $at = (uint64)0;
#     unroll(8) { if ($at < arg2) { printf("%s", str(arg1 + $at, 64)); $at += 63; } }
#     printf("\n");
# }'
# ```
#
# What bpftrace prints:
#
# ```text
# total, 93 bytes:
# stack.rb:36:in `pay'
# stack.rb:40:in `checkout'
# stack.rb:44:in `visit'
# stack.rb:53:in `<main>'
# ```

require 'ruby-static-tracing'

class Cart
  def total
    1999
  end
end

def pay(cart)
  cart.total
end

def checkout(cart)
  pay(cart)
end

def visit
  checkout(Cart.new)
end

StaticTracing::Tracer::Stack.register(Cart, :total)
StaticTracing.enable!
warn "PID=#{Process.pid}"

visits = 0
while (visits += 1) <= 600
  visit
  sleep 0.1
end
