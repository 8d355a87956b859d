# frozen_string_literal: true

module StaticTracing
  module Tracer
    # Values of any class as a String, in little time: of what isn't plain only the class is named,
    # because its `inspect` may take long, or query a database.
    # @api private
    module Text
      # Integers that don't take long to convert.
      SHORT = ->(value) { Integer === value && value.bit_length <= 1024 }

      module_function

      # @param value [Object]
      # @return [String] a String or Symbol itself; an Integer, Float, true, false or nil as in code; or
      #   the name of the class
      def of(value)
        case value
        when String then value
        when nil then 'nil'
        when Symbol, Float, true, false, SHORT then value.to_s
        else class_of(value)
        end
      end

      # @param value [Object] even a BasicObject
      # @return [String]
      def class_of(value)
        klass = Shown.class_of(value)
        Module.instance_method(:name).bind_call(klass) || Names.described(klass)
      end
    end
  end
end
