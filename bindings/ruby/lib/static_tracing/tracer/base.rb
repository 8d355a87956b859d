# frozen_string_literal: true

require 'static_tracing/tracer/names'
require 'static_tracing/tracer/binding'
require 'static_tracing/tracer/call'
require 'static_tracing/tracer/scope'
require 'static_tracing/tracer/wrapped_class'

module StaticTracing
  module Tracer
    # The superclass of tracers. A tracer makes a tracepoint for each method that is registered with
    # it, and fires it when the method is called while somebody watches.
    #
    #     class Rows < StaticTracing::Tracer::Base
    #       set_tracepoint_data_types method: String, rows: Integer
    #       set_values { |call| [call.method_name, call.result.size] }
    #     end
    #
    #     Rows.register(Report, :query)
    #     Rows.enable!
    #
    # While a tracer is enabled, its methods are wrapped: a module that is prepended to the class has
    # a wrapper with the same parameters for each. Unwatched, a wrapper costs one more call and one
    # `enabled?`. Watched, it also calls the tracer; an error in that is logged once, and doesn't
    # reach the program. Methods that the tracer itself calls aren't traced meanwhile.
    #
    # Everything here may be called from any thread of the main Ractor and in a forked child, but not
    # in a signal's handler. The wrapped methods may be called in other Ractors, too; there, a tracer
    # fires if its {.values} is a method (as in this gem's tracers), but not if it has a {.set_values}
    # block, because a block belongs to the Ractor that made it. A method that is wrapped by
    # {.set_wrapping_function} can only be called in the Ractor that made the function. If another
    # Ractor defines a method again, its wrapper keeps the old parameters.
    class Base
      # A method or a class can't be registered, or the tracer lacks types or values.
      class RegistrationError < Error; end

      class << self
        # Register methods. If the tracer is enabled, they are wrapped at once.
        #
        # A name means an instance method (public, protected or private; own or inherited) or, if
        # there is none, a class (or module) method. `:'#find'` means only an instance method,
        # `:'.find'` only a class method. A method that was registered already stays as it is.
        #
        # All of the methods are registered, or none. If a subclass makes an alias of a wrapped
        # method, that is an alias of the wrapper. While the tracer is disabled, it only calls the
        # method; and after the class has defined the method again, it still calls the one that it was
        # made for.
        #
        # A method that the class only inherits is wrapped for this class; its wrapper takes any
        # arguments, in an Array, because the method may change without the class being told. Before
        # Ruby 3.0, a module's methods have to be registered before the module is included.
        #
        # Don't register methods that tracers call, as `Process.clock_gettime` and `Thread#[]`, nor
        # methods that look at their caller's frame: `binding`, `local_variables`, `gsub` and others
        # that set `$~`.
        #
        # @param klass [Module] a class, a module, or a singleton class
        # @param method_names [Array<Symbol, String>]
        # @param provider [String, Symbol, Provider, nil] nil: the class's name, as `shop_cart` for
        #   Shop::Cart; "global" for a class without one
        # @return [void]
        # @raise [RegistrationError] if no method is named, if the class lacks one of the methods, if
        #   it is frozen or a refinement, or if the tracer lacks types or values
        # @raise [Tracepoint::TracepointExistsError] if such a tracepoint was declared with other
        #   types
        # @raise [LibraryError] if librst refuses the provider's name
        def register(klass, *method_names, provider: nil)
          names = method_names.flatten
          if names.empty?
            raise RegistrationError,
                  "#{inspect}.register needs the name of a method; register_all takes every method"
          end

          check(klass)
          named = names.map { |name| find(klass, name) }.uniq
                       .map { |holder, name| [holder, name, named_as(name)] }
          Tracer.synchronize { add(named, klass, provider) }
          nil
        end

        # Register all instance methods that a class defines itself, whatever their visibility; those
        # that it defines later, too. Not `initialize` and other methods that Ruby calls by itself
        # ({WrappedClass::RUBYS_OWN}), which can be registered by name.
        #
        # @param klass [Module]
        # @param provider [String, Symbol, Provider, nil] as of {.register}
        # @return [void]
        # @raise [RegistrationError, Tracepoint::TracepointExistsError, LibraryError] as of {.register}
        def register_all(klass, provider: nil)
          check(klass)
          provider = provider_of(klass, provider)
          wrapped, names = Tracer.synchronize do
            join
            @classes[klass] = klass
            [WrappedClass.of(klass).add_all(self, provider), WrappedClass.of(klass).own_names]
          end
          named = names.map { |name| [klass, name, named_as(name)] }
          Tracer.synchronize { add(named, klass, provider) }
          nil
        rescue Exception
          Tracer.synchronize { wrapped.remove_all(self) } if wrapped
          raise
        end

        # Wrap what is registered, and let tracers find the tracepoints. Of a class all methods that are
        # registered are wrapped; or, if one can't be, none, and the reason is logged.
        # @return [void]
        def enable!
          providers = Tracer.synchronize do
            join
            @enabled = true
            wrapped_classes.flat_map { |wrapped| try(wrapped) { wrapped.enable(self) } || [] }.uniq
          rescue Exception
            disable!
            raise
          end
          providers.each { |provider| Provider.attempt { provider.enable } }
          Auto.settle
          nil
        end

        # Restore the methods exactly. The tracepoints stay, but don't fire. Calls in progress are
        # traced to their end. What can't be restored is logged.
        # @return [void]
        def disable!
          Tracer.synchronize do
            @enabled = false
            Tracer.each_of(wrapped_classes) { |wrapped| try(wrapped) { wrapped.disable(self) } }
          end
          Auto.settle
          nil
        end

        # @return [Boolean] whether registered methods are wrapped
        def enabled?
          defined?(@enabled) && @enabled ? true : false
        end

        # @return [Hash{Module => Array<Symbol>}] what is registered, by class or singleton class
        def registered
          Tracer.synchronize do
            wrapped_classes.map { |wrapped| [wrapped.klass, wrapped.names(self)] }.to_h
          end
        end

        # Declare the tracepoints' arguments. Call this before the first method is registered. A
        # subclass inherits its superclass's.
        #
        # @param types [Array<Class, Symbol>] as of {Tracepoint.new}
        # @param named [Hash{Symbol => Class, Symbol}] as of {Tracepoint.new}
        # @return [void]
        def set_tracepoint_data_types(*types, **named)
          @types = [types.freeze, named.freeze]
          nil
        end

        # Say whether the tracepoints have one more argument, the first: `cost`, how many nanoseconds the
        # tracer itself has taken for this call, to gather the values and the arguments. What firing
        # takes after that isn't in it. Call this before the first method is registered.
        #
        # @param costs [Boolean]
        # @return [void]
        def set_cost(costs = true) # rubocop:disable Style/OptionalBooleanParameter
          @costs = costs ? true : false
          nil
        end

        # @return [Boolean] see {.set_cost}
        def costs?
          setting(:@costs) || false
        end

        # Give the block that computes the values of a fire.
        #
        # @param at [Symbol] when to fire: `:return`, after the method, however it ended; or `:call`,
        #   before it
        # @param verify [Boolean, Symbol, nil] whether the {Verifier} looks at the block, now and while it
        #   is used; one of {Verifier::MODES}. nil: as {Configuration#verify} says
        # @yieldparam call [Call] the call and its result
        # @yieldreturn [Array] one value for each argument of the tracepoint
        # @return [void]
        # @raise [ArgumentError] if `at` or `verify` is something else, or if there is no block
        # @raise [Verifier::RefusedError] if `verify` is true and the block is refused
        def set_values(at: :return, verify: nil, &block)
          raise ArgumentError, 'set_values needs a block' unless block
          raise ArgumentError, "at: must be :call or :return, not #{Shown.value(at)}" unless
            WrapperModule::CHOICES.include?(at)

          Verifier.checked_mode(verify) unless verify.nil?
          mode = verify.nil? ? Verifier.default : verify
          Verifier.admit?(block, mode, inspect, [at], raising: true)
          @verify = verify
          @fires_at = at
          @block = block
          nil
        end

        # Give a function that runs instead of the method, as in the earlier gem: a lambda `(*args,
        # &block)` that calls `super(*args, &block)` and fires a tracepoint itself. It runs on every
        # call, watched or not, and its errors reach the program. {.set_values} is better in every
        # way.
        #
        # @param function [Proc, Method, UnboundMethod]
        # @return [void]
        # @raise [ArgumentError] if it is something else
        def set_wrapping_function(function)
          unless [Proc, Method, UnboundMethod].any? { |type| type === function }
            raise ArgumentError, "a wrapping function must be a Proc or a Method, not #{Shown.value(function)}"
          end

          @wrapping_function = function
          nil
        end

        # The name of a method's tracepoint. Subclasses may override it.
        #
        # @param method_name [Symbol]
        # @return [String] as in `save_bang_rows` for `save!` and the tracer Rows; `save_bang` if the
        #   tracer has a wrapping function. A name that is too long for librst loses its beginning
        def tracepoint_name(method_name)
          return Names.probe(method_name) if wrapping_function

          tracer = Names.plain(Helpers.underscore(name.to_s[/[^:]+\z/] || 'tracer'))
          "#{Names.probe(method_name)}_#{tracer}"
        end

        # The values that are fired for a call. Override it, or call {.set_values}.
        #
        # @param call [Call]
        # @return [Array] one value for each argument of the tracepoint
        def values(call)
          block = setting(:@block)
          verify = setting(:@verify)
          verify = Verifier.default if verify.nil?
          verify ? Verifier.run(block, verify, inspect, fires_at, call) : block.call(call)
        end

        # @return [Symbol] when it fires, of {WrapperModule::MOMENTS}
        # @api private
        def fires_at
          setting(:@fires_at) || :return
        end

        # @return [Class, nil] what measures a call in C, without a {Call}; see {WrapperModule}
        # @api private
        def meter; end

        # @return [Proc, nil] what {.set_wrapping_function} was given
        # @api private
        def wrapping_function
          setting(:@wrapping_function)
        end

        private

        # What this class says of itself, else what its superclass says.
        def setting(name)
          return instance_variable_get(name) if instance_variable_defined?(name)

          superclass.__send__(:setting, name) unless equal?(Base)
        end

        # From now on this is one of Tracer.all.
        def join
          # Each class is its own value, because before Ruby 3.3 `keys` and `values` leave out only
          # what has a dead value, and would give dead keys.
          @classes ||= ObjectSpace::WeakMap.new
          Tracer.add(self)
        end

        def check(klass)
          unless Module === klass
            raise RegistrationError,
                  "only a class or a module can be registered, not #{Shown.value(klass)}"
          end
          if Classes.refinement?(klass)
            raise RegistrationError,
                  "#{Names.described(klass)} is a refinement: its methods can't be wrapped"
          end
          raise RegistrationError, "#{Names.described(klass)} is frozen: its methods can't be wrapped" if Classes.ask(
            klass, :frozen?
          )
          raise RegistrationError, "#{inspect} must call set_tracepoint_data_types first" unless setting(:@types)
          return if wrapping_function || setting(:@block) || method(:values).owner != Base.singleton_class

          raise RegistrationError, "#{inspect} must call set_values, or define self.values, first"
        end

        def find(klass, name)
          unless String === name || Symbol === name
            raise RegistrationError, "a method's name must be a Symbol or a String, not #{Shown.value(name)}"
          end

          Lookup.find(klass, name) || raise(RegistrationError, Lookup.complaint(klass, name))
        end

        def provider_of(klass, provider)
          return provider if provider.is_a?(Provider)

          Provider.register(provider || Names.provider(klass))
        end

        # The name that a subclass gives it. Don't ask under the lock: the program may hold its own
        # lock, and define a method while it does.
        def named_as(name)
          Names.shortened(tracepoint_name(name).to_s, LibRST::MAX_PROBE_NAME)
        end

        # What the arguments of a method's tracepoint are; {Arguments} has others for each method.
        def types_of(_klass, _name, _known)
          types, named = setting(:@types)
          return [types, named] unless costs?

          types.empty? ? [types, { cost: Integer, **named }] : [[Integer, *types], named]
        end

        # All of them or none.
        def add(named, klass, provider)
          wanted = named.map { |holder, name, probe| [WrappedClass.of(holder), name, probe] }
                        .reject { |wrapped, name, _| wrapped.names(self).include?(name) }
          return if wanted.empty?

          provider = provider_of(klass, provider)
          wanted = wanted.map do |wrapped, name, probe|
            types, named_types = types_of(wrapped.klass, name, provider.tracepoints[probe])
            provider.check_tracepoint(probe, *types, **named_types)
            [wrapped, name, [probe, *types], named_types]
          end
          join
          provider.batch do
            wrap(wanted.map do |wrapped, name, types, named_types|
              [wrapped, name, provider.add_tracepoint(*types, **named_types)]
            end)
          end
          Provider.attempt { provider.enable } if enabled? && !provider.enabled?
        end

        # For {WrappedClass}.
        def add_own(wrapped, name, provider)
          return if Tracer.synchronize { wrapped.names(self).include?(name) }

          try(wrapped) do
            probe = named_as(name)
            Tracer.synchronize { add([[wrapped.klass, name, probe]], wrapped.klass, provider) }
          end
        end

        def wrap(made)
          made.each do |wrapped, name, tracepoint|
            wrapped.add(self, name, tracepoint)
            @classes[wrapped.klass] = wrapped.klass
          end
        rescue Exception
          Tracer.each_of(made) { |wrapped, name, _| wrapped.remove(self, name) }
          raise
        end

        # An error with one class doesn't keep the others from being wrapped.
        def try(wrapped)
          yield
        rescue StandardError, ScriptError => e
          Reports.once("#{inspect} of #{Names.described(wrapped.klass)}", e)
          nil
        end

        # Wrap anew those of its methods that have this tracepoint; or all of them.
        def refresh(tracepoint = nil)
          Tracer.each_of(wrapped_classes) { |wrapped| try(wrapped) { wrapped.refresh_all(self, tracepoint) } }
        end

        def tracepoints
          wrapped_classes.flat_map { |wrapped| wrapped.tracepoints(self) }
        end

        def wrapped_classes
          defined?(@classes) ? @classes.values.map { |klass| WrappedClass.find(klass) }.compact : []
        end
      end
    end
  end
end
