# frozen_string_literal: true

threads 4, 4
workers Integer(ENV.fetch('WEB_CONCURRENCY', '0'), 10)
preload_app! if ENV['WEB_CONCURRENCY']
bind ENV.fetch('SHOP_BIND', 'tcp://127.0.0.1:9292')
