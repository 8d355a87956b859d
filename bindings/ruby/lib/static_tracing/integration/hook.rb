# frozen_string_literal: true

module StaticTracing
  module Integration
    # Methods around a framework's own, which are there only while somebody watches.
    #
    # A module can't be taken back once it is prepended. So an empty one is, when somebody watches for
    # the first time, and the methods come and go in it. A call that is under way when they go ends as
    # it began.
    # @api private
    class Hook
      # @param methods [Module] methods that call super
      # @yieldreturn [Module] the framework's class or module; asked when somebody watches
      def initialize(methods, &target)
        @methods = methods
        @target = target
        @shell = nil
      end

      # Put the methods around the framework's. A second time, as after a fork, changes nothing.
      # @return [void]
      def install
        @shell ||= Module.new.tap { |shell| @target.call.prepend(shell) }
        remove
        @methods.public_instance_methods(false).each { |name| define(name, :public) }
        @methods.private_instance_methods(false).each { |name| define(name, :private) }
      end

      # @return [void]
      def remove
        @shell&.module_eval do
          [*public_instance_methods(false), *private_instance_methods(false)].each { |name| remove_method(name) }
        end
      end

      private

      def define(name, visibility)
        @shell.define_method(name, @methods.instance_method(name))
        @shell.send(visibility, name)
      end
    end
  end
end
