# frozen_string_literal: true

module StaticTracing
  # The types of a tracepoint's arguments.
  #
  # | type                            | takes                                | a tracer sees       |
  # |---------------------------------|--------------------------------------|---------------------|
  # | `Integer`, `:int64`             | Integer of 64 bits, signed           | signed, 8 bytes     |
  # | `:int8`, `:int16`, `:int32`     | Integer within the type's range      | signed              |
  # | `:uint8` … `:uint64`            | Integer within the type's range      | unsigned            |
  # | `:bool`                         | true, false, nil                     | 1 or 0, 1 byte      |
  # | `Float`, `:double`              | Float, Integer                       | its bits, 8 bytes   |
  # | `:float`                        | Float, Integer                       | its bits, 4 bytes   |
  # | `String`, `:string`             | String, nil                          | the bytes' address  |
  # | `Symbol`, `:symbol`             | Symbol, nil                          | its name's address  |
  # | `:pointer`                      | Integer, an address; nil             | unsigned, 8 bytes   |
  #
  # nil is 0: an address that leads nowhere, which tracers show as an empty string. A String's bytes
  # are fired as they are, whatever their encoding, and a tracer reads them up to the first NUL;
  # only UTF-16 and UTF-32, in which every other byte is one, are fired as UTF-8.
  module Types
    # The type that an argument is declared as => its kind, which is the name of a row in values.c.
    KINDS = {
      Integer => :int64,
      String => :string,
      Float => :double,
      Symbol => :symbol,
      bool: :bool,
      int8: :int8, int16: :int16, int32: :int32, int64: :int64,
      uint8: :uint8, uint16: :uint16, uint32: :uint32, uint64: :uint64,
      float: :float, double: :double, pointer: :pointer, string: :string, symbol: :symbol
    }.freeze

    # Kinds that librst's signatures have another word for.
    SIGNATURE_WORDS = { symbol: 'string' }.freeze

    # What each kind takes, in the words of an error message.
    WANTED = {
      bool: 'true, false or nil',
      int8: 'an Integer from -128 to 127',
      int16: 'an Integer from -32768 to 32767',
      int32: 'an Integer from -2147483648 to 2147483647',
      int64: 'an Integer from -9223372036854775808 to 9223372036854775807',
      uint8: 'an Integer from 0 to 255',
      uint16: 'an Integer from 0 to 65535',
      uint32: 'an Integer from 0 to 4294967295',
      uint64: 'an Integer from 0 to 18446744073709551615',
      float: 'a Float or an Integer of at most 127 bytes',
      double: 'a Float or an Integer of at most 127 bytes',
      pointer: 'an address (an Integer from 0 to 18446744073709551615) or nil',
      string: 'a String or nil',
      symbol: 'a Symbol or nil'
    }.freeze

    # Kinds that take no Integer at all. The others take one that is in their range.
    NOT_NUMBERS = %i[bool string symbol].freeze

    # How bpftrace prints each kind; floating point as its bits.
    BPFTRACE = {
      bool: '%d', int8: '%d', int16: '%d', int32: '%d', int64: '%ld',
      uint8: '%u', uint16: '%u', uint32: '%u', uint64: '%lu',
      float: '0x%x', double: '0x%lx', pointer: '0x%lx', string: '"%s"', symbol: '%s'
    }.freeze
  end
end
