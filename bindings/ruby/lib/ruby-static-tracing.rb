# frozen_string_literal: true

# What `require 'ruby-static-tracing'` and Bundler load; see static_tracing.rb.
require 'static_tracing'
