# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'helper'
require 'support/verifier_world'

# Which blocks pass, and why others are refused.
class VerifierTest < Minitest::Test
  Verifier = StaticTracing::Verifier

  Verifier.allow('#verified_id', bound: 'an attribute', returns: Integer)
  Verifier.allow('#verified_number', bound: 'an attribute', returns: [Integer, nil])
  Verifier.allow('VerifierWorld::Current.request_id', bound: 'a variable of the thread', returns: String)

  # What is expected where versions of Ruby differ in their words, but not in the line.
  ANY = '[ANY]'

  def check(code)
    Verifier.check(VerifierWorld.block(code), [:return])
  end

  # Each refusal without the file, as in `1: each { … }: a block may be run any number of times`.
  def words(refusals)
    refusals.map { |one| "#{one.line}: #{one.construct}: #{one.reason}" }
  end

  def assert_refusals(expected, found, title)
    if expected.last&.end_with?(ANY)
      found = found.take(expected.size)
      expected = expected.map { |one| one.delete_suffix(ANY) }
    end
    assert_equal expected.size, found.size, "#{title}: #{found.join("\n")}"
    expected.zip(found) { |start, words| assert words.start_with?(start), "#{title}: #{words}" }
  end

  def quietly
    verbose, $VERBOSE = $VERBOSE, nil
    yield
  ensure
    $VERBOSE = verbose
  end

  VerifierWorld.samples.each do |sample|
    define_method("test_that_it_knows_#{sample.title.gsub(/\W+/, '_')}") do
      assert_refusals(sample.expected, words(quietly { check(sample.code) }), sample.title)
    end
  end

  # ---------------------------------------------------------------- what changes
  def test_that_half_of_the_blocks_are_refused_and_titles_say_so
    refused, passed = VerifierWorld.samples.partition { |sample| sample.expected.any? }
    assert_operator refused.size, :>=, 50
    assert_operator passed.size, :>=, 50
    assert_empty(refused.reject { |sample| sample.title.start_with?('refused: ') }.map(&:title))
    assert_empty(passed.select { |sample| sample.title.start_with?('refused: ') }.map(&:title))
    titles = VerifierWorld.samples.map(&:title)
    assert_equal titles.uniq, titles
  end
end
