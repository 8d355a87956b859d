# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# A tracer of your own: what a call came to, and how long it took.
#
# ```sh start watch
# RST_BACKING=file ruby own_tracer.rb
# bpftrace -p $PID -e 'usdt:*:orders:*_rows {
#     printf("%s: %d rows, raised %s\n", str(arg0), arg1, str(arg3));
#     @ns_per_row = hist(arg2 / (arg1 + 1));
# }'
# ```
#
# What bpftrace prints:
#
# ```text
# find: 3 rows, raised
# find: 0 rows, raised ArgumentError
# ```

require 'ruby-static-tracing'

class Rows < StaticTracing::Tracer::Base
  set_tracepoint_data_types method: String, rows: Integer, nanoseconds: Integer, exception: String
  set_values do |call|
    [call.method_name, call.result ? call.result.size : 0, call.nanoseconds, call.exception&.class&.name]
  end
end

class Orders
  def find(customer)
    raise ArgumentError, 'no name' if customer.empty?

    [1, 2, 3]
  end
end

Rows.register(Orders, :find)
StaticTracing.enable!
warn "PID=#{Process.pid}"

600.times do |number|
  begin
    Orders.new.find(number.odd? ? 'Ada' : '')
  rescue ArgumentError
    # The caller gets what the method raised, as ever.
  end
  sleep 0.1
end
