# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'support/tracers'

# A bpftrace program that prints every argument of tracepoints, and what it printed, by their names.
module ShownByBpftrace
  # A place where a tracepoint is: what a test knows of one in another process.
  Place = Struct.new(:provider_name, :name, :path, :arguments) do
    def to_s
      "#{provider_name}:#{name}"
    end
  end

  # What each fire printed: its tracepoint, and its arguments by their names.
  Fire = Struct.new(:tracepoint, :shown) do
    def [](name)
      shown.fetch(name)
    end
  end

  SIZES = { 'bool' => 1, 'int64' => 8 }.freeze

  module_function

  # @param signature [String] as Tracepoint#signature
  def place(provider, name, path, signature)
    Place.new(provider, name, path, signature.split(', ').to_h { |argument| argument.split.reverse })
  end

  # For a process, which bpftrace searches itself: if it is given a file's name beside a process id,
  # bpftrace 0.27 shows each hit twice.
  #
  # @param places [Array<Place>]
  # @param last [String] the condition of the fire at which bpftrace ends, by its tracepoint
  def program(places, last: {})
    places.map do |place|
      prints = place.arguments.each_with_index.map { |(name, type), index| print(name, type, index) }
      ends = last.key?(place.to_s) ? "if (#{last[place.to_s]}) { exit(); }" : ''
      "usdt:*:#{place} { printf(\"= #{place}\\n\"); #{prints.join(' ')} #{ends} }"
    end.join("\n")
  end

  def print(name, type, index)
    return "printf(\"#{name} %s\\n\", str(#{argument(index)}));" if type == 'string'

    "printf(\"#{name} %ld\\n\", #{argument(index, bytes: SIZES.fetch(type))});"
  end

  def argument(index, **options)
    Bpftrace.argument('bpftrace', index, **options)
  end

  # @param lines [Array<String>] what bpftrace printed
  # @param places [Array<Place>]
  # @return [Array<Fire>]
  def fires(lines, places)
    arguments = places.to_h { |place| [place.to_s, place.arguments.keys] }
    lines.slice_before(/\A= /).map do |head, *said|
      tracepoint = head.delete_prefix('= ')
      Fire.new(tracepoint, values(said.join("\n"), arguments.fetch(tracepoint)))
    end
  end

  # A value may be of several lines.
  def values(said, names)
    pattern = names.map { |name| "#{name} (?<#{name}>.*)" }.join('\n')
    found = /\A#{pattern}\z/m.match(said.b).named_captures
    found.to_h { |name, value| [name.to_sym, value.force_encoding(Encoding::UTF_8)] }
  end
end
