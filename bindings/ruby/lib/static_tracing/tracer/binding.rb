# frozen_string_literal: true

module StaticTracing
  module Tracer
    # Which argument a parameter got, as Ruby would say.
    # @api private
    module Binding
      # By position, in the order in which they are filled.
      POSITIONAL = %i[req opt rest].freeze

      module_function

      # @param parameters [Array<Array>] as of Method#parameters
      # @param arguments [Array]
      # @param keywords [Hash]
      # @return [Hash{Symbol => Object}] see {Call#named}
      def of(parameters, arguments, keywords)
        positional = parameters.select { |kind, _| POSITIONAL.include?(kind) }
        arguments, keywords = [*arguments, keywords], {} if by_position?(positional, arguments, keywords)
        bound = by_position(positional, arguments)
        declared = parameters.select { |kind, _| %i[key keyreq].include?(kind) }.map(&:last)
        parameters.each do |kind, name|
          case kind
          when :key, :keyreq then bound[name] = keywords[name] if keywords.key?(name)
          when :keyrest then bound[name] = keywords.reject { |key, _| declared.include?(key) } if name
          end
        end
        bound
      end

      # Before Ruby 3.0, keywords are the last argument if a required one would be lacking.
      def by_position?(positional, arguments, keywords)
        RUBY_VERSION < '3' && !keywords.empty? && arguments.size < positional.count { |kind, _| kind == :req }
      end

      # Required ones first, then as many optional ones as are left, and the rest gets the rest.
      def by_position(positional, arguments)
        required = positional.count { |kind, _| kind == :req }
        spare = [arguments.size - required, 0].max
        place = 0
        positional.each_with_object({}) do |(kind, name), bound|
          taken = { req: 1, opt: [spare, 1].min, rest: spare }.fetch(kind)
          spare -= taken unless kind == :req
          given = arguments[place, taken] || []
          place += taken
          next unless name && (kind == :rest || !given.empty?)

          bound[name] = kind == :rest ? given : given.first
        end
      end
      private_class_method :by_position, :by_position?
    end
  end
end
