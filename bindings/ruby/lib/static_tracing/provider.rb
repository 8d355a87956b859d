# frozen_string_literal: true

require 'static_tracing/librst'
require 'static_tracing/reports'
require 'static_tracing/shown'
require 'static_tracing/tracepoint'

module StaticTracing
  # A named group of tracepoints, which tracers find once it is enabled.
  #
  #     shop = StaticTracing::Provider.register(:shop)
  #     shop.add_tracepoint(:checkout, order: Integer, customer: String)
  #     shop.enable
  #     shop.path # => "/proc/4711/fd/9", for bpftrace -e 'usdt:/proc/4711/fd/9:shop:checkout { … }'
  #
  # Enabling takes some ten microseconds and a file descriptor. After that, an unwatched tracepoint
  # costs about as much as reading a number. Every method may be called from any thread of the main
  # Ractor, and works in a forked child, but not in a signal's handler.
  class Provider
    # There is no provider of that name.
    class ProviderMissingError < Error; end

    # The provider of what names no provider.
    DEFAULT = 'global'

    @providers = {}
    @lock = Reports::Lock.new

    class << self
      # Find or make a provider. One that is made while {StaticTracing.enabled?} is enabled.
      #
      # @param namespace [String, Symbol, Provider] `[A-Za-z_][A-Za-z0-9_]*`, at most 58 bytes
      # @return [Provider]
      # @raise [LibraryError] if librst refuses the name
      def register(namespace = DEFAULT)
        @lock.synchronize do
          name = LibRST.checked_name('provider', name_of(namespace))
          @providers[name] ||= new(name)
        end
      end

      # @param namespace [String, Symbol, Provider] there is always a provider "global"
      # @return [Provider]
      # @raise [ProviderMissingError] if there is no such provider
      def fetch(namespace)
        name = name_of(namespace).to_s
        return register if name == DEFAULT

        all.fetch(name) do
          raise ProviderMissingError,
                "there is no provider #{Shown.quoted(name)}; the providers are: #{Shown.list(all.keys)}"
        end
      end

      # Enable one provider.
      #
      # @param namespace [String, Symbol, Provider]
      # @return [Boolean] see {#enable}
      # @raise [ProviderMissingError] if there is no such provider
      def load(namespace)
        fetch(namespace).enable
      end

      # Enable all providers. One that can't be is logged, and the others are enabled.
      # @return [void]
      def enable!
        all.each_value { |provider| attempt { provider.enable } }
      end

      # Disable all providers. One that can't be is logged, and the others are disabled.
      # @return [void]
      def disable!
        all.each_value { |provider| attempt { provider.disable } }
      end

      # @return [Hash{String => Provider}] all there are now; `[]` takes a Symbol, too
      def all
        @lock.synchronize { Provider.snapshot(@providers) }
      end

      # @api private
      def forget(provider)
        @lock.synchronize { @providers.delete(provider.namespace) }
        Shortcuts.forget(provider.namespace)
      end

      # @return [Hash] a frozen copy, in which `[]` finds a Symbol by its name
      # @api private
      def snapshot(hash)
        copy = Hash.new { |all, key| key.is_a?(Symbol) ? all.fetch(key.to_s, nil) : nil }
        copy.update(hash).freeze
      end

      # Log an error of librst's instead of raising it.
      # @api private
      def attempt
        yield
      rescue LibraryError => e
        Reports.log(:error, e.message)
        false
      end

      private :new

      private

      def name_of(provider)
        Provider === provider ? provider.namespace : provider
      end
    end

    # @return [String] its name
    attr_reader :namespace
    alias name namespace

    # @api private
    def initialize(namespace)
      @namespace = namespace
      @tracepoints = {}
      @handles = {}
      @lock = Reports::Lock.new
      @batches = []
      @wanted = StaticTracing.enabled?
      @destroyed = false
      @pointer = LibRST.available? ? LibRST.check_pointer(LibRST.rst_provider_new(namespace)) : nil
    end

    # Declare a tracepoint, or find it if it was already declared with the same arguments. If the
    # provider is enabled, the tracepoint can be watched at once; see {#batch} for many.
    #
    # @param name [String, Symbol, Tracepoint] `[A-Za-z_][A-Za-z0-9_]*`; or a tracepoint of any
    #   provider, to declare one like it
    # @param types [Array<Class, Symbol>] see {Tracepoint.new}
    # @param named [Hash{Symbol => Class, Symbol}] see {Tracepoint.new}; `verify:`, too
    # @return [Tracepoint]
    # @raise [Tracepoint::InvalidArgType] if an argument's type is unknown, or there are too many
    # @raise [Tracepoint::TracepointExistsError] if it was declared with other arguments, or another
    #   `verify:`
    # @raise [LibraryError] if librst refuses the name
    def add_tracepoint(name, *types, **named)
      return add_like(name) if name.is_a?(Tracepoint)

      @lock.whole do
        tracepoint = check_tracepoint(name, *types, **named)
        next tracepoint if @tracepoints.key?(tracepoint.name)

        bind(tracepoint)
        @tracepoints[tracepoint.name] = tracepoint
        load_late
        tracepoint
      end
    end

    # Raise what {#add_tracepoint} would raise because of these arguments, and declare nothing.
    # @return [Tracepoint] the one that was declared before, or one that isn't declared yet
    # @api private
    def check_tracepoint(name, *types, **named)
      @lock.synchronize do
        raise Error, "provider #{namespace} was destroyed" if @destroyed

        tracepoint = Tracepoint.build(namespace, LibRST.checked_name('probe', name), types, named)
        known = @tracepoints[tracepoint.name]
        known ? same(known, tracepoint) : tracepoint
      end
    end

    # Declare many tracepoints of an enabled provider, and load them as one image at the block's end.
    # (Each load needs a file descriptor.)
    #
    # @yieldparam provider [Provider] self
    # @return [Object] what the block returned
    def batch
      @lock.synchronize { @batches << Thread.current }
      yield self
    ensure
      @lock.whole do
        index = @batches.index(Thread.current)
        @batches.delete_at(index) if index
        load_late
      end
    end

    # Let tracers find the tracepoints, and those that are declared later.
    #
    # @return [Boolean] whether tracers can find them now; false if there is no librst, if librst
    #   doesn't support the CPU, or if `RST_DISABLE` is set
    # @raise [LibraryError] if librst could not load them; firing them then does nothing
    def enable
      @lock.whole do
        @wanted = true
        load_all
        enabled?
      end
    end
    alias load enable

    # Hide the tracepoints from tracers. A tracer that stays attached sees them again when the
    # provider is enabled.
    #
    # @return [Boolean] true
    # @raise [LibraryError] if the process may not make memory executable; even then, firing them does
    #   nothing
    def disable
      @lock.whole do
        @wanted = false
        LibRST.check(LibRST.rst_provider_unload(@pointer)) if @pointer
        true
      end
    end
    alias unload disable

    # @return [Boolean] whether tracers can find the tracepoints
    def enabled?
      @lock.synchronize { @pointer ? LibRST.rst_provider_loaded(@pointer) : false }
    end

    # Disable it, and forget it and its tracepoints, which do nothing from now on. Its name can be
    # used again.
    #
    # @return [void]
    # @raise [Error] while other Ractors run, because they may be firing
    def destroy
      @lock.whole do
        if defined?(Ractor) && Ractor.count > 1
          raise Error, "provider #{namespace} can't be destroyed while other Ractors run; disable it instead"
        end

        Provider.forget(self) unless @destroyed
        @destroyed = true
        @tracepoints.each_value { |tracepoint| tracepoint.send(:bind, 0) }
        @tracepoints = {}
        @handles = {}
        LibRST.rst_provider_free(@pointer) if @pointer
        @pointer = nil
      end
    end

    # @return [String, nil] what a tracer attaches to, a file or `/proc/PID/fd/N`; nil if the provider
    #   isn't enabled or has no tracepoints. Tracepoints that were added to an enabled provider have
    #   other paths: see {#paths} and {Tracepoint#path}
    def path
      paths.first
    end

    # @return [Array<String>] every path of its tracepoints
    def paths
      @lock.synchronize { @handles.keys.map { |name| path_of(name) }.compact.uniq }
    end

    # @api private
    def path_of(name)
      @lock.synchronize { @handles[name] && LibRST.rst_probe_path(@handles[name]) }
    end

    # @return [Hash{String => Tracepoint}] its current tracepoints; `[]` takes a Symbol, too
    def tracepoints
      @lock.synchronize { Provider.snapshot(@tracepoints) }
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{namespace}#{' enabled' if enabled?} (#{tracepoints.size} tracepoints)>"
    end

    private

    def add_like(other)
      unnamed = other.arg_names.count(nil)
      named = other.arg_names.drop(unnamed).map(&:to_sym).zip(other.args.drop(unnamed)).to_h
      named[:verify] = other.verify unless other.verify.nil? || named.key?(:verify)
      add_tracepoint(other.name, *other.args.take(unnamed), **named)
    end

    def same(known, tracepoint)
      check_verify(known, tracepoint)
      return known if [known, tracepoint].map { |one| [one.signature, one.send(:kinds)] }.uniq.one?

      same = known.signature == tracepoint.signature # of a String and a Symbol, for example
      raise Tracepoint::TracepointExistsError,
            "#{known} is already declared, and can't be declared again as #{tracepoint}" \
            "#{" (#{known.args.inspect}, #{tracepoint.args.inspect})" if same}"
    end

    def check_verify(known, tracepoint)
      return if tracepoint.verify.nil? || tracepoint.verify == known.verify

      was = known.verify.nil? ? 'without verify' : "with verify: #{known.verify.inspect}"
      raise Tracepoint::TracepointExistsError,
            "#{known} is already declared #{was}, and can't be declared again with verify: #{tracepoint.verify.inspect}"
    end

    def bind(tracepoint)
      return tracepoint.send(:rebind) unless @pointer

      handle = LibRST.rst_provider_add(@pointer, tracepoint.name, tracepoint.signature)
      @handles[tracepoint.name] = LibRST.check_pointer(handle)
      tracepoint.send(:bind, handle.address)
    end

    # Tracepoints that were added to an enabled provider. A failure here is logged, because the
    # program is at work and must not be stopped by it.
    def load_late
      Provider.attempt { load_all } if @wanted && !batching?
    end

    # Whether a block of #batch is still running. A forked child has only the thread that forked, so
    # other threads' blocks never end there.
    def batching?
      @batches.any?(&:alive?)
    end

    def load_all
      return unless @pointer

      choose_backing
      LibRST.check(LibRST.rst_provider_load(@pointer))
    rescue LibraryError => e
      raise unless e.errno == Errno::ENOTSUP::Errno

      Reports.once('librst', e)
    end

    # Before the first load; later it can't be changed.
    def choose_backing
      kind, directory = LibRST.backing(StaticTracing.configuration.backing)
      result = LibRST.rst_provider_set_backing(@pointer, kind, directory)
      LibRST.check(result) unless result == -Errno::EBUSY::Errno
    end
  end
end
