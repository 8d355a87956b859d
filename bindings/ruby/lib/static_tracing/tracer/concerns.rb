# frozen_string_literal: true

module StaticTracing
  module Tracer
    # For classes that are to be traced as a whole.
    #
    #     class Shop::Cart
    #       include StaticTracing::Tracer::Concerns::Latency
    #
    # registers the instance methods that the class defines itself, before and after that line, as
    # {Base.register_all} does. Methods of subclasses and class methods aren't wrapped. To wrap a
    # class's class methods, put the line into its `class << self`.
    module Concerns
      # Traces a class's own methods with {Tracer::Latency}.
      module Latency
        # Registers what includes it.
        # @api private
        def self.included(base)
          super
          Tracer::Latency.register_all(base)
        end
      end

      # Traces a class's own methods with {Tracer::Stack}.
      module Stack
        # Registers what includes it.
        # @api private
        def self.included(base)
          super
          Tracer::Stack.register_all(base)
        end
      end
    end
  end
end
