# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What benchmarks/rails.rb makes of its figures.

require 'helper'
require_relative '../benchmarks/paired'

class PairedTest < Minitest::Test
  def test_that_a_ratio_of_which_all_pairs_are_sure_is_known_for_certain
    paired = Bench::Paired.new([[0.5] * 9] * 4)
    assert_in_delta 0.5, paired.ratio
    assert_in_delta 0.5, paired.interval.first
    assert_in_delta 0.5, paired.interval.last
  end

  def test_that_a_few_disturbed_pairs_do_not_move_it
    assert_in_delta 1.0, Bench::Paired.new([[1.0, 1.0, 9.0, 1.0, 0.1], [1.0, 30.0, 1.0]]).ratio
  end

  # Twice as much in one sitting, half as much in another: no difference.
  def test_that_sittings_weigh_the_same_whatever_their_number_of_pairs
    assert_in_delta 1.0, Bench::Paired.new([[2.0], [0.5] * 7, []]).ratio
  end

  # However many pairs two processes have, they are only two processes.
  def test_that_sittings_that_differ_leave_the_answer_open
    low, high = Bench::Paired.new([[0.95] * 50, [1.05] * 50] * 3).interval
    assert_operator low, :<, 0.99
    assert_operator high, :>, 1.01
  end

  def test_that_it_answers_only_what_the_interval_says
    pairs = Array.new(40) { |number| 1 + (((number % 5) - 2) * 0.01) }
    paired = Bench::Paired.new([pairs] * 8)
    assert_equal %i[yes open no], [0.9, 1.0, 1.1].map { |limit| paired.at_least(limit) }
  end

  def test_that_nothing_is_not_compared
    assert_match(/no ratios/, assert_raises(ArgumentError) { Bench::Paired.new([[]]) }.message)
  end
end
