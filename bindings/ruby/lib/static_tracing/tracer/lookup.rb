# frozen_string_literal: true

module StaticTracing
  module Tracer
    # Finds the method that a name stands for.
    # @api private
    module Lookup
      # `:'#find'` is an instance method, `:'.find'` a class method.
      KINDS = %w[# .].freeze

      module_function

      # @param klass [Module]
      # @param name [Symbol, String]
      # @return [Array(Module, Symbol), nil] the class that has it as an instance method, which may be
      #   the singleton class; nil if there is no such method
      def find(klass, name)
        kind, bare = split(name)
        bare = bare.to_sym
        return [klass, bare] if kind != '.' && method?(klass, bare)

        own = Classes.ask(klass, :singleton_class)
        return [own, bare] if kind != '#' && method?(own, bare)
      rescue EncodingError # no Symbol can have such bytes, and so no method
        nil
      end

      # @return [Array(String, String)] one of {KINDS} or nil, and the method's name
      def split(name)
        text = name.to_s
        KINDS.include?(text[0]) && text.size > 1 ? [text[0], text[1..]] : [nil, text]
      end
      private_class_method :split

      # @return [String] the error's message, which names similar methods or all
      def complaint(klass, name)
        near = near(klass, split(name).last)
        own = Classes.ask(klass, :instance_methods, false).map(&:inspect)
        "#{Names.described(klass)} has no method #{Shown.quoted(name.to_s)}; " +
          (near.empty? ? "it defines: #{Shown.list(own)}" : "did you mean #{Shown.choice(near.map(&:inspect))}?")
      end

      def method?(klass, name)
        !Classes.visibility(klass, name).nil?
      end
      private_class_method :method?

      def near(klass, name)
        return [] unless defined?(DidYouMean::SpellChecker) && Names.utf8?(name) && name.valid_encoding?

        kinds = %i[instance_methods private_instance_methods singleton_methods]
        known = kinds.flat_map { |kind| Classes.ask(klass, kind) }.select { |one| Names.utf8?(one) }
        DidYouMean::SpellChecker.new(dictionary: known).correct(name)
      end
      private_class_method :near
    end
  end
end
