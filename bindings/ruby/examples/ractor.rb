# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# One tracepoint, fired from Ractors (Ruby 3.0 and later). A tracepoint is frozen, so they may share it.
#
# ```sh start watch
# RST_BACKING=file ruby ractor.rb
# bpftrace -p $PID -e 'usdt:*:ractors:turn { @turns[str(arg0)] = count(); } interval:s:2 { exit(); }'
# ```
#
# What bpftrace prints, for example:
#
# ```text sample
# @turns[one]: 19
# @turns[two]: 19
# ```

require 'ruby-static-tracing'

TURN = StaticTracing::Tracepoint.new(:ractors, :turn, name: String)

StaticTracing.enable!
warn "PID=#{Process.pid}"

%w[one two].each do |name|
  Ractor.new(name) do |ractor|
    loop do
      TURN.fire(ractor)
      sleep 0.1
    end
  end
end
sleep 60
