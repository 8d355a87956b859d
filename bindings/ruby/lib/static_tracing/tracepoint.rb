# frozen_string_literal: true

require 'static_tracing/errors'
require 'static_tracing/types'
require 'static_tracing/engine'
require StaticTracing::CRUBY ? 'static_tracing/native' : 'static_tracing/elsewhere'
require 'static_tracing/verifier'

module StaticTracing
  # A named place in the program, with up to twelve arguments, that a tracer can watch.
  #
  #     CHECKOUT = StaticTracing::Tracepoint.new(:shop, :checkout, order: Integer, customer: String)
  #
  #     CHECKOUT.fire(order.id, order.customer)           # values that are at hand
  #     CHECKOUT.fire { [order.id, order.slow_summary] }  # looked up only while somebody watches
  #
  # It can be watched once its provider is enabled. A tracepoint is frozen: it may be a constant, and
  # may be fired from any thread, from any Ractor, and from a forked child. It is declared from the
  # main Ractor.
  class Tracepoint
    # An argument was declared as something that is not in {Types}, or there are too many.
    class InvalidArgType < Error; end

    # The values don't fit the declaration. What is raised is one of its subclasses, if it is known
    # what is wrong with them.
    class InvalidArgumentError < Error; end

    # There are too few or too many values.
    class ArityError < InvalidArgumentError; end

    # A value is of another class than its argument takes, or nil where nil isn't taken.
    class TypeMismatchError < InvalidArgumentError; end

    # An Integer is beyond what its argument can hold.
    class ValueRangeError < InvalidArgumentError; end

    # The provider has no tracepoint of that name.
    class TracepointMissingError < Error; end

    # A tracepoint of that name was already declared with other arguments.
    class TracepointExistsError < Error; end

    # The most arguments that a tracepoint can have.
    MAX_ARGS = 12

    # How the lines of a backtrace begin that are the library Timeout's.
    TIMEOUT = %r{/timeout\.rb:}.freeze
    private_constant :TIMEOUT

    # @return [String] the name of its provider
    attr_reader :provider_name

    # @return [String] its own name
    attr_reader :name

    # @return [Array<Class, Symbol>] the types of its arguments, as they were declared
    attr_reader :args

    # @return [Array<String, nil>] the names of its arguments; nil for one that has none
    attr_reader :arg_names

    # @return [Boolean, Symbol, nil] how the blocks of {#fire} are verified, one of {Verifier::MODES};
    #   nil: as {Configuration#verify} says
    attr_reader :verify

    # @return [String] its arguments in librst's words, as in `"int64 order, string customer"`
    attr_reader :signature

    class << self
      # Declare a tracepoint, or find it if it was already declared with the same arguments.
      #
      # If its provider is enabled already, the tracepoint can be watched at once.
      #
      # @param provider [String, Symbol, Provider] its provider, which is made if necessary
      # @param name [String, Symbol] `[A-Za-z_][A-Za-z0-9_]*`
      # @param types [Array<Class, Symbol>] of arguments without names; see {Types}
      # @param named [Hash{Symbol => Class, Symbol}] arguments with names, which come after those
      #   without. `verify: true`, `:warn` or `false` is no argument, but says whether the {Verifier}
      #   looks at the blocks of {#fire}
      # @return [Tracepoint]
      # @raise [InvalidArgType] if an argument's type is unknown, or there are too many
      # @raise [TracepointExistsError] if it was declared with other arguments
      # @raise [LibraryError] if librst refuses a name
      def new(provider, name, *types, **named)
        provider = Provider.register(provider) unless provider.is_a?(Provider)
        provider.add_tracepoint(name, *types, **named)
      end

      # @param provider [String, Symbol, Provider] its provider
      # @param name [String, Symbol]
      # @return [Tracepoint]
      # @raise [Provider::ProviderMissingError] if there is no such provider
      # @raise [TracepointMissingError] if it has no tracepoint of that name
      def fetch(provider, name)
        provider = Provider.fetch(provider) unless provider.is_a?(Provider)
        tracepoints = provider.tracepoints
        tracepoints.fetch(name.to_s) do
          raise TracepointMissingError,
                "there is no tracepoint #{Shown.quoted(name.to_s)} in the provider #{provider.namespace}; " \
                "its tracepoints are: #{Shown.list(tracepoints.keys)}"
        end
      end

      # Make a tracepoint that its provider hasn't declared yet. Only a {Provider} calls this.
      # @api private
      def build(provider_name, name, types, named)
        verify, named = Verifier.split(named)
        allocate.tap { |tracepoint| tracepoint.send(:initialize, provider_name, name, types, named, verify) }
      end

      private :allocate
    end

    # @!method enabled?
    #   @return [Boolean] whether a tracer is attached right now; also called `watched?`, because
    #     `enabled?` of a {Provider} means something else

    # @!method fire(*values)
    #   Fire, if a tracer is attached.
    #
    #   The values are checked even if no tracer is attached, so that tests find wrong ones. A block
    #   is run only if a tracer is attached; if values are given, too, it is never run.
    #
    #   @overload fire(*values)
    #     @param values [Array] one for each argument
    #   @overload fire
    #     @yieldreturn [Array, Object] the values; a tracepoint with one argument also takes just
    #       the value
    #   @return [Boolean] true if it fired, false if nobody watched
    #   @raise [ArityError] if there are too few or too many values
    #   @raise [TypeMismatchError] if a value is of a class that its argument doesn't take
    #   @raise [ValueRangeError] if an Integer is out of its argument's range.
    #     A mistake in a block, which only runs while somebody watches, is logged instead;
    #     {Configuration#on_error} can change both

    # A tracepoint can't be copied, because a copy would not notice that its provider is destroyed.
    # @return [Tracepoint] itself
    def dup
      self
    end

    # @return [Tracepoint] itself
    def clone(**)
      self
    end

    # @return [Provider] its provider
    # @raise [Provider::ProviderMissingError] if its provider was destroyed
    def provider
      Provider.fetch(provider_name)
    end

    # Let tracers find it, by enabling its provider.
    # @return [Boolean] see {Provider#enable}
    def load
      provider.enable
    end

    # Hide it from tracers, by disabling its provider.
    # @return [Boolean] see {Provider#disable}
    def unload
      provider.disable
    end

    # @return [String, nil] what a tracer attaches to, a file or `/proc/PID/fd/N`; nil if it isn't loaded
    def path
      provider.path_of(name)
    end

    # A command that watches it, for a log line or a shell; it needs root.
    #
    #     bpftrace -p 4711 -e 'usdt:/proc/4711/fd/9:shop:checkout { printf("order=%ld\n", arg0); }'
    #
    # @return [String, nil] nil if it isn't loaded
    def bpftrace
      where = path
      return unless where

      formats, values = shown_by_bpftrace.transpose
      action = args.empty? ? 'printf("fired\n");' : "printf(\"#{formats.join(' ')}\\n\", #{values.join(', ')});"
      program = "usdt:#{where}:#{provider_name}:#{name} { #{action} }"
      "bpftrace -p #{Process.pid} -e '#{program.gsub("'", "'\\\\''")}'"
    end

    # @return [String] as in `shop:checkout(int64 order, string customer)`
    def to_s
      "#{provider_name}:#{name}(#{signature})"
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{self}#{' enabled' if enabled?}>"
    end

    private

    # What the arguments are, by the names in {Types::KINDS}' values.
    attr_reader :kinds

    def initialize(provider_name, name, types, named, verify)
      @provider_name = provider_name
      @name = name
      @args = (types + named.values).freeze
      @arg_names = (types.map { nil } + named.keys.map { |key| LibRST.checked_name('argument', key) }).freeze
      @kinds = @args.each_with_index.map { |type, index| kind_of(type, index) }.freeze
      check_count
      @verify = verify
      declare(kinds, verify)
      @signature = kinds.zip(@arg_names).map do |kind, arg_name|
        [Types::SIGNATURE_WORDS.fetch(kind, kind), arg_name].compact.join(' ')
      end.join(', ').freeze
      freeze
    end

    def kind_of(type, index)
      plain = Object === type # a BasicObject has neither #hash nor #inspect
      kind = Types::KINDS[type] if plain
      kind || raise(InvalidArgType,
                    "#{provider_name}:#{name}: #{describe(index)} can't be " \
                    "#{plain ? type.inspect : Shown.value(type)}; " \
                    "it can be #{Shown.choice(Types::KINDS.keys.map(&:inspect))}")
    end

    def check_count
      return if args.size <= MAX_ARGS

      raise InvalidArgType, "#{provider_name}:#{name}: #{args.size} arguments; at most #{MAX_ARGS} are allowed"
    end

    # @return [Array(String, String)] for each argument, how it is printed and what
    def shown_by_bpftrace
      args.each_with_index.map do |type, index|
        kind = Types::KINDS.fetch(type)
        format = Types::BPFTRACE.fetch(kind).gsub('"', '\\\\"')
        string = %i[string symbol].include?(kind)
        ["#{arg_names[index] || "arg#{index}"}=#{format}", string ? "str(arg#{index})" : "arg#{index}"]
      end
    end

    # native.c calls these two when it can't fire something: the value at an index or, if the index is
    # nil, this number of values.

    def wrong(index, value)
      index ? wrong_value(index, value) : wrong_count(value)
    end

    def report_wrong(index, value)
      Reports.once(self) { wrong(index, value) }
    end

    def wrong_count(given)
      ArityError.new("#{provider_name}:#{name}: got #{given} #{given == 1 ? 'value' : 'values'}, " \
                     "expected #{args.size}#{" (#{signature})" unless args.empty?}")
    end

    def wrong_value(index, value)
      kind = Types::KINDS.fetch(args[index])
      error = Integer === value && !Types::NOT_NUMBERS.include?(kind) ? ValueRangeError : TypeMismatchError
      error.new("#{provider_name}:#{name}: #{describe(index)} must be #{Types::WANTED.fetch(kind)}, " \
                "not #{Shown.value(value)}")
    end

    # native.c calls this when a block has failed.
    def report(error)
      Reports.once(self, error)
    end

    # native.c asks this when a block has failed and another thread has raised something in this one
    # meanwhile, which may still be to come.
    #
    # @param error [StandardError] that ended the block
    # @param raised [Object] the first argument of Thread#raise
    # @return [Boolean] whether that is what ended it. If the block itself set a timeout, it is the block's
    def foreign?(error, raised)
      return false if Thread.pending_interrupt? || own_timeout?(error)

      case raised
      when true then true # it isn't known
      when nil, String then RuntimeError === error
      when Module then raised === error
      else error.equal?(raised) || error.instance_of?(raised.class)
      end
    end

    # @return [Boolean] whether it was raised within a Timeout that the block had set
    def own_timeout?(error)
      lines = error.backtrace || []
      lines.first([lines.size - caller.size, 0].max).any? { |line| TIMEOUT.match?(line) }
    end

    # native.c calls this before it runs a block that is verified.
    # @return [Boolean] whether it may run
    def admit?(block)
      mode = verify.nil? ? Verifier.default : verify
      Verifier.admit?(block, mode, self)
    rescue Verifier::RefusedError
      raise
    rescue StandardError, ScriptError => e # of the verifier's own
      Reports.once("the verifier at #{self}", e)
      mode == :warn
    end

    # native.c calls this while fires are recorded.
    def record(values)
      Testing.add(self, values) if Ractors.main?
    end

    def describe(index)
      name = arg_names[index]
      name ? "argument #{index + 1} (#{name})" : "argument #{index + 1}"
    end
  end
end
