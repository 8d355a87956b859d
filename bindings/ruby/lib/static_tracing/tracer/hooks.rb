# frozen_string_literal: true

require 'static_tracing/engine'
require 'static_tracing/tracer/classes'

module StaticTracing
  module Tracer
    # What is prepended to the singleton class of a class that has wrapped methods, to keep up with
    # what the program does to them: define them again with other parameters, alias them, change their
    # visibility, remove them, or take one as an object to define the method again by it.
    #
    # `private`, `public` and `protected` are in C, in {VisibilityHooks}: without arguments they are
    # about the frame that calls them, and a method in Ruby between the two would be that.
    # @api private
    module Hooks
      include VisibilityHooks

      # The same for singleton classes of objects that aren't modules.
      module OfObject
        private

        def singleton_method_added(name)
          super.tap { Hooks.object_changed(self, name) }
        end

        def singleton_method_removed(name)
          super.tap { Hooks.object_changed(self, name) }
        end

        def singleton_method_undefined(name)
          super.tap { Hooks.object_changed(self, name) }
        end
      end

      class << self
        # @param klass [Module] that is going to have wrapped methods
        # @return [void]
        def install(klass)
          prepend_to(Classes.ask(klass, :singleton_class), self)
          return unless Classes.ask(klass, :singleton_class?)

          prepend_to(klass, Classes.ask(klass, :<=, Module) ? self : OfObject)
        end

        # A class has a new method of this name, or has it no more.
        def changed(klass, name)
          wrapped = tell(klass) { |one| one.changed(name) }
          aside(klass) { wrapped.add_own(name) } if wrapped
        end

        # The same of the singleton class of a class.
        def singleton_changed(klass, name)
          tell(klass) { |wrapped| wrapped.singleton_changed(name) }
          object_changed(klass, name)
        end

        # The same of the singleton class of any object.
        def object_changed(object, name)
          changed(Classes.ask(object, :singleton_class), name) if Ractors.main?
        end

        # @param copy [Object] what dup() or clone() made of a class or an object
        # @return [Object] that
        def copied(original, copy)
          if Module === copy && Ractors.main?
            part(original, copy)
            part(Classes.ask(original, :singleton_class), Classes.ask(copy, :singleton_class))
          end
          copy
        end

        # @param found [Object] what the program found in a class
        # @return [Object] the method below, if that is a wrapper
        def original(klass, found)
          (UnboundMethod === found && tell(klass) { |wrapped| wrapped.original(found) }) || found
        end

        def aside(klass)
          yield
        rescue StandardError, ScriptError => e
          Reports.once("#{Names.described(klass)} changed", e)
          nil
        end

        def part(klass, copy)
          tell(klass) { WrappedClass.part(klass, copy) }
        end

        # What a class calls by a hook's name may be something of its own, which stays as visible as it is.
        def prepend_to(holder, hooks)
          names = Classes.ask(hooks, :instance_methods) + Classes.ask(hooks, :private_instance_methods)
          visible = names.map { |name| [name, Classes.visibility(holder, name)] }.to_h.compact
          visible.reject! { |name, visibility| visibility == Classes.visibility(hooks, name) }
          Classes.ask(holder, :prepend, hooks)
          Classes.ask(holder, :prepend, visibilities(visible)) unless visible.empty?
        end

        def visibilities(visible)
          @visibilities ||= {}
          @visibilities[visible] ||= Module.new do
            visible.each do |name, visibility|
              code = "def #{name}(*arguments, &block) super; end"
              class_eval(code, __FILE__, __LINE__ - 1)
              ruby2_keywords(name)
              send(visibility, name)
            end
          end
        end
        private :aside, :part, :prepend_to, :visibilities

        # Called by {VisibilityHooks}.
        #
        # @param klass [Module]
        # @param names [Array<Symbol, String, Array>] as private() was given them
        # @return [void]
        def visibility_changed(klass, names)
          tell(klass) do |wrapped|
            named = names.flatten.select { |name| Symbol === name || String === name }
            Tracer.each_of(named) { |name| wrapped.refresh(name.to_sym) }
          end
        end

        # The same of a class's own methods.
        def class_visibility_changed(klass, names)
          visibility_changed(Classes.ask(klass, :singleton_class), names) if Ractors.main?
        end

        # Tell a class's wrappers what happened. An error there is logged, because the program only
        # defines a method.
        #
        # @param klass [Module]
        # @yieldparam wrapped [WrappedClass]
        # @return [Object, nil] what the block returned
        def tell(klass)
          return unless Ractors.main?

          aside(klass) do
            Tracer.synchronize do
              wrapped = WrappedClass.find(klass)
              yield wrapped if wrapped
            end
          end
        end
      end

      # A method taken as an object is the one below the wrappers: that is what Ruby would give.
      def instance_method(*arguments, &block)
        Hooks.original(self, super)
      end

      # As {#instance_method}.
      def public_instance_method(*arguments, &block)
        Hooks.original(self, super)
      end

      ruby2_keywords :instance_method, :public_instance_method if respond_to?(:ruby2_keywords, true)

      # A copy isn't traced, and may change its methods as it likes.
      def dup(*arguments, &block)
        Hooks.copied(self, super)
      end

      # As {#dup}.
      def clone(*arguments, &block)
        Hooks.copied(self, super)
      end
      ruby2_keywords :dup, :clone if respond_to?(:ruby2_keywords, true)

      # Its wrapper becomes private, too.
      def private_class_method(*names)
        super.tap { Hooks.class_visibility_changed(self, names) }
      end

      # Its wrapper becomes public, too.
      def public_class_method(*names)
        super.tap { Hooks.class_visibility_changed(self, names) }
      end

      private

      def method_added(name)
        super.tap { Hooks.changed(self, name) }
      end

      def method_removed(name)
        super.tap { Hooks.changed(self, name) }
      end

      def method_undefined(name)
        super.tap { Hooks.changed(self, name) }
      end

      def singleton_method_added(name)
        super.tap { Hooks.singleton_changed(self, name) }
      end

      def singleton_method_removed(name)
        super.tap { Hooks.singleton_changed(self, name) }
      end

      def singleton_method_undefined(name)
        super.tap { Hooks.singleton_changed(self, name) }
      end
    end
  end
end
