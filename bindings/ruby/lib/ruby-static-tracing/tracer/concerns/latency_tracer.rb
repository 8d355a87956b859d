# frozen_string_literal: true

# The earlier gem had its concern here; it is in static_tracing/tracer/concerns.rb.
require 'static_tracing'
