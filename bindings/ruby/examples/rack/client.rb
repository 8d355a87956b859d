# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# Goes to the shop of config.ru as customers do, from when it is watched.
#
#     ruby client.rb http://127.0.0.1:9292 40         # 40 requests; 0: until Ctrl-C
#     ruby client.rb http://127.0.0.1:9292 40 4711    # and end process 4711, the shop

require 'net/http'

# What customers ask for, over and over.
VISIT = [[:get, '/'], [:get, '/cart'], [:get, '/'], [:get, '/cart'], [:get, '/sale'], [:post, '/checkout']].freeze
PATIENCE = 60

def wait_until_watched(shop)
  deadline = Time.now + PATIENCE
  until shop.get('/watched').body == 'true'
    abort "client: nobody watched within #{PATIENCE} seconds" if Time.now > deadline
    sleep 0.05
  end
  sleep 0.2 # the semaphore rises a moment before bpftrace's program is there, and nothing says when it is
end

trap(:INT) { exit!(130) }
trap(:TERM) { exit!(143) }
url = URI(ARGV.fetch(0))
count = Integer(ARGV.fetch(1), 10)
server = ARGV[2] && Integer(ARGV[2], 10)
begin
  Net::HTTP.start(url.host, url.port) do |shop|
    wait_until_watched(shop)
    VISIT.cycle.with_index do |(method, path), number|
      break if count.positive? && number == count

      method == :post ? shop.post(path, '') : shop.get(path)
    end
  end
rescue SystemCallError, IOError => e
  abort "client: the shop has closed: #{e.message}"
ensure
  Process.kill(:TERM, server) if server
end
