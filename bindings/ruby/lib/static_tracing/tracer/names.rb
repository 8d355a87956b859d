# frozen_string_literal: true

module StaticTracing
  module Tracer
    # The names of methods' providers and tracepoints: librst allows `[A-Za-z_][A-Za-z0-9_]*`, and
    # Ruby much more.
    # @api private
    module Names
      # Methods whose names are only signs.
      OPERATORS = {
        '[]' => 'index', '[]=' => 'index_set', '`' => 'backtick', '!' => 'not', '~' => 'complement',
        '+' => 'plus', '-' => 'minus', '*' => 'times', '/' => 'divide', '%' => 'modulo', '**' => 'power',
        '+@' => 'unary_plus', '-@' => 'unary_minus', '<<' => 'shift_left', '>>' => 'shift_right',
        '&' => 'and', '|' => 'or', '^' => 'xor', '==' => 'equal', '!=' => 'not_equal',
        '===' => 'case_equal', '=~' => 'match', '!~' => 'not_match', '<=>' => 'compare',
        '<' => 'less', '<=' => 'less_equal', '>' => 'greater', '>=' => 'greater_equal'
      }.freeze

      # The signs that may end another method's name.
      ENDINGS = { '!' => '_bang', '?' => '_p', '=' => '_set' }.freeze

      module_function

      # @param method_name [Symbol]
      # @return [String] as in `save_bang`; a character that can't be in it is `_u` and its number
      def probe(method_name)
        name = searchable(method_name.to_s)
        OPERATORS.fetch(name) { plain(name.sub(/[!?=]\z/, ENDINGS)) }
      end

      # @param klass [Module]
      # @return [String] as in `shop_cart` for Shop::Cart, and for its singleton class; a name that is
      #   too long loses its beginning
      def provider(klass)
        name = Module.instance_method(:name).bind(klass).call # JRuby 9.3 has no bind_call
        name ||= described(klass)[/\A#<Class:([A-Z][\w:]*)>\z/, 1]
        return Provider::DEFAULT unless name

        shortened(plain(Helpers.underscore(name)), LibRST::MAX_PROVIDER_NAME)
      end

      # @param name [String] in characters that can be in a name
      # @param longest [Integer] how many it can have
      # @return [String] the name; one that is too long loses its beginning
      def shortened(name, longest)
        name.size > longest ? plain(name[-longest + 1..]) : name
      end

      # @param klass [Module]
      # @return [String] what Ruby calls it, whatever it says of itself, which may cost a query
      def described(klass)
        Module.instance_method(:to_s).bind(klass).call
      end

      # @param name [String]
      # @return [String] the same in characters that can be in a name
      def plain(name)
        name = searchable(name).gsub(/[^A-Za-z0-9_]/) { |character| format('_u%04x', character.ord) }
        name.sub(/\A(?=\d|\z)/, '_')
      end

      # @param name [String]
      # @return [String] the name, or its bytes where a regular expression can't search it
      def searchable(name)
        name.encoding.ascii_compatible? && name.valid_encoding? ? name : name.b
      end

      # @param name [String, Symbol]
      # @return [Boolean] whether Ruby code, which is in UTF-8, can contain it
      def utf8?(name)
        [Encoding::US_ASCII, Encoding::UTF_8].include?(name.encoding)
      end
    end

    # For tracers that find their tracepoints themselves, in a wrapping function.
    module Helpers
      module_function

      # @param class_name [String] as in `Shop::HTTPCart`
      # @return [String] as in `shop_http_cart`: what {Base.register} calls a class's provider
      def underscore(class_name)
        class_name.gsub('::', '_')
                  .gsub(/([A-Z]+)([A-Z][a-z])/, '\1_\2')
                  .gsub(/([a-z\d])([A-Z])/, '\1_\2')
                  .downcase
      end
    end
  end
end
