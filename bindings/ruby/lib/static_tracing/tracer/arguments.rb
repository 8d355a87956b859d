# frozen_string_literal: true

require 'static_tracing/tracer/text'

module StaticTracing
  module Tracer
    # Fires before a method, with its name and its arguments, which are named as the method's
    # parameters. The tracepoint is named after the method, with `_arguments` at the end.
    #
    #     StaticTracing::Tracer::Arguments.register(Shop::Cart, :add) # def add(article, count = 1, gift: false)
    #     StaticTracing.enable!
    #
    #     # bpftrace -p PID -e 'usdt:*:shop_cart:add_arguments { printf("%s x %s\n", str(arg1), str(arg2)); }'
    #
    # Every argument is a String: a String or Symbol as it is; an Integer, a Float, true, false or nil as
    # in code; of anything else the name of its class. One that the caller didn't give is empty. Of a
    # `*rest` it is how many there are, and of a `**rest`, too. Up to eleven parameters are fired;
    # {.typed} makes a tracer with other types.
    class Arguments < Base
      set_tracepoint_data_types method: String

      # The most parameters that are fired.
      MAX = Tracepoint::MAX_ARGS - 1

      # Parameters that have no value.
      WITHOUT = %i[block nokey].freeze

      # What nameless parameters are called, from Ruby 3.2 on, and before.
      NAMELESS = [:*, :**, :&, nil].freeze
      private_constant :WITHOUT, :NAMELESS

      class << self
        # Make a tracer for which some parameters have other types than String.
        #
        #     Arguments.typed(count: Integer, price: Float).register(Shop::Cart, :add)
        #
        # An argument that doesn't fit its type is a mistake, which is logged. One that the caller didn't
        # give is 0.
        #
        # @param types [Hash{Symbol => Class, Symbol}] by the parameters' names; see {Types}
        # @return [Class] a subclass of this
        # @raise [Tracepoint::InvalidArgType] if a type is unknown
        def typed(**types)
          types.each do |name, type|
            next if Types::KINDS.key?(type)

            raise Tracepoint::InvalidArgType,
                  "#{name} can't be #{Shown.value(type)}; it can be #{Shown.choice(Types::KINDS.keys.map(&:inspect))}"
          end
          Class.new(self) { @argument_types = types.freeze }
        end

        # @param method_name [Symbol]
        # @return [String] as in `save_bang_arguments` for `save!`
        def tracepoint_name(method_name)
          "#{Names.probe(method_name)}_arguments"
        end

        # @param call [Call]
        # @return [Array]
        def values(call)
          given = call.named.transform_keys { |name| key(name) }
          names = call.tracepoint.arg_names.drop(costs? ? 2 : 1)
          types = call.tracepoint.args.last(names.size)
          [call.method_name, *names.zip(types).map { |name, type| value(given, name, type) }]
        end

        # @return [Symbol] `:call`
        # @api private
        def fires_at
          :call
        end

        private

        # A class that is loaded again may have other parameters. Its tracepoint can't change: it fires
        # those arguments that still have their names.
        def types_of(klass, name, known)
          return [[], known.arg_names.map(&:to_sym).zip(known.args).to_h] if known&.arg_names&.all?

          types, named = super
          [types, named.merge(parameter_types(klass, name))]
        end

        def parameter_types(klass, name)
          parameters = Classes.ask(klass, :instance_method, name).parameters
          names = parameters.reject { |kind, _| WITHOUT.include?(kind) }.map { |_, parameter| parameter } - NAMELESS
          declared = setting(:@argument_types) || {}
          names.first(costs? ? MAX - 1 : MAX).to_h { |one| [key(one).to_sym, declared.fetch(one, String)] }
        end

        # Its name in the tracepoint, of which the first is `method`.
        def key(parameter)
          name = Names.plain(parameter.to_s)
          %w[method cost].include?(name) ? "#{name}_" : name
        end

        def value(given, name, type)
          string = [String, :string].include?(type)
          return string ? '' : nothing(type) unless given.key?(name)

          value = given[name]
          return value unless string

          Array === value || Hash === value ? sized(value) : Text.of(value)
        end

        def nothing(type)
          %i[string symbol bool pointer].include?(Types::KINDS[type]) ? nil : 0
        end

        def sized(value)
          "#{Text.class_of(value)} of #{value.size}"
        end
      end
    end
  end
end
