# frozen_string_literal: true

module StaticTracing
  module Verifier
    # Finds what a constant is for a block, as the interpreter would, but runs no code: one that would
    # be loaded, or looked for by `const_missing`, isn't found.
    # @api private
    class Constants
      # Why a constant wasn't found.
      class Unknown < StandardError; end

      # Ruby's own methods, whatever a class has by these names.
      RUBYS = %i[const_defined? const_get autoload? ancestors singleton_class?].map do |name|
        [name, Module.instance_method(name)]
      end.to_h.freeze

      # What the singleton class of an object that isn't a class is called.
      OBJECTS = /\A#<Class:#<(?!Class:|Module:)/.freeze
      private_constant :RUBYS, :OBJECTS

      # @param block [Proc]
      def initialize(block)
        @nesting = block.binding.eval('::Module.nesting')
      rescue ArgumentError
        @nesting = nil # of a block that was made for other Ractors
      end

      # @param name [Symbol]
      # @return [Object] what `name` is in the block
      # @raise [Unknown]
      def lexical(name)
        raise Unknown, 'the block has no binding to look it up in' unless @nesting
        raise Unknown, 'it depends on an object that has a class of its own' if @nesting.any? { |mod| objects?(mod) }

        holder = @nesting.find { |mod| there?(mod, name) }
        holder ? get(holder, name) : scoped(@nesting.first || Object, name)
      end

      # @param base [Module]
      # @param name [Symbol]
      # @return [Object] what `base::name` is
      # @raise [Unknown]
      def scoped(base, name)
        holders = ask(base, :ancestors)
        holders |= ask(Object, :ancestors) unless Class === base
        holder = holders.find { |mod| there?(mod, name) }
        raise Unknown, 'it is not there, and reading it would call const_missing' unless holder

        get(holder, name)
      end

      private

      # The code of `class << object` may run for many objects.
      def objects?(mod)
        ask(mod, :singleton_class?) && OBJECTS.match?(Value::Names.described(mod))
      end

      def there?(mod, name)
        ask(mod, :const_defined?, name, false)
      end

      def get(mod, name)
        raise Unknown, 'it is autoloaded, and reading it would load a file' if ask(mod, :autoload?, name)

        ask(mod, :const_get, name, false)
      end

      def ask(mod, name, *arguments)
        RUBYS.fetch(name).bind_call(mod, *arguments)
      end
    end
  end
end
