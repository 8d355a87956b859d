# frozen_string_literal: true

module StaticTracing
  # How values and names are shown in error messages.
  # @api private
  module Shown
    # As much of a value as a message should quote.
    LENGTH = 60

    # Classes whose #inspect is short, known, and free of surprises.
    PLAIN = [Integer, Float, String, Symbol, NilClass, TrueClass, FalseClass].freeze

    module_function

    # @return [String] a value and its class, or only its class
    def value(value)
      plain = PLAIN.find { |type| type === value }
      return one_of(class_of(value)) unless plain
      return value.inspect if value.nil? || value == true || value == false

      # Of a long String only the part that is quoted is looked at; and of a subclass of String none of
      # its own methods is called.
      shown = (String === value ? ::String.new(value)[0, LENGTH + 1] : value).inspect
      shown = "#{shown[0, LENGTH]}..." if shown.length > LENGTH
      "#{shown} (#{class_of(value)})"
    end

    # @return [String] as in `an Array`
    def one_of(klass)
      "#{/\A[AEIO]/.match?(klass.to_s) ? 'an' : 'a'} #{klass}"
    end

    # @return [String] what a String or a Symbol says, in bytes; an empty one for whatever else
    def bytes(value)
      return value.to_s.b if Symbol === value
      return '' unless String === value && value.encoding.ascii_compatible?

      ::String.new(value).b
    end

    # @return [String] the same, if it is a word of ASCII; or an empty one
    def word(value)
      bytes = bytes(value)
      bytes.ascii_only? ? bytes.encode(Encoding::US_ASCII) : ''
    end

    # @return [Class] also of a BasicObject, which can't be asked
    def class_of(value)
      ::Kernel.instance_method(:class).bind(value).call # JRuby 9.3 has no bind_call
    end

    # @return [String] a String of whatever encoding, as a message can quote it
    def quoted(text)
      text[0, LENGTH + 1].inspect.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
    end

    # @return [String] as in `a, b`, or `none`
    def list(names)
      names.empty? ? 'none' : names.join(', ')
    end

    # @return [String] as in `a, b or c`
    def choice(names)
      [names[0...-1].join(', '), names.last].reject(&:empty?).join(' or ')
    end
  end
end
