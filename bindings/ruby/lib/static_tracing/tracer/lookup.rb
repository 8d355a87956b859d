# frozen_string_literal: true

module StaticTracing
  module Tracer
    # Finds the method that a name stands for.
    # @api private
    module Lookup
      # `:'#find'` is an instance method, `:'.find'` a class method.
      EXPLICIT = /\A([#.])(.+)\z/m.freeze

      module_function

      # @param klass [Module]
      # @param name [Symbol, String]
      # @return [Array(Module, Symbol), nil] the class that has it as an instance method, which may be
      #   the singleton class; nil if there is no such method
      def find(klass, name)
        _, kind, bare = *EXPLICIT.match(name.to_s)
        bare = (bare || name).to_sym
        return [klass, bare] if kind != '.' && method?(klass, bare)

        own = Classes.ask(klass, :singleton_class)
        return [own, bare] if kind != '#' && method?(own, bare)
      end

      # @return [String] that there is no such method, and what there is instead
      def complaint(klass, name)
        near = near(klass, name.to_s.sub(EXPLICIT, '\2'))
        own = Classes.ask(klass, :instance_methods, false).map(&:inspect)
        "#{Names.described(klass)} has no method #{name}; " +
          (near.empty? ? "its own #{Shown.list(own)}" : "near #{Shown.list(near.map(&:inspect))}")
      end

      def method?(klass, name)
        !Classes.visibility(klass, name).nil?
      end
      private_class_method :method?

      def near(klass, name)
        return [] unless defined?(DidYouMean::SpellChecker)

        kinds = %i[instance_methods private_instance_methods singleton_methods]
        known = kinds.flat_map { |kind| Classes.ask(klass, kind) }
        DidYouMean::SpellChecker.new(dictionary: known).correct(name)
      end
      private_class_method :near
    end
  end
end
