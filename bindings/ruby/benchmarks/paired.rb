# SPDX-License-Identifier: MIT
# frozen_string_literal: true

module Bench
  # How two things that took turns compare, on a machine that does something else besides.
  #
  # Turns that lie beside each other share the machine's mood, so what counts is the ratio of each
  # pair. Pairs of a sitting share two processes, too, which differ by chance for as long as they
  # live (where their memory lies, say). So sittings are many, each weighs the same, and the interval
  # is found by drawing whole sittings, and then pairs of each, again and again (a bootstrap).
  class Paired
    DRAWS = 2000

    # Of the draws, the interval leaves out as many at either end.
    TAIL = 0.025

    # @param sittings [Array<Array<Float>>] the ratios of each sitting's pairs
    def initialize(sittings, random: Random.new(1))
      @sittings = sittings.reject(&:empty?)
      raise ArgumentError, 'there are no ratios' if @sittings.empty?

      @random = random
    end

    # @return [Float]
    def ratio
      @ratio ||= middle(@sittings)
    end

    # @return [Array(Float, Float)] where the ratio lies, in 95 of 100 such runs
    def interval
      @interval ||= begin
        drawn = Array.new(DRAWS) { middle(draw(@sittings).map { |pairs| draw(pairs) }) }.sort
        [drawn[(DRAWS * TAIL).floor], drawn[(DRAWS * (1 - TAIL)).ceil - 1]]
      end
    end

    # @return [Symbol] :yes or :no, if the interval says whether the ratio is as high; else :open
    def at_least(limit)
      low, high = interval
      return :yes if low >= limit

      high < limit ? :no : :open
    end

    private

    def draw(list)
      Array.new(list.size) { list[@random.rand(list.size)] }
    end

    # A sitting is known by its median, which a few disturbed pairs don't move.
    def middle(sittings)
      Math.exp(sittings.sum { |pairs| Math.log(median(pairs)) } / sittings.size)
    end

    def median(values)
      sorted = values.sort
      (sorted[(sorted.size - 1) / 2] + sorted[sorted.size / 2]) / 2.0
    end
  end
end
