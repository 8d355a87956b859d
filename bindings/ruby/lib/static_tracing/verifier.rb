# frozen_string_literal: true

require 'static_tracing/engine'
require 'static_tracing/errors'
require 'static_tracing/reports'
require 'static_tracing/shown'
require 'static_tracing/peek'
require 'static_tracing/verifier/value'
require 'static_tracing/verifier/builtins'
require 'static_tracing/verifier/instructions'
require 'static_tracing/verifier/code'
require 'static_tracing/verifier/constants'
require 'static_tracing/verifier/operands'
require 'static_tracing/verifier/calls'
require 'static_tracing/verifier/walk'

module StaticTracing
  # Looks at a block's compiled code before the block runs, as the kernel looks at a tracer's, and
  # refuses a block that could take long, change something, or run code that isn't in it.
  #
  #     puts StaticTracing::Verifier.check(proc { |call| call.receiver.each { |item| item } })
  #     # cart.rb:1: each { … }: a block may be run any number of times
  #
  # `verify: true` of {Tracepoint.new}, {Tracer::Base.set_values} and {Configuration#verify=} refuses
  # to run such a block; `:warn` logs what is wrong with it, once, and runs it.
  #
  # A block that passes has no loop, calls nothing but builtins that take constant time and what the
  # application has allowed, assigns nothing but its own variables, and runs no other code. What can't
  # be told before it runs is refused: a method of an object whose class isn't known may be any
  # method. {Peek} looks at such objects without calling their methods.
  #
  # What a block refers to may change: a method of Ruby's is defined again, or a constant gets another
  # value. So what was found holds for {LASTS}; after that, the block is looked at again when it next
  # runs. The verifier protects a program from its own mistakes, not from code that wants to deceive
  # it: code in the same process can change the verifier itself.
  module Verifier
    # A block was refused.
    class RefusedError < Error
      # @return [Array<Refusal>] why
      attr_reader :refusals

      # @param place [String] whose block it is
      # @param refusals [Array<Refusal>]
      def initialize(place, refusals)
        @refusals = refusals
        super("#{place}: the block is refused: #{refusals.join('; ')}")
      end
    end

    # What is wrong with a block.
    class Refusal
      # @return [String] the file
      attr_reader :path

      # @return [Integer] the line
      attr_reader :line

      # @return [String] the construct, as in `each { … }`
      attr_reader :construct

      # @return [String] the reason
      attr_reader :reason

      # @api private
      def initialize(path, line, construct, reason)
        @path = path
        @line = line
        @construct = construct
        @reason = reason
        freeze
      end

      # @return [String] as in `cart.rb:7: each { … }: a block may be run any number of times`
      def to_s
        "#{path}:#{line}: #{construct}: #{reason}"
      end
    end

    # What an application claims of a method: how long it takes at most, and what it returns.
    # @api private
    Allowance = Struct.new(:bound, :types)

    # What `verify:` can be.
    MODES = [true, :warn, false].freeze

    # How many seconds a result holds.
    LASTS = 1

    # What {.allow} takes: `#name`, `Module.name`.
    ALLOWED = /\A(?:#|(?:[A-Z]\w*::)*[A-Z]\w*\.)[^\s.#]+\z/.freeze

    # Methods that assign.
    ASSIGNS = /(?:[\w\]]=|\A<<)\z/.freeze

    # What an allowed method can be said to return => the type.
    RETURNS = { Integer => :small, Float => :float, String => :short, Symbol => :symbol, nil => :nil,
                true => :yes, false => :no }.freeze

    # How many blocks' results are kept.
    KEPT = 1000

    # Ruby's own method, whatever a class has by this name.
    CLASS = Kernel.instance_method(:class)

    # A Proc's own `call` can't come between.
    PROC_CALL = Proc.instance_method(:call)

    # What the block of a fire is called with.
    NONE = [].freeze

    # What was found of a block, and until when that holds, by the monotonic clock.
    # @api private
    Result = Struct.new(:refusals, :until)
    private_constant :CLASS, :PROC_CALL, :NONE, :ALLOWED, :ASSIGNS, :RETURNS, :Result, :KEPT

    @allowed = {}.freeze
    @results = Hash.new { |all, argument| all[argument] = {}.compare_by_identity } # by the first argument's type
    @default = false

    class << self
      # What a block is verified by if nothing else is said; see {Configuration#verify=}.
      # @return [Boolean, Symbol] one of {MODES}
      # @api private
      attr_reader :default

      # @api private
      def default=(mode)
        Native.verify_blocks = mode ? true : false
        @default = mode
      end

      # Look at a block, and say what is wrong with it.
      #
      # @param block [Proc]
      # @param arguments [Array<Symbol>] what it is called with: `:call` for a {Tracer::Call}
      # @return [Array<Refusal>] in the order of its code; empty if it passes
      def check(block, arguments = NONE)
        return refused('this Ruby shows nobody its code') unless CRUBY

        # A Proc of a class of its own may run other code than its own.
        klass = Shown.class_of(block)
        return refused("it must be a Proc, not #{Shown.one_of(klass)}") unless Proc.equal?(klass)

        code = Code.of(block)
        return refused("it isn't written in Ruby: it is a method's or a Symbol's") unless code

        code = Code.new(code)
        return refused('it is a method', code.path, code.line) unless code.block?

        Walk.new(block, code, arguments, @allowed).refusals.freeze
      end

      # Allow verified blocks to call a method that takes constant time. Whoever calls this vouches
      # for that: no code looks at the method.
      #
      #     StaticTracing::Verifier.allow('#id', bound: 'an attribute, which is loaded', returns: Integer)
      #     StaticTracing::Verifier.allow('Shop.current', bound: 'a variable of the thread')
      #
      # @param name [String] `#name`: a method of that name, whatever object it is called on;
      #   `Module.name`: only that module's. It may not be one of those that run, load, leave or
      #   change something
      # @param bound [String] how long it takes at most, in your words
      # @param returns [Class, nil, Array] what it returns, if that is always an Integer of 64 bits, a
      #   Float, a short String, a Symbol, nil, true or false; several in an Array
      # @return [void]
      # @raise [ArgumentError] if the name, the bound or what it returns isn't as above
      def allow(name, bound:, returns: (unsaid = true))
        raise ArgumentError, "name must be as '#id' or 'Shop.current', not #{Shown.value(name)}" unless
          String === name && ALLOWED.match?(name)
        raise ArgumentError, "bound must say how long #{name} takes at most, not #{Shown.value(bound)}" unless
          String === bound && !bound.strip.empty?

        method = name[/[^.#]+\z/].to_sym
        why = method.match?(ASSIGNS) ? 'assigns' : Instructions::FORBIDDEN[method]
        raise ArgumentError, "#{name} can't be allowed: it #{why}" if why

        types = types_of(name, returns) unless unsaid
        @allowed = @allowed.merge(name.dup.freeze => Allowance.new(bound.dup.freeze, types).freeze).freeze
        @results.clear
        nil
      end

      # @return [Hash{String => String}] what {.allow} has allowed => the bound that was claimed
      def allowed
        @allowed.transform_values(&:bound)
      end

      # Forget what was found: every block is looked at again when it next runs.
      # @return [void]
      def forget
        @results.clear
        nil
      end

      # @param mode [Object] of `verify:`
      # @return [Object] that
      # @raise [ArgumentError] if it isn't one of {MODES}
      # @api private
      def checked_mode(mode)
        return mode if MODES.any? { |one| one.equal?(mode) }

        raise ArgumentError, "verify must be #{Shown.choice(MODES.map(&:inspect))}, not #{Shown.value(mode)}"
      end

      # An argument of a tracepoint may be called `verify`, too; but no type is one of {MODES}.
      #
      # @param named [Hash{Symbol => Class, Symbol, Boolean}] arguments, and perhaps `verify:`
      # @return [Array(Object, Hash)] one of {MODES}, or nil; and the arguments
      # @api private
      def split(named)
        mode = named[:verify]
        return [nil, named] unless named.key?(:verify) && MODES.any? { |one| one.equal?(mode) }

        [mode, named.reject { |name, _| name == :verify }]
      end

      # Run a block that gathers values.
      #
      # @param block [Proc]
      # @param mode [Boolean, Symbol] one of {MODES}
      # @param place [Object] whose block it is
      # @param type [Symbol] of what it is called with
      # @param argument [Object] that
      # @return [Object] what it returned
      # @raise [RefusedError] if it is refused
      # @api private
      def run(block, mode, place, type, argument)
        return block.call(argument) unless mode && CRUBY

        refused = !admit?(block, mode, place, [type], raising: true)
        raise Error, "#{place}: the block isn't run, because only the main Ractor can verify it" if refused

        PROC_CALL.bind_call(block, argument)
      end

      # Whether a block may run now. It is fast for a block that was looked at a moment ago. Other
      # Ractors can't reach what was found, so that there no block runs that has to be verified.
      #
      # @param block [Proc]
      # @param mode [Boolean, Symbol] one of {MODES}
      # @param place [Object] whose block it is; its #to_s is logged
      # @return [Boolean] false if it is refused, which is logged once
      # @raise [RefusedError] if it is refused, and blocks' errors are raised
      # @api private
      def admit?(block, mode, place, arguments = NONE, raising: nil)
        return true unless mode && CRUBY
        return mode == :warn unless Ractors.main?

        refusals = results_of(block, arguments)
        return true if refusals.empty?

        raising = StaticTracing.configuration.on_error == :raise if raising.nil?
        raise RefusedError.new(place.to_s, refusals) if raising && mode == true

        report(refusals, mode, place)
        mode == :warn
      end

      private

      def types_of(name, returns)
        (Array === returns ? returns : [returns]).map do |one|
          RETURNS.fetch(one) do
            raise ArgumentError, "#{name} can't be said to return #{Shown.value(one)}; it can be " \
                                 "#{Shown.choice(RETURNS.keys.map(&:inspect))}"
          end
        end
      end

      def refused(reason, path = '?', line = 0)
        [Refusal.new(path, line, 'the block', reason)]
      end

      # No lock: a signal's handler may fire, too. Threads may look at a block at the same time.
      def results_of(block, arguments)
        code = Code.of(block) if Proc.equal?(CLASS.bind_call(block))
        return check(block, arguments) unless code

        now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        results = @results[arguments.first]
        known = results[code]
        return known.refusals if known && now < known.until

        refusals = check(block, arguments)
        results.clear if results.size >= KEPT
        results[code] = Result.new(refusals, now + LASTS)
        refusals
      end

      def report(refusals, mode, place)
        key = "#{place}#{' (verify: :warn)' if mode == :warn}: #{refusals.first.path}:#{refusals.first.line}"
        Reports.once(key) { RefusedError.new(place.to_s, refusals) }
      end
    end
  end
end
