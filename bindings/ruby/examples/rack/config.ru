# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# A small shop, which `./demo ruby` watches. By hand:
#
#     RST_BACKING=file puma config.ru        # says its PID, and where it listens
#     ruby client.rb http://127.0.0.1:9292 40
#     bpftrace -p $PID -e 'usdt:*:rack:request_finish { printf("%s %s\n", str(arg0), str(arg1)); }'

require_relative 'request_tracing'

StaticTracing.enable!

# How long the work for each page takes, in milliseconds.
pages = { '/' => 1..3, '/cart' => 4..12, '/checkout' => 20..60 }

shop = lambda do |env|
  work = pages[env['PATH_INFO']]
  next [404, { 'content-type' => 'text/plain' }, ["no such page\n"]] unless work

  sleep rand(work) / 1000.0
  [200, { 'content-type' => 'text/plain' }, ["welcome\n"]]
end

# The client waits for this to say true. It is not itself a request that is to be seen.
map '/watched' do
  run ->(_env) { [200, { 'content-type' => 'text/plain' }, [RequestTracing::FINISHED.enabled?.to_s]] }
end

map '/' do
  use RequestTracing
  run shop
end
