# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What each type looks like to bpftrace.
#
# ```sh start watch
# RST_BACKING=file ruby types.rb
# bpftrace -p $PID -e '
#     usdt:*:types:numbers { printf("%ld %d %lu %d %lx\n", arg0, arg1, arg2, arg3, arg4); }
#     usdt:*:types:words { printf("<%s> <%s> <%s> <%s> <%s>\n",
#         str(arg0), str(arg1), str(arg2), str(arg3), str(arg4)); }'
# ```
#
# What bpftrace prints. A Float comes as its bits: these are those of 0.5. A String ends for a
# tracer where it has a NUL, and nil is empty.
#
# ```text
# -5 -128 18446744073709551615 1 3fe0000000000000
# <Grüße> <in_transit> <before> <> <Grüße>
# ```

require 'ruby-static-tracing'

NUMBERS = StaticTracing::Tracepoint.new(:types, :numbers, Integer, :int8, :uint64, :bool, Float)
WORDS = StaticTracing::Tracepoint.new(:types, :words, String, Symbol, String, String, String)

StaticTracing.enable!
warn "PID=#{Process.pid}"

600.times do
  NUMBERS.fire(-5, -128, 18_446_744_073_709_551_615, true, 0.5)
  WORDS.fire('Grüße', :in_transit, "before\0after", nil, 'Grüße'.encode('UTF-16LE'))
  sleep 0.1
end
