# frozen_string_literal: true

module StaticTracing
  module Tracer
    # Asks a class, and changes it, by Ruby's own methods: a class may have methods of its own called
    # `send`, `private` or `instance_method`, that do something else.
    # @api private
    module Classes
      # By name.
      METHODS = %i[
        <= ancestors define_method frozen? instance_method instance_methods instance_variable_defined?
        instance_variable_get instance_variable_set method_defined? prepend private
        private_instance_methods private_method_defined? protected protected_method_defined? public
        public_method_defined? remove_method singleton_class singleton_class? singleton_methods
      ].map { |name| [name, Module.instance_method(name)] }.to_h.freeze

      module_function

      # @param klass [Module]
      # @param name [Symbol] one of {METHODS}
      # @return [Object] what it returns
      def ask(klass, name, *arguments)
        METHODS.fetch(name).bind(klass).call(*arguments) # JRuby 9.3 has no bind_call
      end

      # @return [Symbol, nil] how visible a method is; nil if there is none of that name
      def visibility(klass, name)
        return :public if ask(klass, :public_method_defined?, name)
        return :protected if ask(klass, :protected_method_defined?, name)

        :private if ask(klass, :private_method_defined?, name)
      end

      # @return [Boolean] whether it is what `refine` has a block for; before Ruby 3.1 it has no class of its own
      def refinement?(klass)
        Names.described(klass).start_with?('#<refinement:')
      end

      # What Ruby warns of in the block, isn't said: that a constant gets another value, or that
      # `initialize` is removed.
      def quietly
        verbose = $VERBOSE
        $VERBOSE = nil
        yield
      ensure
        $VERBOSE = verbose
      end
    end
  end
end
