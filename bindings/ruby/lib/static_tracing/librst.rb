# frozen_string_literal: true

require 'static_tracing/errors'
require 'static_tracing/reports'
require 'static_tracing/shown'

module StaticTracing
  # librst by FFI: its functions under their own names, for what is done rarely (declaring, loading).
  # The C part, static_tracing/native, fires.
  #
  # If `LIBRST_PATH` is set, the librst that it names is loaded, and no other; if not, the one that
  # the gem was built with, or else an installed one. If none can be loaded, {.available?} is false,
  # the reason is logged once, and every tracepoint does nothing.
  #
  # @api private
  module LibRST
    # The name of an installed librst: its soname, which says what ABI this file is written for.
    SONAME = 'librst.so.0'

    # name => [result, arguments], as in rst.h.
    FUNCTIONS = {
      rst_provider_new: [:pointer, %i[string]],
      rst_provider_free: [:void, %i[pointer]],
      rst_provider_set_backing: [:int, %i[pointer int string]],
      rst_provider_add: [:pointer, %i[pointer string string]],
      rst_provider_load: [:int, %i[pointer]],
      rst_provider_unload: [:int, %i[pointer]],
      rst_provider_loaded: [:bool, %i[pointer]],
      rst_probe_path: [:string, %i[pointer]],
      rst_error: [:string, []],
      rst_version: [:string, []]
    }.freeze

    # As in rst.h; by the words that `RST_BACKING` has for them.
    BACKINGS = { 'auto' => 0, 'memfd' => 1, 'file' => 2 }.freeze

    # What providers and tracepoints can be called.
    NAME = /\A[A-Za-z_][A-Za-z0-9_]*\z/.freeze

    # The longest name of a provider, in bytes; as in rst.h.
    MAX_PROVIDER_NAME = 58

    # The longest name of a tracepoint, in bytes; as in rst.h.
    MAX_PROBE_NAME = 127

    # What {.checked_name} checks => how many bytes its name can have.
    LONGEST = { 'provider' => MAX_PROVIDER_NAME, 'probe' => MAX_PROBE_NAME }.freeze

    @lock = Reports::Lock.new
    @available = nil

    class << self
      # @return [String, nil] what was loaded: a path, or a name that the linker knows
      attr_reader :path

      # Load librst, unless that was tried already.
      # @return [Boolean] whether there is a librst to call
      def available?
        return @available unless @available.nil?

        @lock.synchronize { @available = load_library if @available.nil? }
        @available
      end

      # Names that librst refuses are refused even where there is no librst, so that the same names
      # work everywhere.
      #
      # @param what [String] what it names
      # @param value [String, Symbol]
      # @return [String] frozen
      # @raise [LibraryError] if it is not a name
      def checked_name(what, value)
        text = value.to_s
        unless text.encoding.ascii_compatible? && text.b.match?(NAME)
          raise LibraryError.new("#{what} name #{Shown.quoted(text)} is not a name: a letter or _ first, then " \
                                 'letters, digits and _', Errno::EINVAL::Errno)
        end

        check_length(what, text)
        text.dup.freeze
      end

      # @param words [String] as of {Configuration#backing}
      # @return [Array(Integer, String)] what rst_provider_set_backing() takes; nil for no directory
      def backing(words)
        kind, directory = words.b.split(':', 2)
        [BACKINGS.fetch(kind), directory]
      end

      # @param result [Integer] what a function of librst returned
      # @return [Integer] the result, if it isn't an error
      # @raise [LibraryError] with librst's words
      def check(result)
        raise failure(-result) if result.negative?

        result
      end

      # @param pointer [FFI::Pointer] what a function of librst returned
      # @return [FFI::Pointer] the pointer, if it is not NULL
      # @raise [LibraryError] with librst's words
      def check_pointer(pointer)
        raise failure(FFI.errno) if pointer.null?

        pointer
      end

      private

      def check_length(what, name)
        longest = LONGEST.fetch(what, name.bytesize)
        return if name.bytesize <= longest

        raise LibraryError.new("#{what} name #{Shown.quoted(name)} has #{name.bytesize} bytes; at most " \
                               "#{longest} are allowed", Errno::ENAMETOOLONG::Errno)
      end

      def failure(errno)
        LibraryError.new(rst_error, errno)
      end

      def load_library
        raise ::LoadError, Elsewhere::REASON unless CRUBY

        require 'ffi'
        extend FFI::Library
        @path = find_library
        FUNCTIONS.each { |name, (result, arguments)| attach_function(name, arguments, result) }
        Native.find_function = ffi_libraries.first.find_function('rst_probe_function').address
        true
      rescue ::LoadError, StandardError => e
        reason = e.message.strip.gsub(/\s*\n\s*/, ' ') # newer versions of ffi say it in two lines
        Reports.log(:warn, "static tracing is off, and every tracepoint does nothing: #{reason}")
        false
      end

      # @return [String] the first of {#candidates} that can be loaded
      def find_library
        failures = []
        failures << 'the gem was built without librst (its ext/librst/left-out.log says why)' unless chosen || built
        candidates.each do |candidate|
          ffi_lib candidate
          return candidate
        rescue ::LoadError => e
          failures << e.message.lines.first.strip
        end
        raise ::LoadError, failures.join('; ')
      end

      def candidates
        chosen ? [chosen] : [built, SONAME].compact
      end

      def chosen
        path = ENV['LIBRST_PATH'].to_s
        path unless path.empty?
      end

      def built
        _, path = $LOAD_PATH.resolve_feature_path('static_tracing/librst.so')
        path
      rescue ::LoadError # Ruby 2.7's word for nil
        nil
      end
    end
  end
end
