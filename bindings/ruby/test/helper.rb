# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What every test loads.

require 'ruby-static-tracing'
require 'minitest/autorun'
require 'support/loads'

# meson takes a status for "skipped", which Minitest doesn't have: RST_SKIPPED_STATUS is it.
module Skips
  @all = []

  class << self
    attr_reader :all
  end

  def after_teardown
    super
    Skips.all << (passed? ? :passed : result_code)
  end
end

# What a privileged machine must have, and another may lack.
module Needs
  # @param refusal [String, nil] why it can't be had
  def need(refusal)
    return unless refusal

    flunk("RST_REQUIRE_TRACERS=1, but #{refusal}") if ENV['RST_REQUIRE_TRACERS'] == '1'
    skip(refusal)
  end
end

# Minitest 6 has no `stub`.
module Instead
  # While the block runs, an object has another method of its own.
  def instead_of(object, name, body)
    own = object.singleton_class
    before = own.instance_method(name)
    define_quietly(own, name, body)
    yield
  ensure
    before.owner.equal?(own) ? define_quietly(own, name, before) : own.send(:remove_method, name)
  end

  private

  def define_quietly(own, name, body)
    verbose, $VERBOSE = $VERBOSE, nil
    own.send(:define_method, name, body)
  ensure
    $VERBOSE = verbose
  end
end

Minitest::Test.include(Needs, Instead)
Minitest::Test.prepend(Skips)
Minitest.after_run do
  status = ENV['RST_SKIPPED_STATUS']
  exit Integer(status) if status && Skips.all.include?('S') && (Skips.all - [:passed, 'S']).empty?
end
