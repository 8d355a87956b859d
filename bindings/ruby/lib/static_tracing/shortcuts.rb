# frozen_string_literal: true

require 'static_tracing/ractors'
require 'static_tracing/tracepoint'

# {StaticTracing.tracepoint} and {StaticTracing.measure}.
module StaticTracing
  # The tracepoints of {StaticTracing.tracepoint} and {StaticTracing.measure}, found fast: both are
  # called again and again with the same names. Reading takes no lock.
  # @api private
  module Shortcuts
    # The first argument of a measured block's tracepoint.
    TIME = :nanoseconds

    # What a value's class is declared as.
    TYPES = { Integer => Integer, Float => Float, String => String, Symbol => Symbol, TrueClass => :bool,
              FalseClass => :bool }.freeze

    @lock = Reports::Lock.new
    @found = {}.freeze

    class << self
      # @return [Tracepoint, nil] nil: it isn't known, or its provider was destroyed
      def find(provider, name)
        of_provider = @found[provider]
        of_provider && of_provider[name]
      end

      # @return [Tracepoint] that has these arguments
      def declare(provider, name, types, named)
        keep(provider, name, Tracepoint.new(provider, name, *types, **named))
      end

      # @param values [Hash{Symbol => Object}] what a measured block is given
      # @return [Tracepoint] one that was declared before; else one with the types of these values
      def declare_for(provider, name, values)
        known = Provider.all[provider.to_s]&.tracepoints&.fetch(name.to_s, nil)
        named = known ? {} : values.to_h { |key, value| [key, type_of(provider, name, key, value)] }
        known ? keep(provider, name, known) : declare(provider, name, [], { TIME => Integer, **named })
      end

      # @return [Array] the values of a fire, in the order of the declaration
      def ordered(tracepoint, nanoseconds, values)
        given = { TIME => nanoseconds, **values }
        names = tracepoint.arg_names
        unknown = given.keys.find { |key| !names.include?(key.to_s) }
        lacking = names.find { |one| one.nil? || !given.key?(one.to_sym) }
        return given.values_at(*names.map(&:to_sym)) unless unknown || lacking

        raise Tracepoint::InvalidArgumentError,
              "#{tracepoint}: got #{Shown.list(given.keys)}; a measured block's tracepoint has the argument " \
              "#{TIME}, and one for each value"
      end

      # A provider was destroyed.
      def forget(namespace)
        @lock.synchronize do
          @found = @found.reject { |provider, _| provider.to_s == namespace }.freeze
        end
      end

      private

      def keep(provider, name, tracepoint)
        @lock.synchronize do
          @found = @found.merge(provider => { **@found.fetch(provider, {}), name => tracepoint }.freeze).freeze
        end
        tracepoint
      end

      def type_of(provider, name, key, value)
        TYPES.fetch(Shown.class_of(value)) do
          raise Tracepoint::InvalidArgType,
                "#{provider}:#{name}: #{key} is #{Shown.value(value)}, which has no type of its own; declare the " \
                "tracepoint before, by Tracepoint.new(:#{provider}, :#{name}, #{TIME}: Integer, #{key}: …)"
        end
      end
    end
  end

  class << self
    # Declare a tracepoint, or find it; and with a block fire it, if somebody watches.
    #
    #     StaticTracing.tracepoint(:shop, :render, Float, String) { [view.seconds, view.name] }
    #
    # @param provider [String, Symbol]
    # @param name [String, Symbol]
    # @param types [Array<Class, Symbol>] as of {Tracepoint.new}
    # @param named [Hash{Symbol => Class, Symbol}] as of {Tracepoint.new}; `verify:`, too
    # @yieldreturn [Array, Object] the values, as of {Tracepoint#fire}; it runs only while somebody watches
    # @return [Tracepoint, Boolean] the tracepoint; with a block, whether it fired. In a Ractor other than
    #   the main one, where nothing can be declared, false
    # @raise [Tracepoint::InvalidArgType, Tracepoint::TracepointExistsError, LibraryError] as of
    #   {Tracepoint.new}
    def tracepoint(provider, name, *types, **named, &block)
      return block ? false : Tracepoint.new(provider, name, *types, **named) unless Ractors.main?

      found = Shortcuts.find(provider, name)
      found = Shortcuts.declare(provider, name, types, named) unless found && same?(found, types, named)
      block ? found.fire(&block) : found
    end

    # Run a block, and fire how long it took, and these values. The tracepoint's arguments are
    # `nanoseconds: Integer` and then the values, under their names and with the types that they have in
    # the first call; unless it was declared before.
    #
    #     StaticTracing.measure(:shop, :render, id: 7) { view.render }
    #
    # It fires however the block ends. In a Ractor other than the main one the block just runs.
    #
    # @param provider [String, Symbol]
    # @param name [String, Symbol]
    # @param values [Hash{Symbol => Object}] Integers, Floats, Strings, Symbols, true and false
    # @yield what is measured
    # @return [Object] what the block returned
    # @raise [Tracepoint::InvalidArgType] in the first call, if a value has no type: nil, for example
    # @raise [LibraryError] in the first call, if librst refuses a name
    def measure(provider, name, **values)
      return yield unless Ractors.main?

      tracepoint = Shortcuts.find(provider, name) || Shortcuts.declare_for(provider, name, values)
      return yield unless tracepoint.enabled?

      begin
        started = nsec
        yield
      ensure
        took = nsec - started
        tracepoint.__send__(:fire_admitted) { Shortcuts.ordered(tracepoint, took, values) }
      end
    end

    private

    def same?(tracepoint, types, named)
      return tracepoint.args == types && tracepoint.arg_names.none? if named.empty?

      verify, named = Verifier.split(named)
      return false unless verify.nil? || verify == tracepoint.verify

      tracepoint.args == types + named.values && tracepoint.arg_names.compact == named.keys.map(&:to_s)
    end
  end
end
