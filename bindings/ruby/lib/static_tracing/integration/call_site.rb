# frozen_string_literal: true

require 'rbconfig'

module StaticTracing
  module Integration
    # The line of the application's own code that is running, below frameworks and gems.
    # @api private
    module CallSite
      # Frames of the first look, where most applications' code is found; the second looks at all.
      FIRST_LOOK = 60

      # How many files are known at most: a program that evaluates code may invent names without end.
      REMEMBERED = 10_000

      # Code that has no file of its own.
      NO_FILE = /\A(?:<internal:|\(eval)/.freeze

      # Where gems and Ruby itself are.
      FOREIGN = [*Gem.path, *Gem.loaded_specs.each_value.map(&:full_gem_path),
                 *RbConfig::CONFIG.values_at('rubylibprefix', 'vendordir', 'sitedir'),
                 File.expand_path('../..', __dir__)].uniq.map { |directory| File.join(directory, '') }.freeze

      @root = nil
      @known = {}

      class << self
        # @return [String, nil] the application's directory; nil: whatever isn't Ruby's or a gem's is its own
        attr_reader :root

        # @param directory [String, Pathname, nil]
        # @return [void]
        def root=(directory)
          @root = directory && File.join(directory.to_s, '')
          @known = {}
        end

        # @return [String] as in `app/models/order.rb:12`; an empty one if there is none
        def find
          found = nil
          each_frame { |frame| break found = frame if own?(frame.path) }
          found ? "#{shown(found.path)}:#{found.lineno}" : ''
        end

        # @return [String] a file's name, within the application if it is there
        def shown(path)
          root && path.start_with?(root) ? path.delete_prefix(root) : path
        end

        private

        def each_frame(&block)
          return Thread.each_caller_location(&block) if Thread.respond_to?(:each_caller_location)

          caller_locations(2, FIRST_LOOK).each(&block)
          caller_locations(2 + FIRST_LOOK)&.each(&block)
        end

        def own?(path)
          known = @known[path]
          return known unless known.nil?

          @known = {} if @known.size >= REMEMBERED
          @known[path] = application?(path)
        end

        def application?(path)
          return false if NO_FILE.match?(path) || path.start_with?(*FOREIGN)
          return true unless root && path.start_with?('/')

          path.start_with?(root) && !path.start_with?("#{root}vendor/", "#{root}bin/")
        end
      end
    end
  end
end
