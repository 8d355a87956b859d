# frozen_string_literal: true

require 'rails'
require 'active_record/railtie'
require 'active_job/railtie'
require 'action_controller/railtie'

# What a Gemfile does with `require: 'static_tracing/rails'`. The benchmark leaves it out to compare.
require 'static_tracing/rails' unless ENV['SHOP_WITHOUT_TRACING']

module Shop
  # A small shop, to watch.
  class Application < Rails::Application
    config.load_defaults Rails::VERSION::STRING.to_f
    config.root = File.expand_path('..', __dir__)
    config.eager_load = Rails.env.production?
    config.cache_store = :memory_store
    config.active_job.queue_adapter = :inline
    config.secret_key_base = 'of an example, which has no secrets'
    config.hosts.clear
    config.logger = ActiveSupport::Logger.new(ENV.fetch('SHOP_LOG', File::NULL))
    config.log_level = :info
  end
end
