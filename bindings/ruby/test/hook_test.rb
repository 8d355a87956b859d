# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Methods around a framework's own, which come and go.

require 'helper'
require 'static_tracing/integration'

class HookTest < Minitest::Test
  class Framework
    def greet(name, loud: false)
      block_given? ? yield(name) : "#{secret} #{name}#{'!' if loud}"
    end

    private

    def secret
      'hello'
    end
  end

  module Around
    def greet(*, **)
      "(#{super})"
    end

    private

    def secret
      super.capitalize
    end
  end

  def test_that_a_hook_comes_and_goes_without_a_trace
    before = describe(Framework)
    hook = StaticTracing::Integration::Hook.new(Around) { Framework }
    hook.remove
    2.times do
      2.times { hook.install }
      assert_equal '(Hello Ada!)', Framework.new.greet('Ada', loud: true)
      assert_equal('(a block for Ada)', Framework.new.greet('Ada') { |name| "a block for #{name}" })
      assert_raises(NoMethodError) { Framework.new.secret }
      2.times { hook.remove }
      assert_equal 'hello Ada', Framework.new.greet('Ada')
      assert_equal before, describe(Framework)
    end
  end

  def describe(owner)
    %i[greet secret].map do |name|
      method = owner.instance_method(name)
      [method.owner, method.source_location, method.parameters, owner.private_method_defined?(name)]
    end
  end
end
