# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# The values at the edges of every type, and what a tracer must see of them.
module Values
  FLOATS = [0.0, -0.0, 1.5, -Float::MAX, Float::MIN, Float::MIN.prev_float, Float::INFINITY,
            -Float::INFINITY, Float::NAN, 0, -3, 2**53 + 1, 2**64].freeze

  # What can be declared => values to fire.
  EDGES = {
    Integer => [-(2**63), -(2**62) - 1, -(2**62), -1, 0, 2**62 - 1, 2**62, 2**63 - 1],
    Float => FLOATS,
    bool: [true, false, nil],
    int8: [-(2**7), -1, 0, 2**7 - 1],
    int16: [-(2**15), -1, 0, 2**15 - 1],
    int32: [-(2**31), -1, 0, 2**31 - 1],
    int64: [-(2**63), -1, 0, 2**63 - 1],
    uint8: [0, 2**8 - 1],
    uint16: [0, 2**16 - 1],
    uint32: [0, 2**32 - 1],
    uint64: [0, 2**62, 2**63, 2**64 - 1],
    float: FLOATS,
    double: FLOATS,
    pointer: [nil, 0, 2**47, 2**64 - 1]
  }.freeze

  TEXTS = {
    String => [nil, '', 'Ada', "\u00e9\u4e2d\u{1f600}"],
    string: [nil, 'Grace'],
    Symbol => [nil, :checkout, :"with blanks", :"\u00e9"],
    symbol: [:+]
  }.freeze

  ALL = EDGES.merge(TEXTS).freeze

  # What a tracer knows of an argument: its size in bytes, and whether it has a sign.
  SHAPES = Hash.new([8, false]).update(
    Integer => [8, true], bool: [1, false], int8: [1, true], int16: [2, true], int32: [4, true],
    int64: [8, true], uint8: [1, false], uint16: [2, false], uint32: [4, false], float: [4, false]
  ).freeze

  # One of each, as many as a tracepoint can have.
  MIXED = [:bool, :int8, :uint8, :int16, :uint16, :int32, :uint32, Integer, :uint64, :float, Float,
           String].freeze

  module_function

  # @return [Hash{String => Array}] the name of a tracepoint for each type => the types of its arguments
  def tracepoints
    ALL.keys.to_h { |type| ["of_#{type}", [type] * 12] }
  end

  # @return [Array<Array(String, Array)>] each a tracepoint's name and values, all edges at every place
  def fires
    tracepoints.flat_map do |name, types|
      ALL[types.first].each_index.map { |round| [name, twelve(types.first, round)] }
    end
  end

  def text?(type)
    TEXTS.key?(type)
  end

  # @return [Integer, String] what a tracer sees
  def seen(type, value)
    return value.to_s.b if text?(type)
    return [value].pack('e').unpack1('L<') if type == :float
    return [value].pack('E').unpack1('Q<') if [Float, :double].include?(type)

    { nil => 0, true => 1, false => 0 }.fetch(value, value)
  end

  # Twelve values of one type, the edges in turn, beginning with another one in each round.
  def twelve(type, round)
    ALL.fetch(type).cycle.first(ALL.fetch(type).size + 11)[round, 12]
  end
end
