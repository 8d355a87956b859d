# frozen_string_literal: true

module StaticTracing
  # What the earlier gem of this name called {Error}. This and the rest of the file is for programs
  # that were written for that one.
  BaseError = Error
  # What the earlier gem called an error of its C part: {LibraryError}.
  USDTError = LibraryError
  # Another name for {USDTError}.
  InternalError = LibraryError

  # {Tracer} and {Configuration#add_tracer}, by the names that the earlier gem had for them.
  module Tracers
    # {.add} raises this if it is given something else than a tracer.
    InvalidTracerError = Configuration::InvalidValueError

    class << self
      # @param tracer [Class] a subclass of {Tracer::Base}
      # @return [void]
      # @raise [Configuration::InvalidValueError] if it isn't one
      def add(tracer)
        Configuration.add_tracer(tracer)
      end

      # @return [void] see {Tracer.enable!}
      def enable!
        Tracer.enable!
      end

      # @return [void] see {Tracer.disable!}
      def disable!
        Tracer.disable!
      end

      # @return [void] see {Tracer.clean}
      def clean
        Tracer.clean
      end
    end
  end

  # What the earlier gem said of the machine.
  module Platform
    module_function

    # @return [Boolean]
    def linux?
      RUBY_PLATFORM.include?('linux')
    end

    # @return [Boolean]
    def darwin?
      RUBY_PLATFORM.include?('darwin')
    end

    # @return [Boolean] whether tracepoints can be there; see {Provider#enable} for whether they are
    def supported_platform?
      linux?
    end
  end
end
