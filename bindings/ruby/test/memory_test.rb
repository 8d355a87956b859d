# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'support/traced'

# Fires leave nothing behind.
class MemoryTest < TracedTest
  SCRIPT = <<~RUBY
    order = declare(:order, id: Integer, customer: String, what: Symbol, price: Float)
    ROUND = 1000
    VALUES = [2**62, 'Ada', :checkout, 1.25].freeze
    # Fires with values and with a block; each so many times.
    FIRES = lambda do |times|
      id, customer, what, price = VALUES
      (times / ROUND).times do
        ROUND.times { order.fire(id, customer, what, price) }
        ROUND.times { order.fire { VALUES } }
      end
    end
    # KiB and objects that more fires cost, after as many as make Ruby's heap settle.
    COSTS = lambda do |times|
      FIRES.call(times / 10)
      GC.start
      memory = resident
      objects = GC.stat(:total_allocated_objects)
      FIRES.call(times)
      objects = GC.stat(:total_allocated_objects) - objects
      GC.start
      [resident - memory, objects]
    end
  RUBY
  UNWATCHED = 10_000_000
  WATCHED = 100_000

  def test_that_ten_million_unwatched_fires_keep_memory_flat
    program = subject("#{SCRIPT}\nPROVIDER.enable\nsay(*COSTS.call(#{UNWATCHED / 2}))")
    check_flat(program.finish.last, program)
  end

  def test_that_a_hundred_thousand_watched_fires_keep_memory_flat
    shown, said = trace({ order: '@hits = count();' }, <<~RUBY)
      #{SCRIPT}
      watched { say(*COSTS.call(#{WATCHED / 2})) }
    RUBY
    assert_equal ["@hits: #{WATCHED + WATCHED / 10}"], shown
    # Two objects shield a block's run from what other threads raise; they are collected again.
    check_flat(said.last, said, objects: WATCHED)
  end

  private

  def check_flat(line, program, objects: 0)
    memory, made = line.split.map { |word| Integer(word) }
    assert_operator memory, :<, 1024, "KiB; #{program}"
    assert_operator made, :<, objects + 100, "objects; #{program}"
  end
end
