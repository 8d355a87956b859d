# frozen_string_literal: true

# The earlier gem had its concern here; see static_tracing/compatibility.rb.
require 'static_tracing'
