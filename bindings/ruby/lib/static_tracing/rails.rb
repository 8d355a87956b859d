# frozen_string_literal: true

# Everything that a Rails application needs; in its Gemfile:
#
#     gem 'ruby-static-tracing', require: 'static_tracing/rails'

require 'ruby-static-tracing'
require 'static_tracing/railtie' if defined?(Rails::Railtie)
