# frozen_string_literal: true

module StaticTracing
  module Verifier
    # What is known of a value before the block runs: its types, or the constant that it is.
    #
    # A type says more than a class: an object of it has that very class, and no methods of its own.
    # `small` is an Integer whose size has a bound, and `short` such a String; that of an `integer` or
    # a `string` has none. `return` is the {Tracer::Call} of a method that is over, and `event` a
    # {Notifications::Event}.
    # @api private
    class Value
      # Type => its class. {Tracer::Call} is named because it is loaded later.
      CLASSES = {
        small: 'Integer', integer: 'Integer', float: 'Float', short: 'String', string: 'String',
        symbol: 'Symbol', nil: 'NilClass', yes: 'TrueClass', no: 'FalseClass', array: 'Array',
        hash: 'Hash', range: 'Range', time: 'Time', call: 'StaticTracing::Tracer::Call',
        return: 'StaticTracing::Tracer::Call', event: 'StaticTracing::Notifications::Event'
      }.freeze

      # A type => the one that includes it.
      WIDER = { small: :integer, short: :string, return: :call }.freeze

      # Classes that can't have subclasses or objects with methods of their own => the type of what is
      # one. Of other classes, `===` says too little.
      EXACT = {
        Integer => :integer, Float => :float, Symbol => :symbol, NilClass => :nil, TrueClass => :yes,
        FalseClass => :no
      }.freeze

      # Literals and constants of these classes.
      PLAIN = { String => :string, Array => :array, Hash => :hash, Range => :range }.freeze

      # The most bytes of a constant that is a short String.
      SHORT = Peek::TEXT_BYTES
      # The most bits of a small Integer.
      SMALL = Peek::INTEGER_BITS
      # The most keys of a Hash that are looked at.
      KEYS = 1000

      # @return [Array<Symbol>, nil] nil: it can be anything
      attr_reader :types

      # @return [Module, nil] the class or module that it is
      attr_reader :constant

      # @return [Array(Value, Symbol), nil] if this is true, that value has that type; if not, it hasn't.
      #   A third element says that no claim of an application is part of that
      attr_reader :test

      class << self
        # @return [Value] of an object that the code or a constant has
        # @param literal [Boolean] whether the code has it; then it is as short as the code
        def of(object, literal: false)
          return new(nil, constant: object) if Module === object

          type = type_of(object, literal)
          new(type && [type])
        end

        # @param types [Symbol, Array<Symbol>]
        def typed(*types, test: nil)
          new(types.flatten.uniq, test: test)
        end

        def any
          new(nil)
        end

        private

        def type_of(object, literal)
          klass = Shown.class_of(object)
          type = EXACT[klass]
          return type == :integer && object.bit_length <= SMALL ? :small : type if type

          type = PLAIN[klass]
          return unless type && (literal || untouched?(object))

          send("#{type}_type", object, literal)
        end

        def untouched?(object)
          Kernel.instance_method(:singleton_methods).bind_call(object, false).empty?
        end

        def string_type(string, literal)
          literal || (string.frozen? && string.bytesize <= SHORT) ? :short : :string
        end

        def array_type(_array, _literal)
          :array
        end

        # Looking something up runs a default block, and the `eql?` of keys.
        def hash_type(hash, literal)
          return :hash if literal

          plain = hash.frozen? && hash.default_proc.nil? && hash.size <= KEYS &&
                  hash.each_key.all? { |key| EXACT.key?(Shown.class_of(key)) || String.equal?(Shown.class_of(key)) }
          :hash if plain
        end

        def range_type(range, _literal)
          :range if [range.begin, range.end].all? { |one| one.nil? || Integer === one || Float === one }
        end
      end

      def initialize(types, constant: nil, test: nil)
        @types = types
        @constant = constant
        @test = test
      end

      # @param wanted [Array<Symbol>] types, or only `:any`
      # @return [Boolean] whether it has one of them, whatever happens
      def fits?(wanted)
        return true if wanted.include?(:any)

        types ? types.all? { |type| wanted.include?(type) || wanted.include?(WIDER[type]) } : false
      end

      # @return [Value] of what is this or that
      def or(other)
        return self if equal?(other)

        types && other.types ? Value.typed(types, other.types) : Value.any
      end

      # @return [Value] this, if it is known to be true (or not)
      def truthy(holds)
        falsy = %i[nil no]
        return holds ? self : Value.typed(falsy) unless types

        left = holds ? types - falsy : types & falsy
        left.empty? || left == types ? self : Value.typed(left)
      end

      # @return [Value, nil] this, if it is known to have a type (or not); nil if that can't be
      def narrowed(type, holds)
        return holds ? Value.typed(type) : self unless types

        of_type, others = types.partition { |one| one == type || WIDER[one] == type }
        left = holds ? of_type : others
        left.empty? ? nil : Value.typed(left)
      end

      # @return [String] for a reason
      def to_s
        return Names.described(constant) if constant

        types ? types.map { |type| CLASSES.fetch(type) }.uniq.join(' or ') : 'an unknown object'
      end

      # What a class is called, whatever it says of itself.
      module Names
        # @param mod [Module]
        def self.described(mod)
          Module.instance_method(:to_s).bind_call(mod)
        end
      end
    end
  end
end
