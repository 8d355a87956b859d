# frozen_string_literal: true

require 'static_tracing/tracer/classes'
require 'static_tracing/tracer/hooks'
require 'static_tracing/tracer/wrapper_module'

module StaticTracing
  module Tracer
    # What is wrapped of one class (or module, or singleton class): for each method the tracers, in
    # the order in which they came. It belongs to the class, and goes when that does. Used under
    # {Tracer.synchronize}.
    # @api private
    class WrappedClass
      # Where a class keeps it: an instance variable of its singleton class, where nobody looks.
      PLACE = :@static_tracing_wrapped

      # Methods that Ruby itself calls, by its own rules; {Concerns} don't wrap them.
      RUBYS_OWN = %i[
        initialize initialize_copy initialize_dup initialize_clone method_missing respond_to_missing?
      ].freeze

      # @param klass [Module]
      # @return [WrappedClass, nil]
      def self.find(klass)
        holder = Classes.ask(klass, :singleton_class)
        found = Classes.ask(holder, :instance_variable_get, PLACE) if
          Classes.ask(holder, :instance_variable_defined?, PLACE)
        found if found && found.klass.equal?(klass) # a copy of a class has it, too
      end

      # @param klass [Module]
      # @return [WrappedClass]
      def self.of(klass)
        find(klass) ||
          Classes.ask(Classes.ask(klass, :singleton_class), :instance_variable_set, PLACE, new(klass))
      end

      # A copy of a class has the same modules before it, of which Ruby takes nothing away: so they are
      # left to the copy, empty, and the class gets others.
      #
      # @param klass [Module] of which a copy was made
      # @param copy [Module]
      # @return [void]
      def self.part(klass, copy)
        wrapped = find(klass)
        wrapped.move if wrapped && !copy.equal?(klass) && wrapped.modules?(copy)
      end

      # @return [Module]
      attr_reader :klass

      def initialize(klass)
        @klass = klass
        @modules = {}
        @tracepoints = Hash.new { |all, name| all[name] = {} }
        @concerns = {}
        @originals = Hash.new { |all, name| all[name] = {} }
        @refused = {}
        @correcting = @hooked = false
      end

      # @param tracer [Class]
      # @param name [Symbol]
      # @param tracepoint [Tracepoint]
      # @return [void]
      def add(tracer, name, tracepoint)
        return if @tracepoints[name][tracer]

        hook unless Auto.on?
        @tracepoints[name][tracer] = tracepoint
        # Before Ruby 3, who includes a module doesn't see what is prepended to it later.
        module_of(tracer) if RUBY_VERSION < '3' && !(Class === klass)
        refresh(name) if tracer.enabled?
      end

      # Undo {#add}.
      def remove(tracer, name)
        @tracepoints[name].delete(tracer)
        refresh(name)
      ensure
        @tracepoints.delete(name) if @tracepoints[name].empty?
      end

      # Wrap every method that the class will define itself.
      #
      # @param tracer [Class]
      # @param provider [Provider]
      # @return [WrappedClass, nil] self; nil if the tracer does that already
      def add_all(tracer, provider)
        hook
        known = @concerns.key?(tracer)
        @concerns[tracer] = provider
        known ? nil : self
      end

      # Undo {#add_all}.
      def remove_all(tracer)
        @concerns.delete(tracer)
      end

      # @return [Array<Symbol>] the methods that the class defines itself, and that concerns wrap
      def own_names
        names = Classes.ask(klass, :instance_methods, false) + Classes.ask(klass, :private_instance_methods, false)
        names.select { |name| own?(name) }
      end

      # The concerns wrap it, if it is to be wrapped. Not under the lock: a tracer is asked for a name.
      def add_own(name)
        concerns = Tracer.synchronize { own?(name) ? @concerns.to_a : [] }
        concerns.each { |tracer, provider| tracer.__send__(:add_own, self, name, provider) }
      end

      # @param tracer [Class]
      # @return [Array<Symbol>] what it wraps
      def names(tracer)
        @tracepoints.select { |_, tracers| tracers.key?(tracer) }.keys
      end

      # @param tracer [Class]
      # @return [Array<Tracepoint>] what it fires
      def tracepoints(tracer)
        @tracepoints.each_value.map { |tracers| tracers[tracer] }.compact
      end

      # {#refresh} the methods for which the tracer fires this tracepoint; nil: any
      def refresh_all(tracer, tracepoint)
        concerned = names(tracer).select { |name| !tracepoint || @tracepoints[name][tracer].equal?(tracepoint) }
        Tracer.each_of(concerned) { |name| refresh(name) }
      end

      # @param tracer [Class]
      # @return [Array<Provider>] the providers of its tracepoints; destroyed ones are made again
      def declare(tracer)
        names(tracer).map do |name|
          old = @tracepoints[name][tracer]
          new = Provider.register(old.provider_name).add_tracepoint(old)
          @tracepoints[name][tracer] = new
          new.provider
        end.uniq
      end

      # The tracer was enabled: wrap all its methods. If one can't be, none is wrapped until the tracer is
      # enabled again.
      # @return [Array<Provider>] as of {#declare}
      def enable(tracer)
        @refused.delete(tracer)
        providers = declare(tracer)
        names(tracer).each { |name| refresh(name) }
        providers
      rescue Exception
        @refused[tracer] = true
        disable(tracer)
        raise
      end

      # The tracer was disabled.
      def disable(tracer)
        Tracer.each_of(names(tracer)) { |name| refresh(name) }
      end

      # Wrap a method as it is now, for those tracers that are enabled. For a moment it isn't wrapped.
      def refresh(name)
        unwrap(name)
      ensure
        visibility = Classes.visibility(klass, name)
        wrap(name, visibility) if visibility && @tracepoints.key?(name)
      end

      # The class has a new method of this name, or has it no more.
      def changed(name)
        return if @correcting

        unwrap(name)
        correct(klass, name)
        retire(name)
        refresh(name)
        self
      end

      # The module has a new method of its own: perhaps by module_function.
      def singleton_changed(name)
        return if @correcting

        correct(Classes.ask(klass, :singleton_class), name)
        refresh(name)
      end

      # @return [Boolean] whether another class has its wrappers
      def modules?(other)
        (Classes.ask(other, :ancestors) & @modules.values).any?
      end

      # Wrap by other modules than before. Where the class is frozen, nothing changes.
      def move
        former = @modules
        others = former.map { |tracer, wrappers| [tracer, WrapperModule.new(tracer, klass, wrappers)] }.to_h
        others.values.reverse_each { |wrappers| Classes.ask(klass, :prepend, wrappers) }
        @modules = others
        Tracer.each_of(@tracepoints.keys) do |name|
          former.each_value { |wrappers| wrappers.unwrap(name) }
          refresh(name)
        end
      end

      # @param found [UnboundMethod] what the program asked for
      # @return [UnboundMethod] the method below the wrappers, if it is a wrapper of this class
      def original(found)
        tracer = @modules.key(found.owner)
        (@originals.dig(found.name, tracer) if tracer && wrapper_of(found) == tracer) || found
      end

      private

      def hook
        Hooks.install(klass) unless @hooked
        @hooked = true
      end

      def module_of(tracer)
        @modules[tracer] ||= WrapperModule.new(tracer, klass).tap { |wrappers| Classes.ask(klass, :prepend, wrappers) }
      end

      def unwrap(name)
        Tracer.each_of(@modules.values) { |wrappers| wrappers.unwrap(name) }
      end

      # What the class only inherits may change without a word: its wrapper takes whatever comes. So does
      # one that stands before a method that the program prepended, as it may between two wrappers.
      def wrap(name, visibility)
        enabled = @tracepoints[name].select do |tracer, tracepoint|
          tracer.enabled? && !@refused[tracer] && Auto.wraps?(tracepoint)
        end
        hook unless enabled.empty?
        enabled.each_key { |tracer| module_of(tracer) }
        below = methods_below(name) unless enabled.empty?
        Tracer.each_of(enabled) do |tracer, tracepoint|
          original = below.fetch(tracer)
          parameters = original.parameters if original.owner.equal?(klass)
          module_of(tracer).wrap(name, visibility, parameters, tracer, tracepoint, original.parameters)
          @originals[name][tracer] = original
        end
      end

      # While none of them is there: for each tracer the method that its wrapper is going to call.
      def methods_below(name)
        ancestors = Classes.ask(klass, :ancestors)
        methods = chain(name)
        places = places_of(methods, ancestors)
        @modules.transform_values do |wrappers|
          place = ancestors.index(wrappers)
          below = places.index { |one| one > place }
          below ? methods[below] : methods.last
        end
      end

      # A module may be there twice, prepended and included: the search goes on from where it was.
      def places_of(methods, ancestors)
        last = -1
        methods.map do |method|
          place = (last + 1...ancestors.size).find { |one| ancestors[one].equal?(method.owner) }
          last = place || last
        end
      end

      # A method, and those that `super` leads to.
      def chain(name)
        methods = [Classes.ask(klass, :instance_method, name)]
        while (method = methods.last.super_method)
          methods << method
        end
        methods
      end

      # The class has another method of that name, or none.
      def retire(name)
        originals = @originals.delete(name) || {}
        originals.each { |tracer, original| @modules[tracer]&.retire(name, original) }
      end

      # An alias of a wrapped method, made while it was, is an alias of its wrapper; which would be
      # traced after the tracer is disabled, and would never end where the alias has the method's own
      # name, or is called from the method that replaces it. It becomes an alias of the method.
      def correct(holder, name)
        visibility = Classes.visibility(holder, name)
        copy = Classes.ask(holder, :instance_method, name) if visibility
        tracer = wrapper_of(copy) if copy && [holder, *@modules.values].include?(copy.owner)
        original = @originals.dig(copy.original_name, tracer) if tracer
        replace(holder, name, original, visibility) if original
      end

      def replace(holder, name, method, visibility)
        @correcting = true
        Classes.quietly { Classes.ask(holder, :define_method, name, method) }
        Classes.ask(holder, visibility, name)
      ensure
        @correcting = false
      end

      # @return [Class, nil] the tracer whose wrapper this is
      def wrapper_of(method)
        found = @modules.find do |tracer, wrappers|
          function = tracer.wrapping_function
          function ? function.source_location == method.source_location : wrappers.current?(method)
        end
        found&.first
      end

      # Something else may have been prepended, and have a method of that name, too: as other tracers have.
      def own?(name)
        return false if RUBYS_OWN.include?(name)

        Classes.visibility(klass, name) && chain(name).any? { |method| method.owner.equal?(klass) }
      end
    end
  end
end
