# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# A server with four workers. It says FILE=..., where the tracepoints are, and WORKER=..., the
# process id of one of them.
#
# ```sh start watch
# RST_BACKING=file ruby prefork.rb
# bpftrace -e 'usdt:'$FILE':worker:job { @jobs[arg0] = count(); } interval:s:2 { exit(); }'
# ```
#
# What bpftrace prints, for example; without -p it watches all who have the file:
#
# ```text sample
# @jobs[0]: 19
# @jobs[1]: 20
# @jobs[2]: 19
# @jobs[3]: 20
# ```
#
# This watches one worker:
#
# ```sh watch
# bpftrace -p $WORKER -e 'usdt:*:worker:job { printf("%d\n", arg0); }'
# ```
# ```text
# 2
# 2
# ```

require 'ruby-static-tracing'

JOB = StaticTracing::Tracepoint.new(:worker, :job, worker: Integer)

StaticTracing.enable! # before the fork: the workers then have what is loaded
workers = Array.new(4) do |number|
  fork do
    600.times do
      JOB.fire(number)
      sleep 0.1
    end
  end
end

trap(:TERM) { workers.each { |worker| Process.kill(:TERM, worker) } }
warn "FILE=#{JOB.path}", "WORKER=#{workers[2]}"
workers.each { |worker| Process.wait(worker) }
