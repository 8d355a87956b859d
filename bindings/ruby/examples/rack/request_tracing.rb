# frozen_string_literal: true

# SPDX-License-Identifier: MIT

require 'ruby-static-tracing'

# Rack middleware with two tracepoints: one when a request comes in, one when it has been answered.
#
#     use RequestTracing    # in config.ru, before what it is to measure
#
#     bpftrace -p $PID -e 'usdt:*:rack:request_finish { @us[str(arg1)] = hist(arg3); }'
#
# The time is that of the application's `call`; sending the body comes after it. The status is 0 if
# the application raised.
class RequestTracing
  STARTED = StaticTracing::Tracepoint.new(:rack, :request_start, method: String, path: String)
  FINISHED = StaticTracing::Tracepoint.new(:rack, :request_finish, method: String, path: String,
                                                                   status: Integer, microseconds: Integer)

  def initialize(app)
    @app = app
  end

  def call(env)
    STARTED.fire { name_of(env) }
    FINISHED.enabled? ? measure(env) : @app.call(env)
  end

  private

  def measure(env)
    name = name_of(env) # now, for applications may write to env
    start = StaticTracing.nsec
    response = @app.call(env)
  ensure
    FINISHED.fire { [*name, response ? response[0].to_i : 0, (StaticTracing.nsec - start) / 1000] }
  end

  def name_of(env)
    [env['REQUEST_METHOD'], "#{env['SCRIPT_NAME']}#{env['PATH_INFO']}"]
  end
end
