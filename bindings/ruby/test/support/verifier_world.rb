# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What the blocks in verifier_blocks.txt name, and what makes them.
module VerifierWorld
  LIMIT = 10
  PREFIX = 'shop.'
  CODES = { paid: 1, open: 2 }.freeze
  STEPS = [1, 2, 3].freeze
  SEEN = []
  COUNTING = Hash.new { |counts, key| counts[key] = 0 }
  autoload :Late, '/nonexistent/late'

  Order = Class.new
  Current = Module.new

  # Classes that would run code of theirs.
  module Shadows
    Integer = Class.new { def self.===(_) sleep; end }
  end
  Sly = Class.new { def self.===(_) sleep; end }
  SlyText = Class.new(String) { def size() sleep; end }
  SLY_TEXT = SlyText.new('sly').freeze
  ODD_TEXT = 'odd'.dup.tap { |text| text.define_singleton_method(:size) { sleep } }

  BLOCKS = File.join(__dir__, 'verifier_blocks.txt')

  # A block of the file, and the refusals that are expected of it.
  Sample = Struct.new(:title, :code, :expected)

  # @return [Array<Sample>] of this Ruby's version
  def self.samples
    File.read(BLOCKS, encoding: 'UTF-8').split(/^### /).drop(1).map do |text|
      title, *lines = text.lines(chomp: true)
      expected, code = lines.reject(&:empty?).partition { |line| line.start_with?('=> ') }
      Sample.new(title, code.join("\n"), expected.map { |line| line.delete_prefix('=> ') })
    end.select { |sample| here?(sample.title[/\[(.*)\]\z/, 1]) }
  end

  def self.here?(condition)
    condition.nil? || Gem::Requirement.new(condition).satisfied_by?(Gem::Version.new(RUBY_VERSION))
  end

  # @return [Proc] whose first line is line 1, or line 0 if it has parameters of its own
  def self.block(code)
    outer = count = Object.new
    parameters, code = code.split("\n", 2) if code.start_with?('|')
    parameters ||= code.include?('_1') ? '' : '|call|'
    made = eval("proc { #{parameters}\n#{code}\n}", binding, 'block', 0)
    [outer, count].any?(&:frozen?) ? nil : made
  end
end
